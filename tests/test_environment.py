"""Devices and what a row says of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genbench import environment
from genbench.errors import UsageError
from genbench.leaderboard.schema import SCHEMA


def test_auto_is_cuda_where_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert environment.choose_device("auto").type == expected


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "", "mps", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_a_usage_error_that_names_it(wanted: str) -> None:
    with pytest.raises(UsageError, match=f"--device '?{wanted}"):
        environment.choose_device(wanted)


@pytest.mark.parametrize(
    ("wanted", "devices"),
    [
        ("auto", ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda", ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda:1", ["cuda:1"]),
        ("cuda:2,0,2", ["cuda:2", "cuda:0"]),
        ("cpu", ["cpu"]),
    ],
)
def test_every_cuda_device_is_a_slot_unless_some_are_chosen(
    monkeypatch: pytest.MonkeyPatch, wanted: str, devices: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert environment.choose_devices(wanted) == devices


@pytest.mark.parametrize("wanted", ["cuda:0,9", "cuda:x,1", "cpu,cuda"])
def test_a_list_of_devices_that_are_not_there_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    with pytest.raises(UsageError, match="--device"):
        environment.choose_devices(wanted)


def test_without_cuda_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert environment.choose_devices("auto") == ["cpu"]
    with pytest.raises(UsageError, match=r"--device cuda: torch .* sees no such device here"):
        environment.choose_devices("cuda")


def test_what_is_described_stands_in_columns_of_its_name() -> None:
    described = environment.describe(torch.device("cpu"))
    assert set(described) <= set(SCHEMA.names)
    assert described["device_name"]
    assert described["threads"] == torch.get_num_threads()


def test_threads_are_those_asked_for_in_torch_and_in_blas() -> None:
    from threadpoolctl import threadpool_info

    before = torch.get_num_threads()
    with environment.repeatable(torch.device("cpu"), threads=3):
        assert torch.get_num_threads() == 3
    with environment.repeatable(torch.device("cpu"), threads=1):
        blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        assert set(blas) == {1}
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_distribution_that_lost_its_metadata_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_behind-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert "torch" in environment.installed_distributions()


def test_peak_memory_follows_what_is_allocated() -> None:
    device = torch.device("cpu")
    environment.reset_peak_memory(device)
    before = environment.peak_memory_bytes(device)
    block = torch.ones(64 * 2**20 // 4)
    assert environment.peak_memory_bytes(device) >= before + 48 * 2**20
    del block
