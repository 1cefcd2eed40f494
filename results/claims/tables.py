"""Writes the tables of claims in results/README.md from the rows that suite.toml made.

    python results/claims/tables.py            # writes them
    python results/claims/tables.py --check    # exit status 1 if they are not what the rows say

Every verdict is a test over the seeds, Welch's unless a function says otherwise, with Holm's
correction over all tests of its table.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev, variance

from scipy.special import fdtr, stdtr

from genbench.leaderboard import store
from genbench.leaderboard.schema import Row
from genbench.leaderboard.statistics import SIGNIFICANCE, holm, welch

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"

BUDGET = 192_000

PARENTS = {  # hybrid: its autoencoder, its GAN
    "ae-gan": ("ae", "gan"),
    "latent-gan": ("conv-ae", "dcgan"),
    "mdgan": ("conv-ae", "dcgan"),
    "began": ("conv-ae", "dcgan"),
    "aae": ("conv-ae", "dcgan"),
    "vae-gan": ("vae", "dcgan"),
    "bigan": ("conv-ae", "dcgan"),
    "warm-start-gan": ("conv-ae", "dcgan"),
}
PLAIN = "plain GAN with R1"
"""A third parent of all: the GAN of the convolutions that most hybrids have, and with R1."""

NAMED_PARENTS = ("ae", "conv-ae", "vae", "gan", "dcgan")
ALL_PARENTS = (*NAMED_PARENTS, PLAIN)

Values = dict[int, float]
"""By seed."""


@dataclass(frozen=True)
class Results:
    """The rows of one data set, by what is asked of them."""

    rows: Sequence[Row]

    @classmethod
    def read(cls, dataset: str) -> Results:
        """All that was run on a data set; of each model and seed, the newest run.

        Raises:
            ValueError: runs of more than one protocol, or one that ended neither well nor diverged.
        """
        rows = [
            row
            for row in store.rows_of(store.read(HERE / "leaderboard"))
            if row["dataset"] == dataset
        ]
        newest = {
            (name_of(row), row["seed"]): row["run_id"]
            for row in sorted(rows, key=lambda row: row["created"])
        }
        rows = [row for row in rows if newest[name_of(row), row["seed"]] == row["run_id"]]
        if len({row["protocol_fingerprint"] for row in rows}) > 1:
            raise ValueError(f"The runs on {dataset} are of more than one protocol.")
        for row in rows:
            if row["metric"] is None and row["status"] != "diverged":
                raise ValueError(f"{row['run_id']} is {row['status']}: run the suite again.")
        return cls(rows)

    def final(self, model: str, score: str) -> Values:
        """On the test split, of the averaged weights."""
        return {
            row["seed"]: row["value"]
            for row in self.rows
            if name_of(row) == model
            and (row["score"], row["split"], row["fraction"]) == (score, "test", 1)
            and row["weights"] == "average"
            and row["value"] is not None
        }

    def curve(self, model: str, score: str) -> dict[int, list[tuple[int, float]]]:
        """By seed: images and value at each point, on the validation split."""
        found: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for row in self.rows:
            of_the_curve = (score, "validation", "average")
            if name_of(row) != model or row["value"] is None:
                continue
            if (row["score"], row["split"], row["weights"]) == of_the_curve:
                found[row["seed"]].append((row["images"], row["value"]))
        return {seed: sorted(points) for seed, points in found.items()}

    def runs(self, model: str) -> set[int]:
        """The seeds that were run."""
        return {row["seed"] for row in self.rows if name_of(row) == model}

    def diverged(self, model: str) -> set[int]:
        """The seeds whose run ended without a score."""
        return {row["seed"] for row in self.rows if name_of(row) == model and row["metric"] is None}

    @property
    def models(self) -> list[str]:
        """By name."""
        return sorted({name_of(row) for row in self.rows})


def name_of(row: Row) -> str:
    """The model; warm-start-gan that starts cold is the plain GAN."""
    cold = json.loads(row["model_options"]).get("pretraining") == 0
    return PLAIN if cold else row["model"]


# ------------------------------------------------------------------------------------- verdicts


@dataclass(frozen=True)
class Test:
    """What a test found: its p-value, the difference, and the words for lower and higher."""

    p_value: float
    shown: str
    lower: bool
    words: tuple[str, str]


Comparison = Callable[[Sequence[float], Sequence[float], tuple[str, str]], Test | None]


def means(ours: Sequence[float], theirs: Sequence[float], words: tuple[str, str]) -> Test | None:
    """Welch's test of ours against theirs."""
    found = welch(theirs, ours)
    if found is None:
        return None
    many = abs(found.difference) >= 1000
    shown = f"{found.difference:+,.0f}" if many else f"{found.difference:+.2g}"
    return Test(found.p_value, shown, found.difference < 0, words)


