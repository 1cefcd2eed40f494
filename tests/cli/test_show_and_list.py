"""``genbench list`` and ``genbench show``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genbench import protocol, registry
from genbench.api import Result as Run
from genbench.cli import main


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_list_names_every_kind_and_where_it_comes_from() -> None:
    listed = invoke("list").stdout
    assert "toy-ae" in listed
    assert "genbench-toys 0.3.1" in listed
    assert "quick" in listed
    assert "in-process" in listed


def test_list_of_one_kind_as_json() -> None:
    told = json.loads(invoke("list", "models", "--format", "json").stdout)
    assert {"name": "toy-ae", "from": "genbench-toys 0.3.1"} in told["models"]


def test_list_shows_a_name_that_is_claimed_twice(
    distribution: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution("first", "[genbench.models]\ntwice = a:A\n")
    monkeypatch.syspath_prepend(distribution("second", "[genbench.models]\ntwice = b:B\n"))
    registry.refresh()
    assert "claimed twice!" in invoke("list", "models").stdout


def test_show_describes_a_model_with_its_options_and_capabilities() -> None:
    shown = invoke("show", "toy-ae").stdout
    for text in ("model", "genbench-toys 0.3.1", "sample, reconstruct, encode",
                 "--set toy-ae.latent_dim=", "int", "Encoder and decoder of one"):  # fmt: skip
        assert text in shown


def test_show_takes_the_kind_before_the_name() -> None:
    assert invoke("show", "model", "toy-ae").stdout == invoke("show", "toy-ae").stdout
    assert invoke("show", "models", "toy-ae").exit_code == 0
    refused = invoke("show", "toy-ae", "toy-mean")
    assert refused.exit_code == 2
    assert "'toy-ae' is no kind of plugin" in refused.stderr


def test_show_prints_the_paper_before_what_the_class_does() -> None:
    shown = invoke("show", "model", "ae-gan").stdout
    paper = shown.index('Goodfellow et al., "Generative Adversarial Nets", 2014')
    assert paper < shown.index("The fused system, all of it trained at once.")


RULER = '''
from genbench import Score

class Ruler:
    """How long samples are, and how far from the real ones."""
    version = "3"
    needs = ("sample", "features")
    invariances = ("sample-order",)
    scores = (
        Score("far", better="lower", unit="px", range=(0, None), known={"identical": 0.0},
              swapped="far", blind=("copies",)),
        Score("seconds", better="lower", unit="s", hardware=True),
    )
    def __init__(self, *, power: int = 2): ...
    def measure(self, evidence): ...
'''


def test_show_says_of_a_metric_what_its_scores_mean(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(RULER)
    shown = invoke("show", f"{path}:Ruler").stdout
    lines = {
        line.split()[0]: " ".join(line.split()[1:]) for line in shown.splitlines() if line.strip()
    }
    assert lines["version"] == "3"
    assert lines["needs"] == "sample, features"
    assert lines["invariances"] == "sample-order"
    assert lines["score"] == "better unit range known swapped blind to hardware"
    assert lines["far"] == "lower px [0, ∞) identical 0 far copies no"
    assert lines["seconds"] == "lower s (-∞, ∞) - - - yes"
    assert "--set Ruler.power=" in shown
    assert "How long samples are" in shown


def test_show_says_of_a_metric_what_its_scores_mean_as_json(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(RULER)
    told = json.loads(invoke("show", f"{path}:Ruler", "--format", "json").stdout)
    assert (told["version"], told["needs"]) == ("3", ["sample", "features"])
    assert told["scores"][0] == {
        "name": "far",
        "better": "lower",
        "unit": "px",
        "hardware": False,
        "range": [0, None],
        "known": {"identical": 0.0},
        "swapped": "far",
        "blind": ["copies"],
    }


def test_show_of_a_metric_that_needs_nothing_and_has_no_invariances() -> None:
    shown = invoke("show", "metric", "toy-clock").stdout
    assert "needs         none" in shown
    assert "invariances" not in shown


def test_show_tells_what_a_model_can_do_by_default_from_what_options_decide(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "class Mine:\n"
        "    def __init__(self, d, *, sampler: str = 'none'):\n"
        "        if sampler == 'none': self.sample = None\n"
        "    def sample(self, n, rng): ...\n"
        "    def encode(self, x): ...\n"
    )
    told = json.loads(invoke("show", f"{path}:Mine", "--kind", "model", "--format", "json").stdout)
    assert told["capabilities"] == ["sample (with other options)", "encode"]


def test_show_describes_a_class_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        'class Mine:\n    """My model."""\n    def __init__(self, d, *, k: int = 3): ...'
    )
    shown = invoke("show", f"{path}:Mine").stdout
    assert "My model." in shown
    assert "--set Mine.k=" in shown


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("def load(self): ...", "data set"),
        ("def measure(self, evidence): ...", "metric"),
        ("fingerprint = 'x'", "extractor"),
        ("def fit(self, train, rng): ...", "model"),
    ],
)
def test_show_knows_what_a_class_in_a_file_is(tmp_path: Path, body: str, kind: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"class Mine:\n    {body}\n")
    assert invoke("show", f"{path}:Mine").stdout.split("\n")[0].split(maxsplit=1)[1] == kind


@pytest.mark.parametrize("kind", [(), ("metric",)])
def test_the_name_of_a_score_shows_its_metric(kind: tuple[str, ...]) -> None:
    shown = invoke("show", *kind, "distance").stdout
    assert shown.startswith(
        "score         distance\nkind          metric\nname          toy-distance"
    )


def test_the_metric_that_every_run_has_is_shown() -> None:
    shown = invoke("show", "clipped_fraction").stdout
    assert shown.endswith(invoke("show", "sample-range").stdout)
    assert "[0, 1]" in shown
    assert "share of sampled values of images that were outside" in shown


def test_a_score_that_says_nothing_of_defects_is_told_from_one_without_a_direction(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ruler.py"
    path.write_text(
        "from genbench import Score\n"
        "class Ruler:\n"
        "    version, needs = '1', ('sample',)\n"
        "    scores = (Score('far', better='lower'), Score('wide'))\n"
        "    def measure(self, evidence): ...\n"
    )
    shown = invoke("show", f"{path}:Ruler").stdout
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert lines["far"][-3:] == ["none", "declared", "no"]
    assert lines["wide"][-2:] == ["-", "no"]


def test_show_prints_a_protocol_as_the_file_to_begin_ones_own_with(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(invoke("show", "quick").stdout)
    assert protocol.load(str(mine)) == protocol.load("quick")


def test_show_describes_a_protocol() -> None:
    told = json.loads(invoke("show", "quick", "--format", "json").stdout)
    assert told["protocol"]["training"]["images"] == 192_000
    assert len(told["fingerprint"]) == 16


def test_show_describes_a_run(run: Callable[..., Run], tmp_path: Path) -> None:
    made = run("toy-ae")
    for name in (made.run_id, str(made.folder)):
        told = json.loads(
            invoke("show", name, "--results", str(tmp_path / "results"), "--format", "json").stdout
        )
        assert (told["kind"], told["status"]) == ("run", "ok")
    shown = invoke("show", made.run_id, "--results", str(tmp_path / "results")).stdout
    for text in ("toy-ae latent_dim=2 width=16", "tiny, seed 0", "threads 1", "toy-error.error"):
        assert text in shown


def test_show_of_an_unknown_name_offers_the_nearest() -> None:
    done = invoke("show", "toy-squars")
    assert done.exit_code == 2
    assert "Did you mean toy-squares" in done.stderr


def test_show_of_a_damaged_run_names_the_file(run: Callable[..., Run], tmp_path: Path) -> None:
    made = run("toy-ae")
    (made.folder / "run.json").write_text("{torn")
    done = invoke("show", made.run_id, "--results", str(tmp_path / "results"))
    assert done.exit_code == 1
    assert "run.json cannot be read" in done.stderr
