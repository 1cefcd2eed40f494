"""What the repository itself offers has nothing wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench import registry, testing
from genbench.sample_range import SampleRange

NEEDS_A_DOWNLOAD = {"inception-v3-compat", "dinov2"}

NEEDS_FILES = {"mnist", "fashion-mnist", "cifar10", "image-folder"}
"""Checked in plugins/genbench-datasets/tests, on files that are made there."""

INSTALLED = [
    (kind, name)
    for kind in registry.KINDS
    if kind != "executor"
    for name in registry.catalogue(kind)
    if name not in NEEDS_A_DOWNLOAD | NEEDS_FILES
]


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
@pytest.mark.usefixtures("in_this_process")
def test_nothing_is_wrong_with_what_is_installed(kind: registry.Kind, name: str) -> None:
    results = testing.check(name, kind=kind)
    assert [str(finding) for result in results for finding in result.findings] == []
    assert any(result.state == "ok" for result in results)


@pytest.mark.parametrize("name", ["in-process", "local"])
def test_nothing_is_wrong_with_the_executors(name: str) -> None:
    results = testing.check(name, kind="executor")
    assert [str(finding) for result in results for finding in result.findings] == []


@pytest.mark.usefixtures("in_this_process")
def test_the_toys_that_executors_are_tried_with_keep_the_contract_too() -> None:
    from genbench.testing import toys

    for toy in (toys.Line, toys.Spots, toys.Loss):
        assert not [result for result in testing.check(toy) if result.findings], toy


@pytest.mark.parametrize("name", ["ClippedCritic", "Diffusion", "TwoStages", "Energy", "Moved"])
@pytest.mark.usefixtures("in_this_process")
def test_nothing_is_found_in_what_is_unusual_but_allowed(name: str) -> None:
    results = testing.check(f"{Path(__file__).with_name('sound.py')}:{name}")
    assert [str(finding) for result in results for finding in result.findings] == []


@pytest.mark.usefixtures("in_this_process")
def test_nothing_is_found_in_the_metric_that_every_run_has() -> None:
    results = testing.check(SampleRange)
    assert not [str(finding) for result in results for finding in result.findings]
    assert {r.check: r.note for r in results}["range"] == "clipped_fraction in [0, 1]"


@pytest.mark.usefixtures("in_this_process")
def test_nothing_is_found_in_a_data_set_that_knows_its_manifold() -> None:
    from genbench_toys.corners import SquaresOnManifold

    results = {result.check: result for result in testing.check(SquaresOnManifold)}
    assert not [result for result in results.values() if result.findings]
    assert results["manifold"].note == "25 bins, tolerance 0.06"
