from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence, Measurement, Splits
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.memorization import Memorization, chance_below


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def measured(
    evidence: Callable[..., Evidence], samples: Tensor, train: Tensor, real: Tensor
) -> dict[str, Measurement]:
    given = evidence(sample_features=samples, train_features=train, real_features=real)
    return dict(Memorization().measure(given))


def values(found: dict[str, Measurement]) -> tuple[float, float, float]:
    return found["copies"].value, found["authenticity"].value, found["data_copying"].value


def test_a_hand_count_on_a_line(evidence: Callable[..., Evidence]) -> None:
    train = torch.tensor([[0.0], [1.0], [4.0]])  # to the nearest other one: 1, 1, 3
    # nearest and second: 0.25 of 0.75, a third exactly; 1.5 of 1.5; 0 of 3; 6 of 9
    samples = torch.tensor([[0.25], [2.5], [4.0], [10.0]])
    # authentic: 0.25 > 1 no, 1.5 > 1 yes, 0 > 3 no, 6 > 3 yes
    # to the training split: samples 0.25 1.5 0 6, real 0.5 1.5; nearer in 2 + 0.5 + 2 + 0 of 8
    real = torch.tensor([[0.5], [5.5]])
    assert values(measured(evidence, samples, train, real)) == (0.5, 0.5, 4.5 / 8)


def test_training_examples_given_back_are_copies_and_nothing_else(
    evidence: Callable[..., Evidence],
) -> None:
    train, real = normal(200, 8), normal(100, 8, seed=1)
    found = measured(evidence, train[torch.arange(300) % 200], train, real)
    assert values(found) == (1.0, 0.0, 1.0)


def test_a_copy_of_an_example_that_training_has_twice_is_a_copy(
    evidence: Callable[..., Evidence],
) -> None:
    train = normal(50, 8).repeat(2, 1)
    assert values(measured(evidence, train[:20], train, normal(50, 8, seed=1)))[0] == 1.0


def test_fresh_samples_of_the_data_are_not_flagged(evidence: Callable[..., Evidence]) -> None:
    train, real, fresh = (normal(400, 16, seed) for seed in range(3))
    found = measured(evidence, fresh, train, real)
    assert found["copies"].value == 0
    assert found["authenticity"].value > 0.4
    copying = found["data_copying"]
    assert copying.error is not None
    # over real examples, of which there are as many, it is as large again
    assert abs(copying.value - 0.5) < 3 * 2**0.5 * copying.error


def test_the_real_split_itself_is_as_near_as_itself(evidence: Callable[..., Evidence]) -> None:
    train, real = normal(200, 8), normal(100, 8, seed=1)
    assert measured(evidence, real, train, real)["data_copying"].value == 0.5


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_share_of_copies_is_found_under_noise(
    evidence: Callable[..., Evidence], share: float
) -> None:
    train, fresh = normal(1000, 32), normal(500, 32, seed=1)
    copied = int(500 * share)
    fresh[:copied] = train[:copied] + 0.05 * normal(copied, 32, seed=2)
    found = measured(evidence, fresh, train, normal(500, 32, seed=3))
    assert found["copies"].value == pytest.approx(share)
    assert found["authenticity"].value < 1 - share


def test_what_is_far_from_the_data_is_no_copy(evidence: Callable[..., Evidence]) -> None:
    found = measured(evidence, normal(100, 8) + 50, normal(200, 8), normal(100, 8, seed=1))
    assert values(found) == (0.0, 1.0, 0.0)


def test_memorised_digits_are_flagged_and_fresh_ones_are_not(
    evidence: Callable[..., Evidence], extractor: DigitsCNN, digits: Splits
) -> None:
    train, test = extractor(digits.train.x), extractor(digits.test.x)
    validation = extractor(digits.validation.x)
    assert values(measured(evidence, train, train, test)) == (1.0, 0.0, 1.0)
    copies, authenticity, copying = values(measured(evidence, validation, train, test))
    assert copies == 0
    assert authenticity > 0.3
    assert copying == pytest.approx(0.5, abs=0.1)


def test_the_error_of_the_chance_is_what_fresh_examples_change() -> None:
    fixed = normal(120, 1)[:, 0].double() + 0.7
    found = [chance_below(normal(80, 1, s + 1)[:, 0].double(), fixed) for s in range(200)]
    spread = torch.tensor([each.value for each in found]).std().item()
    errors = torch.tensor([each.error for each in found])
    assert errors.mean().item() == pytest.approx(spread, rel=0.15)
    # x < y of a standard normal x and this y
    expected = torch.special.ndtr(fixed).mean().item()
    mean = torch.tensor([each.value for each in found]).mean().item()
    assert mean == pytest.approx(expected, abs=4 * spread / 200**0.5)


@pytest.mark.parametrize("score", ["copies", "authenticity", "data_copying"])
def test_errors_are_what_fresh_samples_change_against_the_same_splits(
    evidence: Callable[..., Evidence], score: str
) -> None:
    train, real = normal(150, 2), normal(100, 2, seed=1)
    found = [measured(evidence, normal(60, 2, seed), train, real)[score] for seed in range(2, 202)]
    spread = torch.tensor([each.value for each in found]).std().item()
    errors = torch.tensor([each.error for each in found])
    # a spread of 200 is known to a twentieth
    assert errors.mean().item() == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("few", ["sample", "train", "real"])
def test_fewer_than_two_of_anything_are_refused(
    evidence: Callable[..., Evidence], few: str
) -> None:
    given = {
        f"{of}_features": normal(1 if of == few else 9, 3) for of in ("sample", "train", "real")
    }
    with pytest.raises(NotApplicableError, match=r"memorization needs at least 2 .*, there are 1"):
        Memorization().measure(evidence(**given))


def test_training_features_that_are_not_finite_are_refused(
    evidence: Callable[..., Evidence],
) -> None:
    train = normal(9, 3)
    train[0, 0] = torch.nan
    with pytest.raises(GenbenchError, match=r"features of train examples of .* are not finite"):
        measured(evidence, normal(9, 3), train, normal(9, 3))