def variances(
    ours: Sequence[float], theirs: Sequence[float], words: tuple[str, str]
) -> Test | None:
    """The two-sided F-test of two variances, which like Welch's takes values to be normal."""
    if len(ours) < 2 or len(theirs) < 2:
        return None
    ratio = variance(ours) / variance(theirs)
    below = float(fdtr(len(ours) - 1, len(theirs) - 1, ratio))
    times = math.sqrt(ratio)
    shown = f"x {times:.0f}" if times >= 10 else f"x {times:.2g}"
    return Test(2 * min(below, 1 - below), shown, ratio < 1, words)


def above_zero(values: Sequence[float], words: tuple[str, str]) -> Test | None:
    """Student's two-sided test of a mean against 0."""
    if len(values) < 2 or stdev(values) == 0:
        return None
    mean = fmean(values)
    t = mean / (stdev(values) / math.sqrt(len(values)))
    return Test(2 * float(stdtr(len(values) - 1, -abs(t))), f"{mean:+.2g}", mean < 0, words)


def verdicts(tests: Sequence[Test | None]) -> list[str]:
    """One for each, corrected for all of them together."""
    corrected = iter(holm([test.p_value for test in tests if test is not None]))
    told = []
    for test in tests:
        if test is None:
            told.append("-")
            continue
        decided = next(corrected) <= SIGNIFICANCE
        told.append(f"{test.words[not test.lower] if decided else 'undecided'} ({test.shown})")
    return told


def against_parents(
    results: Results,
    measured: Callable[[str], Sequence[float]],
    words: tuple[str, str] = ("better", "worse"),
    compared: Comparison = means,
) -> Iterator[list[str]]:
    """For each hybrid: its name, its own figure, and the verdicts against its three parents."""
    hybrids = [hybrid for hybrid in PARENTS if results.runs(hybrid)]
    told = verdicts(
        [
            compared(measured(hybrid), measured(parent), words)
            for hybrid in hybrids
            for parent in (*PARENTS[hybrid], PLAIN)
        ]
    )
    for number, hybrid in enumerate(hybrids):
        yield [hybrid, figure(measured(hybrid)), *told[3 * number : 3 * number + 3]]


def figure(values: Sequence[float]) -> str:
    """Mean and spread over the seeds."""
    if not values:
        return "-"
    spread = f" ± {stdev(values):.2g}" if len(values) > 1 else ""
    return f"{fmean(values):.4g}{spread}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


HEAD = ["against its autoencoder", "against its GAN", "against the plain GAN with R1"]


# --------------------------------------------------------------------------------------- claims


def samples(results: Results) -> str:
    """Better samples: FID and KID, of the runs that have any."""
    parts = []
    for score in ("fid", "kid"):

        def final(model: str, score: str = score) -> list[float]:
            return list(results.final(model, score).values())

        rows = list(against_parents(results, final))
        parts.append(table(["hybrid", score.upper(), *HEAD], rows))
    others = [m for m in results.models if m not in PARENTS]
    rows = [
        [m, *(figure(list(results.final(m, s).values())) for s in ("fid", "kid", "mse"))]
        for m in sorted(others, key=lambda m: fmean(results.final(m, "fid").values() or [math.inf]))
    ]
    parts.append(table(["parent or mark", "FID", "KID", "test MSE"], rows))
    return "\n".join(parts)


def steadiness(results: Results) -> str:
    """Steadier training: how far seeds lie apart, and how many runs ended without a score."""

    def ends(model: str) -> list[float]:
        # Nothing is said of the spread of a model by those of its seeds that went well.
        return [] if results.diverged(model) else list(results.final(model, "fid").values())

    def spread(model: str) -> str:
        return f"{stdev(ends(model)):.2g}" if len(ends(model)) > 1 else "-"

    told = against_parents(results, ends, ("steadier", "less steady"), variances)
    rows = [[m, lost(results, m), spread(m), *verdict] for m, _, *verdict in told]
    parents = [[m, lost(results, m), spread(m), *[""] * 3] for m in ALL_PARENTS if results.runs(m)]
    return table(["model", "diverged", "standard deviation of FID", *HEAD], rows + parents)


def lost(results: Results, model: str) -> str:
    """Runs without a score, of all."""
    return f"{len(results.diverged(model))} of {len(results.runs(model))}"


