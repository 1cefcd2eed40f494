"""Every docstring says what ``genbench show metric NAME`` is asked for."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import distribution
from types import SimpleNamespace
from typing import Any

import pytest

METRICS = {
    point.name: point.load()
    for point in distribution("genbench-metrics").entry_points
    if point.group == "genbench.metrics"
}

OF_NO_PAPER = {
    "cost",
    "sampling-cost",
    "reconstruction",
    "compression",
    "fid-gap",
    "reconstruction-gap",
    "stability",
}
"""Plain quantities, and what is this distribution's own; each says how it is defined."""

SAID = {
    "noise": r"noise",
    "collapse": r"collaps|loss of modes|few different",
    "copies": r"cop(y|ies)",
}
"""How a docstring speaks of what a score declares to be blind to."""

WHATEVER = r"what is the matter with samples|how good the (samples are|model is)"
"""All of these at once, of metrics that look at no samples."""


def text_of(metric: Any) -> str:
    """Of the class and of its file, as one line."""
    texts = (inspect.getdoc(inspect.getmodule(metric)), inspect.getdoc(metric))
    return " ".join(" ".join(filter(None, texts)).split())


@pytest.fixture(params=METRICS)
def metric(request: pytest.FixtureRequest) -> Any:
    return METRICS[request.param]


def test_each_of_several_scores_is_named(metric: Any) -> None:
    if len(metric.scores) > 1:
        missing = [s.name for s in metric.scores if f"``{s.name}``" not in text_of(metric)]
        assert not missing


@pytest.mark.parametrize("name", METRICS.keys() - OF_NO_PAPER)
def test_there_is_a_paper_with_its_year(name: str) -> None:
    assert re.search(r"[A-Z]\w+.*\b(19|20)\d\d\b", text_of(METRICS[name]))


def test_the_direction_is_said(metric: Any) -> None:
    text = text_of(metric).casefold()
    for better in {score.better for score in metric.scores}:
        said = rf"{better}[^.]*better|better[^.]*{better}"
        assert better is None or re.search(said, text), better
    if all(score.better is None for score in metric.scores):
        assert "direction" in text


def test_the_unit_is_said(metric: Any) -> None:
    text = text_of(metric)
    for unit in {score.unit for score in metric.scores if not score.hardware}:
        said = rf"\b{unit}\b" if unit else r"\bunits?\b|\bshares?\b|\bnumber\b|\bratio\b"
        assert re.search(said, text), unit


LEAST = r"\bfrom {0}(?![\w.]*\d)|\b(not below|at least) {0}(?![\w.]*\d)|(?<![\w.]){0} at best"
MOST = r"\bto {0}(?![\w.]*\d)|\b(not above|at most) {0}(?![\w.]*\d)|(?<![\w.]){0} at best"
"""How a docstring speaks of a bound, not of a number that happens to be the same."""


def said_of(metric: Any, score: str) -> str:
    """What a docstring says between a score's name and that of another one, and of all of them."""
    names = "|".join(s.name for s in metric.scores)
    found = []
    for paragraph in re.split(r"\n\s*\n|\n\s*(?=- ``)", inspect.getdoc(metric) or ""):
        flat = " ".join(paragraph.split())
        before, *rest = re.split(rf"``({names})``", flat)
        spoken = [before]
        for name, text in zip(rest[::2], rest[1::2], strict=True):
            for_all = re.search(r"\b(All|Both|Neither|Each)\b.*", text)
            if name == score:
                spoken.append(text)
            elif for_all:
                spoken.append(for_all[0])
        found += spoken
    return " ".join(found)


def test_the_range_of_each_score_is_said(metric: Any) -> None:
    for score in metric.scores:
        text = said_of(metric, score.name)
        for limit, said in zip(score.range, (LEAST, MOST), strict=True):
            if limit is not None:
                number = re.escape(f"{limit:g}")
                assert re.search(said.format(number), text, re.I), (score.name, limit)
        if score.better and score.range == (None, None):
            said = r"without bounds|\b(no|neither has a) bound\b|\bfrom minus infinity\b"
            assert re.search(said, text, re.I), score.name


def test_a_number_in_passing_is_no_range() -> None:
    class Passing:
        """``a`` has 0 at the start, ``b`` is from 0 to 10, not to 1.5.

        ``c`` is at most 1. Both are from 0.
        """

        scores = tuple(SimpleNamespace(name=name) for name in "abc")

    of_a, of_b, of_c = (said_of(Passing, name) for name in "abc")
    assert not re.search(MOST.format("1"), of_a)
    assert not re.search(MOST.format("1"), of_b)
    assert re.search(MOST.format("1"), of_c)
    assert all(re.search(LEAST.format("0"), text) for text in (of_a, of_b, of_c))
    assert not re.search(LEAST.format("0"), of_a.partition("Both")[0])


def test_what_it_is_blind_to_is_said_in_a_line_of_its_own(metric: Any) -> None:
    assert re.search(r"^Blind to ", inspect.getdoc(metric) or "", re.MULTILINE)


def test_declared_blindness_is_explained(metric: Any) -> None:
    text = text_of(metric)
    said = text[text.find("Blind to ") :].casefold()
    for score in metric.scores:
        for defect in score.blind:
            assert re.search(f"{SAID[defect]}|{WHATEVER}", said), (score.name, defect)
