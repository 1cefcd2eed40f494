"""Simulated comparisons: how often are equal models called different, and different ones found?

    python tests/reliability/comparisons.py --comparisons 2000 --power-comparisons 20000

Values over seeds are drawn, made rows, and compared as ``genbench compare`` compares them. Two
equal models, of equal and unequal spread, shall be called different in at most 6% of comparisons
(5% is what the test promises, the rest is room for chance); so shall any of several scores of one
pair. Models a standard deviation apart shall be told apart with 10 seeds as often as theory says,
within 3 points.

What is only measured: few seeds of one model beside many of the other, where Welch's test is known
to be a little too bold; and the power with fewer seeds.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
from scipy import stats

from genbench.leaderboard.comparison import Comparison, compare
from genbench.leaderboard.schema import SCHEMA, Row
from genbench.leaderboard.unmatched import Side

SEEDS = (3, 5, 10)
SCORES, CORRELATION = 4, 0.5
"""Of one pair of models, where several are compared at once."""
MOST_CALLED_DIFFERENT = 0.06
POINTS_OF_THEORY = 0.03

BLANK: Row = {
    **dict.fromkeys(SCHEMA.names),
    "created": datetime(2026, 1, 1, tzinfo=UTC), "status": "ok", "model": "m",
    "model_options": "{}", "model_code": "c", "dataset": "d", "dataset_options": "{}",
    "protocol": "p", "protocol_fingerprint": "f", "metrics": "[]", "split": "test",
    "fraction": 1.0, "weights": "average", "better": "lower", "hardware": False,
}  # fmt: skip


def rows_of(values: np.ndarray) -> list[Row]:
    """Rows of a model, a score for each line of ``values`` and a seed for each column."""
    return [
        {**BLANK, "metric": "m", "score": f"s{score}", "key": f"k{score}"}
        | {"seed": seed, "value": float(value)}
        for (score, seed), value in np.ndenumerate(values)
    ]


def compared(a: np.ndarray, b: np.ndarray) -> Comparison:
    """As the command compares what it has read."""
    return compare(Side("A", "in A", rows_of(a)), Side("B", "in B", rows_of(b)))


def comparisons(
    rng: np.random.Generator,
    count: int,
    seeds: tuple[int, int],
    *,
    spread: float = 1.0,
    shift: float = 0.0,
    scores: int = 1,
    correlation: float = 0.0,
) -> Iterator[Comparison]:
    """Comparisons of normal values; of several scores, which may go together over seeds."""

    def drawn(n: int) -> np.ndarray:
        common, own = rng.standard_normal((1, n)), rng.standard_normal((scores, n))
        return math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own  # (scores, n)

    for _ in range(count):
        yield compared(drawn(seeds[0]), shift + spread * drawn(seeds[1]))


def is_decided(found: Comparison) -> bool:
    """Whether any score is called different."""
    return any(one.verdict in ("better", "worse") for one in found.compared)


def equal_models(rng: np.random.Generator, count: int, spreads: Sequence[float]) -> int:
    """Print how often equal models are called different."""
    print(f"{'equal models':<34}{'called different':>18}")
    failures = 0
    for seeds, spread in itertools.product([(n, n) for n in SEEDS] + [(3, 10)], spreads):
        found = comparisons(rng, count, seeds, spread=spread)
        different = sum(map(is_decided, found)) / count
        told = f"{seeds[0]} and {seeds[1]} seeds, spreads 1 and {spread:g}"
        print(f"{told:<34}{different:>18.2%}", flush=True)
        failures += seeds[0] == seeds[1] and different > MOST_CALLED_DIFFERENT
    return failures


def several_scores(rng: np.random.Generator, count: int) -> int:
    """Print how often any of several scores of equal models is called different."""
    print(f"\n{f'any of {SCORES} scores of equal models':<34}{'called different':>18}")
    failures = 0
    for seeds in SEEDS:
        found = comparisons(rng, count, (seeds, seeds), scores=SCORES, correlation=CORRELATION)
        different = sum(map(is_decided, found)) / count
        print(
            f"{f'{seeds} seeds each, correlation {CORRELATION:g}':<34}{different:>18.2%}",
            flush=True,
        )
        failures += different > MOST_CALLED_DIFFERENT
    return failures


def power(rng: np.random.Generator, count: int) -> int:
    """Print how often models a standard deviation apart are told apart, and theory."""
    print(f"\n{'one standard deviation apart':<34}{'told apart':>18}{'theory':>18}")
    told_apart, theory = {}, {}
    for seeds in SEEDS:
        # Of Student's test, which knows that the spreads are equal; with few seeds, Welch's finds
        # a little less.
        freedom, shift = 2 * seeds - 2, math.sqrt(seeds / 2)
        threshold = stats.t.ppf(0.975, freedom)
        either_side = stats.nct.sf([threshold, -threshold], freedom, shift)
        theory[seeds] = either_side[0] + 1 - either_side[1]
        found = comparisons(rng, count, (seeds, seeds), shift=1.0)
        told_apart[seeds] = sum(map(is_decided, found)) / count
        print(f"{f'{seeds} seeds each':<34}{told_apart[seeds]:>18.2%}{theory[seeds]:>18.2%}")
    return int(abs(told_apart[10] - theory[10]) > POINTS_OF_THEORY)


def main() -> None:
    """Run all of it; the exit status is 1 if a promise does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=2000, help="for each line")
    parser.add_argument(
        "--spreads", type=float, nargs="+", default=[1, 2, 4], help="of B, where that of A is 1"
    )
    parser.add_argument("--power-comparisons", type=int, default=20_000, help="for each line")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    rng = np.random.default_rng(arguments.seed)
    failures = equal_models(rng, arguments.comparisons, arguments.spreads)
    failures += several_scores(rng, arguments.comparisons)
    failures += power(rng, arguments.power_comparisons)
    print(f"\nfailures {failures}, {time.perf_counter() - begin:.0f} s")
    raise SystemExit(min(failures, 1))


if __name__ == "__main__":
    main()
