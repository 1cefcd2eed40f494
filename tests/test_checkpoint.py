"""Weights on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from genbench import checkpoint, weights
from genbench.checkpoint import Content
from genbench.errors import ContractError, StoreError


class Shared(nn.Module):
    """An encoder that is the trunk of a discriminator, under both names."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 2)
        self.discriminator = nn.Sequential(self.encoder, nn.Linear(2, 1))
        self.register_buffer("balance", torch.tensor(0.3))
        self.register_buffer("empty", torch.zeros(0))


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Shared, str]:
    model = Shared()
    path = tmp_path / "checkpoint.safetensors"
    average = weights.snapshot(model)
    with torch.no_grad():
        model.encoder.weight.add_(1)
    return (
        path,
        model,
        checkpoint.save(
            path,
            Content(
                weights.joined({"average": average, "last": weights.snapshot(model)}), {"n": 1}
            ),
        ),
    )


def test_a_checkpoint_gives_back_both_weights(saved: tuple[Path, Shared, str]) -> None:
    path, model, sha256 = saved
    content = checkpoint.load(path, sha256)
    last, average = (weights.of_kind(content.tensors, kind) for kind in ("last", "average"))
    assert content.plain == {"n": 1}
    assert last.keys() == average.keys() == model.state_dict().keys()
    assert all(torch.equal(last[name], value) for name, value in model.state_dict().items())
    assert torch.equal(average["encoder.weight"] + 1, last["encoder.weight"])
    fresh = Shared()
    weights.restore(fresh, last)
    assert torch.equal(fresh.encoder.weight, model.encoder.weight)


def test_a_shared_trunk_is_stored_once(saved: tuple[Path, Shared, str]) -> None:
    with safe_open(saved[0], framework="pt") as file:
        stored = list(file.keys())
    assert (
        len([key for key in stored if key.endswith(("encoder.weight", "discriminator.0.weight"))])
        == 2
    )


def test_a_snapshot_does_not_follow_the_model(saved: tuple[Path, Shared, str]) -> None:
    model = Shared()
    state = weights.snapshot(model)
    before = state["encoder.weight"].clone()
    with torch.no_grad():
        model.encoder.weight.add_(1)
    assert torch.equal(state["encoder.weight"], before)


def test_buffers_that_are_not_persistent_are_part_of_the_state() -> None:
    model = nn.Linear(2, 2)
    model.register_buffer("density", torch.tensor([1.0]), persistent=False)
    state = weights.snapshot(model)
    model.density.fill_(5.0)
    weights.restore(model, state)
    assert model.density.item() == 1.0


def test_what_fits_no_fresh_model_is_named() -> None:
    model = nn.Linear(2, 2)
    state = weights.snapshot(model)
    with pytest.raises(ContractError, match=r"bias of Linear is \(2,\) .* \(3,\) was saved"):
        weights.restore(model, {**state, "bias": torch.zeros(3)})
    with pytest.raises(ContractError, match="other parameters and buffers than were saved: bias"):
        weights.restore(model, {"weight": state["weight"]})


def test_what_fit_sets_is_gone_after_its_evaluation() -> None:
    model = nn.BatchNorm1d(2)
    with weights.buffers_kept(model):
        model.running_mean.fill_(7.0)
    assert model.running_mean.tolist() == [0, 0]


@pytest.mark.parametrize("position", [0, 200, -1])
def test_a_changed_byte_is_an_error_that_names_the_file(
    saved: tuple[Path, Shared, str], position: int
) -> None:
    path, _, sha256 = saved
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"checkpoint\.safetensors is damaged or was replaced"):
        checkpoint.load(path, sha256)


def test_a_missing_checkpoint_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone\.safetensors cannot be read: No such file"):
        checkpoint.load(tmp_path / "gone.safetensors", "0")


def test_a_foreign_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(b"not safetensors at all")
    with pytest.raises(StoreError, match=r"foreign\.safetensors cannot be read"):
        checkpoint.load(path, hashlib.sha256(path.read_bytes()).hexdigest())
