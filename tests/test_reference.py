"""Features of the data are taken once, kept by their content, and never believed unread."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from torch import Tensor

from genbench import checkpoint, files, reference
from genbench.contract import Examples
from genbench.data import DeviceSplit
from genbench.errors import ContractError
from genbench.reference import Reference

CPU = torch.device("cpu")


class Counting:
    """Doubles, and counts how often it was asked."""

    fingerprint = "doubles"

    def __init__(self) -> None:
        self.calls = 0

    def to(self, device: torch.device) -> Counting:
        return self

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return 2 * x


def split(n: int = 6, name: str = "test") -> DeviceSplit:
    return DeviceSplit(name, Examples(torch.arange(2.0 * n).view(n, 2)), CPU)


def moments(features: Tensor) -> dict[str, Tensor]:
    return {"mean": features.mean(0)}


def test_features_are_extracted_once_and_by_another_process_not_at_all(cache: Path) -> None:
    first, second = Counting(), Counting()
    taken = Reference("data", first)
    features = taken.features(split())
    assert torch.equal(features, 2 * split().x)
    assert taken.features(split()) is features
    assert first.calls == 1
    assert torch.equal(Reference("data", second).features(split()), features)
    assert second.calls == 0
    assert len(list((cache / "features").glob("*.safetensors"))) == 1


@pytest.mark.parametrize("other", ["data", "split", "extractor", "threads"])
def test_what_decides_a_feature_decides_its_place(
    other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Reference("data", Counting()).features(split())
    extractor = Counting()
    if other == "extractor":
        extractor.fingerprint = "another"
    if other == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    data = "another" if other == "data" else "data"
    Reference(data, extractor).features(split(name="train" if other == "split" else "test"))
    assert extractor.calls == 1


def test_an_extractor_of_other_code_takes_its_own_features_whatever_its_fingerprint() -> None:
    for code, calls in (("a", 1), ("a", 0), ("b", 1)):
        extractor = Counting()
        Reference("data", extractor, taken_by={"code": code}).features(split())
        assert extractor.calls == calls


def test_statistics_are_those_of_a_name_and_of_the_metric_that_makes_them() -> None:
    made = []

    def compute() -> dict[str, Tensor]:
        made.append(1)
        return moments(taken.features(split()))

    for metric in ({"k": 1}, {"k": 1}, {"k": 2}):
        taken = Reference("data", Counting(), measured_by=metric)
        for name in ("mean/1", "mean/2"):
            found = taken.statistics(name, split(), compute)
            assert torch.equal(found["mean"], 2 * split().x.mean(0))
    assert len(made) == 4  # two names of two metrics


@pytest.mark.parametrize("damage", ["a bit", "its end", "all of it"])
def test_a_damaged_file_is_made_again_and_says_so(
    cache: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    features = Reference("data", Counting()).features(split())
    (file,) = (cache / "features").glob("*.safetensors")
    content = bytearray(file.read_bytes())
    if damage == "a bit":
        content[-1] ^= 1
    file.write_bytes({"a bit": content, "its end": content[:-3], "all of it": b""}[damage])
    extractor = Counting()
    assert torch.equal(Reference("data", extractor).features(split()), features)
    assert extractor.calls == 1
    assert "is damaged or was replaced" in capsys.readouterr().out
    again = Counting()
    Reference("data", again).features(split())
    assert again.calls == 0


def test_a_file_of_another_key_is_not_believed_whatever_its_name(cache: Path) -> None:
    Reference("data", Counting()).features(split())
    (file,) = (cache / "features").glob("*.safetensors")
    other = checkpoint.save_by_hash(
        file.parent,
        file.stem.rpartition("-")[0],
        checkpoint.Content({"features": torch.zeros(6, 2)}, {"key": "another"}),
    )
    file.unlink()
    extractor = Counting()
    assert torch.equal(Reference("data", extractor).features(split()), 2 * split().x)
    assert extractor.calls == 1
    assert other.exists()


def test_a_full_disk_costs_the_cache_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "write", full)
    features = Reference("data", Counting()).features(split())
    monkeypatch.undo()
    assert torch.equal(features, 2 * split().x)
    assert "Features are not kept for other runs:" in capsys.readouterr().out


def test_an_extractor_that_gives_something_else_is_named(cache: Path) -> None:
    class Flat(Counting):
        def __call__(self, x: Tensor) -> Tensor:
            return x.flatten()

    with pytest.raises(ContractError, match=r"features \(12,\) for 6 examples.*\(N, D\)"):
        Reference("data", Flat()).features(split())
    assert not list(cache.glob("features/*.safetensors"))


def test_examples_are_extracted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "BLOCK", 4)
    extractor = Counting()
    Reference("data", extractor).features(split(10))
    assert extractor.calls == 3
