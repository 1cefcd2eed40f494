"""Baselines for genbench: models fitted at once that every other model should beat."""
