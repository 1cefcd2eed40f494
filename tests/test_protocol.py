"""Protocols as TOML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench import protocol
from genbench.errors import UsageError
from genbench.protocols import shipped


def write(folder: Path, change: str = "", to: str = "") -> str:
    text = shipped()["smoke"].read_text()
    assert change in text
    path = folder / "mine.toml"
    path.write_text(text.replace(change, to))
    return str(path)


@pytest.mark.parametrize("name", ["quick", "standard", "smoke"])
def test_the_protocols_that_come_with_genbench_are_valid(name: str) -> None:
    assert protocol.load(name).name == name


def test_the_fingerprint_ignores_the_default_data_set_seeds_and_metrics(tmp_path: Path) -> None:
    mine = write(tmp_path, 'dataset = "digits"\nseeds = 1\n', 'dataset = "other"\nseeds = 9\n')
    assert protocol.load(mine).fingerprint == protocol.load("smoke").fingerprint


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ("images = 2_000", "images = 2_001"),
        ("batch_size = 50", "batch_size = 25"),
        ("samples = 500", "samples = 501"),
        ("sampling_chunk = 100", "sampling_chunk = 50"),
    ],
)
def test_the_fingerprint_follows_whatever_changes_a_score(
    tmp_path: Path, change: str, to: str
) -> None:
    mine = write(tmp_path, change, to)
    assert protocol.load(mine).fingerprint != protocol.load("smoke").fingerprint


def test_an_unknown_protocol_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no protocol 'quik'\. Did you mean quick"):
        protocol.load("quik")


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ("batch_size", "batchsize", r"training\.batchsize: .*Did you mean batch_size"),
        ("seeds", "sedes", r"sedes: .*Did you mean seeds"),
        ("images = 2_000", "images = -1", r"training\.images: .*greater than 0 \(got -1\)"),
        ("points = [0.5, 1.0]", "points = [0.5]", "shares of the budget that rise"),
        ("points = [0.5, 1.0]", "points = [1.0, 0.5]", "shares of the budget that rise"),
        ("[training]", "[training", "cannot be read"),
        ("half_life_images = 500", "half_life_images = inf", "finite number"),
        ("[metric_options.kid]", "[metric_options.kidd]", r"for none of its metrics.*Did you mean"),
        ('name = "smoke"', 'name = "../smoke"', "name: "),
    ],
)
def test_a_wrong_protocol_names_the_file_the_key_and_what_it_takes(
    tmp_path: Path, change: str, to: str, message: str
) -> None:
    mine = write(tmp_path, change, to)
    with pytest.raises(UsageError, match=message) as caught:
        protocol.load(mine)
    assert "mine.toml" in str(caught.value)


def test_a_protocol_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"no protocol file 'nowhere\.toml'"):
        protocol.load("nowhere.toml")
