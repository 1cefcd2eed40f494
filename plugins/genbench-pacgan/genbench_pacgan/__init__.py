"""PacGAN's experiment on 2-D mixtures: the model, the protocols, the published table."""

from pathlib import Path

SUITE = Path(__file__).with_name("pacgan-2d.toml")
"""Lin et al. 2018, table 1: ``genbench suite pacgan-2d``."""