def convergence(results: Results) -> str:
    """Faster: images until the FID on validation is that of the median parent at its end."""
    ends = {
        m: [points[-1][1] for points in results.curve(m, "fid").values() if points[-1][0] >= BUDGET]
        for m in NAMED_PARENTS
    }
    target = median(fmean(values) for values in ends.values() if values)

    def images(model: str) -> list[float]:
        curves = results.curve(model, "fid")
        return [reached(curves.get(seed, ()), target) for seed in sorted(results.runs(model))]

    def shown(model: str) -> str:
        values = images(model)
        never = sum(value > BUDGET for value in values)
        within = [value for value in values if value <= BUDGET]
        there = f"{fmean(within):,.0f}" if within else "-"
        return f"{there} ({never} of {len(values)} never)" if never else there

    rows = [
        [hybrid, shown(hybrid), *told]
        for hybrid, _, *told in against_parents(results, images, ("faster", "slower"))
    ]
    parents = [[m, shown(m), *[""] * 3] for m in ALL_PARENTS if results.runs(m)]
    title = f"Target: FID {target:.3g} on validation, 2,000 samples.\n\n"
    return title + table(["model", "images to the target", *HEAD], rows + parents)


def reached(points: Sequence[tuple[int, float]], target: float) -> float:
    """Images at the first crossing, between two points along a line; never: a step beyond all."""
    before: tuple[int, float] | None = None
    for images, value in points:
        if value <= target:
            if before is None:
                return float(images)
            share = (before[1] - target) / (before[1] - value)
            return before[0] + share * (images - before[0])
        before = images, value
    return BUDGET * 1.05


def collapse(ring: Results) -> str:
    """Modes found of eight, against those that the plain GAN finds."""

    def found(model: str, score: str = "modes") -> list[float]:
        return list(ring.final(model, score).values())

    models = sorted(ring.models, key=lambda m: -fmean(found(m) or [0]))
    told = verdicts(
        [None if m == "gan" else means(found(m), found("gan"), ("fewer", "more")) for m in models]
    )
    scores = ("modes", "high_quality", "reverse_kl")
    rows = [
        [m, lost(ring, m), *(figure(found(m, score)) for score in scores), verdict]
        for m, verdict in zip(models, told, strict=True)
    ]
    columns = ["model", "diverged", "modes of 8", "high quality", "reverse KL"]
    return table([*columns, "modes, against `gan`"], rows)


def cost(results: Results) -> str:
    """Seconds of training."""

    def seconds(model: str) -> list[float]:
        return list(results.final(model, "train_seconds").values())

    def parameters(model: str) -> str:
        values = list(results.final(model, "parameters").values())
        return f"{values[0]:,.0f}" if values else "-"

    rows = [
        [hybrid, parameters(hybrid), taken, *told]
        for hybrid, taken, *told in against_parents(results, seconds, ("cheaper", "dearer"))
    ]
    parents = [
        [m, parameters(m), figure(seconds(m)), *[""] * 3] for m in ALL_PARENTS if results.runs(m)
    ]
    return table(["model", "parameters", "train seconds", *HEAD], rows + parents)


def overfitting(results: Results) -> str:
    """The gap between training and test split."""
    parts = []
    for score, title in (("fid_gap", "FID gap"), ("mse_gap", "MSE gap")):

        def gap(model: str, score: str = score) -> list[float]:
            return list(results.final(model, score).values())

        rows = [row for row in against_parents(results, gap, ("less", "more")) if row[1] != "-"]
        others = [m for m in (*ALL_PARENTS, "sngan", "kde", "memorizer") if gap(m)]
        rows += [[m, figure(gap(m)), *[""] * 3] for m in others]
        at_all = verdicts([above_zero(gap(m), ("no", "yes")) for m, *_ in rows])
        rows = [[m, own, any_, *told] for (m, own, *told), any_ in zip(rows, at_all, strict=True)]
        parts.append(table(["model", title, "above 0", *HEAD], rows))
    return "\n".join(parts)


SECTIONS = (
    ("Fused models sample better", samples, "digits"),
    ("Fused models train more steadily", steadiness, "digits"),
    ("Fused models converge faster", convergence, "digits"),
    ("GANs collapse", collapse, "ring"),
    ("Fused models are expensive", cost, "digits"),
    ("All of them overfit", overfitting, "digits"),
)


def written() -> str:
    """All tables, with the findings of findings.md between them."""
    findings = dict(_findings((HERE / "findings.md").read_text(encoding="utf-8")))
    titles = [title for title, *_ in SECTIONS]
    if unknown := findings.keys() - set(titles):
        raise ValueError(f"findings.md has {sorted(unknown)}; the sections are {titles}.")
    parts = []
    for number, (title, made, dataset) in enumerate(SECTIONS, 1):
        text = findings.get(title, "").strip()
        parts.append(f'### {number}. "{title}"\n\n{text}\n\n{made(Results.read(dataset))}')
    return "\n".join(parts)


def _findings(text: str) -> Iterator[tuple[str, str]]:
    for section in f"\n{text}".split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        yield title.strip(), body


def main() -> None:
    """Write the tables, or see that they are there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    readme = README.read_text(encoding="utf-8")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n{written()}\n{END}{after}"
    if arguments.check:
        raise SystemExit(new != readme)
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
