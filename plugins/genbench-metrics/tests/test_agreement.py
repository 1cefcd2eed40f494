"""What the field's tools say of the same images: agreed with, or by how much they round.

torch-fidelity is given images and the same network, and prints what it computes in float32. Its own
formulas in float64 are what the metrics are held to, here and in the tests of each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence, Splits
from genbench_metrics.density_coverage import DensityCoverage
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.fid import frechet_distance
from genbench_metrics.isc import InceptionScore
from genbench_metrics.kid import KID
from genbench_metrics.precision_recall import PrecisionRecall


@dataclass
class Images:
    """Features and class scores of noisy digits, as samples, and of the test split."""

    samples: Tensor
    real: Tensor
    evidence: Evidence


@pytest.fixture
def images(
    evidence: Callable[..., Evidence], extractor: DigitsCNN, digits: Splits, noisy: Tensor
) -> Images:
    samples, real = extractor(noisy), extractor(digits.test.x)
    given = evidence(
        sample_features=samples, real_features=real, sample_logits=extractor.logits(samples)
    )
    return Images(samples, real, given)


@pytest.fixture(scope="module")
def printed(fidelity: Callable[..., dict[str, float]]) -> dict[str, float]:
    """What torch-fidelity gives from end to end, in float32."""
    return fidelity(
        fid=True, kid=True, prc=True, kid_subset_size=500, kid_subsets=100, prc_batch_size=300
    )


def test_torch_fidelity_from_images_agrees_but_for_float32(
    images: Images, printed: dict[str, float]
) -> None:
    # 5e-7 and 2e-6, as the README says, and not ten times as much on any machine
    fid = frechet_distance(images.samples, images.real)
    assert fid == pytest.approx(printed["frechet_inception_distance"], rel=5e-6)
    kid = KID(subset_size=500).measure(images.evidence)["kid"].value
    assert kid == pytest.approx(printed["kernel_inception_distance_mean"], rel=2e-5)
    print(
        "relative difference to what torch-fidelity prints: fid "
        f"{abs(fid / printed['frechet_inception_distance'] - 1):.1e}, kid "
        f"{abs(kid / printed['kernel_inception_distance_mean'] - 1):.1e}"
    )


def test_torch_fidelity_from_images_has_the_same_precision_and_recall(
    images: Images, printed: dict[str, float]
) -> None:
    found = PrecisionRecall().measure(images.evidence)
    # it prints float32 means of the same counts
    for name in ("precision", "recall"):
        assert np.float32(found[name].value) == np.float32(printed[name]), name
    assert 0.8 < found["precision"].value < found["recall"].value < 0.9  # which is not which


@pytest.mark.parametrize("k", [1, 3, 10])
def test_torch_fidelity_in_float64_has_the_same_precision_and_recall(
    images: Images, k: int
) -> None:
    from torch_fidelity.metric_prc import calculate_precision_recall_part

    reference = calculate_precision_recall_part(images.samples.double(), images.real.double(), k)
    found = PrecisionRecall(k=k).measure(images.evidence)
    counted = found["precision"].value, found["recall"].value
    assert tuple(map(np.float32, counted)) == tuple(map(np.float32, reference))


def test_torch_fidelity_from_images_has_the_same_inception_score(
    images: Images, extractor: DigitsCNN, fidelity_of_logits: Callable[[], dict[str, float]]
) -> None:
    reference = fidelity_of_logits()
    isc = InceptionScore().measure(images.evidence)["isc"]
    assert isc.value == pytest.approx(reference["inception_score_mean"], rel=1e-6)
    assert isc.error is not None
    assert isc.error * 3 == pytest.approx(reference["inception_score_std"], rel=1e-5)


@pytest.fixture
def fidelity_of_logits(extractor: DigitsCNN, noisy: Tensor) -> Callable[[], dict[str, float]]:
    from torch.utils.data import Dataset
    from torch_fidelity import calculate_metrics, register_feature_extractor
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Classifier(FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("logits",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits"

        def forward(self, x: Tensor) -> tuple[Tensor]:
            return (extractor.logits(extractor(x)),)

    class Noisy(Dataset[Tensor]):
        def __len__(self) -> int:
            return len(noisy)

        def __getitem__(self, index: int) -> Tensor:
            return noisy[index]

    register_feature_extractor("digits-cnn-logits", Classifier)
    return lambda: calculate_metrics(
        input1=Noisy(),
        feature_extractor="digits-cnn-logits",
        isc=True,
        cuda=False,
        save_cpu_ram=True,
        verbose=False,
    )


def test_prdc_on_the_same_features_has_the_same_scores(
    images: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    prdc = pytest.importorskip("prdc")
    samples, real = images.samples.double().numpy(), images.real.double().numpy()
    reference = prdc.compute_prdc(real_features=real, fake_features=samples, nearest_k=5)
    capsys.readouterr()  # it prints how many there are
    found = DensityCoverage(k=5).measure(images.evidence)
    assert found["density"].value == pytest.approx(reference["density"], rel=1e-12)
    assert found["coverage"].value == pytest.approx(reference["coverage"], rel=1e-12)
    # its precision has no edges either, and nothing is on one here
    closed = PrecisionRecall(k=5).measure(images.evidence)
    assert closed["precision"].value == pytest.approx(reference["precision"], rel=1e-12)
    assert closed["recall"].value == pytest.approx(reference["recall"], rel=1e-12)


@pytest.mark.filterwarnings("ignore:The `disp` argument is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("module", "function"),
    [("pytorch_fid.fid_score", "calculate_frechet_distance"), ("cleanfid.fid", "frechet_distance")],
)
def test_other_tools_on_the_same_features_have_the_same_fid(
    images: Images, module: str, function: str
) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    if "disp" not in inspect.signature(linalg.sqrtm).parameters:
        pytest.skip("these tools call SciPy's sqrtm as it was before 1.18")
    frechet = getattr(pytest.importorskip(module), function)
    samples, real = images.samples.double().numpy(), images.real.double().numpy()
    reference = frechet(
        samples.mean(0), np.cov(samples, rowvar=False), real.mean(0), np.cov(real, rowvar=False)
    )
    assert frechet_distance(images.samples, images.real) == pytest.approx(reference, rel=1e-6)


def test_torch_fidelity_of_float64_features_is_what_fid_is_held_to(images: Images) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(x) for x in (images.samples, images.real)]
    rough = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    exact = [fid_features_to_statistics(x.double()) for x in (images.samples, images.real)]
    fine = fid_statistics_to_metric(*exact, verbose=False)["frechet_inception_distance"]
    ours = frechet_distance(images.samples, images.real)
    assert abs(ours - fine) < 1e-3 * abs(rough - fine)


@pytest.mark.parametrize("far", [None, 1e4, 1e11, 1e30])
def test_a_naive_count_of_all_distances_has_the_same_scores(
    far: float | None, evidence: Callable[..., Evidence]
) -> None:
    """The papers' definitions, word for word, on sets of different sizes with points in common."""
    rng = torch.Generator().manual_seed(0)
    real, samples = torch.randn(120, 6, generator=rng), torch.randn(90, 6, generator=rng)
    samples[:20] = real[30:50]
    if far is not None:
        samples[-1] = far  # one that diverged
    k = 4
    mode = "donot_use_mm_for_euclid_dist"

    def distances(x: Tensor, y: Tensor) -> Tensor:
        return torch.cdist(x.double(), y.double(), compute_mode=mode)

    around = distances(real, real).sort(1).values[:, k]
    around_samples = distances(samples, samples).sort(1).values[:, k]
    across = distances(samples, real)  # (90, 120)
    given = evidence(sample_features=samples, real_features=real)
    found = PrecisionRecall(k=k).measure(given) | DensityCoverage(k=k).measure(given)
    assert {name: measurement.value for name, measurement in found.items()} == pytest.approx(
        {
            "precision": (across <= around).any(1).double().mean().item(),
            "recall": (across <= around_samples[:, None]).any(0).double().mean().item(),
            "density": (across < around).sum(1).double().mean().item() / k,
            "coverage": (across.amin(0) < around).double().mean().item(),
        },
        rel=1e-12,
    )
