"""``genbench leaderboard``: and what others read from the same files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

import genbench
from genbench.cli import main
from genbench.cli.leaderboard import blocks
from genbench.protocol import Protocol


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_protocol: Protocol) -> Path:
    """Three models, three seeds, one of them broken."""
    folder = tmp_path_factory.mktemp("shared") / "results"
    genbench.run(
        ["toy-ae", "toy-mean", "toy-faulty"],
        protocol=tiny_protocol,
        seeds=range(3),
        options={"toy-faulty": {"fault": "raises-in-sample"}},
        results=folder,
        device="cpu",
    )
    return folder


@pytest.fixture
def leaderboard(results: Path) -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["leaderboard", "--results", str(results), *arguments])

    return invoke


def test_the_table_shows_mean_and_spread_ranks_and_failures(
    leaderboard: Callable[..., Result],
) -> None:
    shown = leaderboard().stdout
    assert "toy-squares · tiny · test split · average weights" in shown
    assert "ranked by distance, lower is better" in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert lines["toy-ae"].split()[1:3] == ["3", "1"]
    assert "±" in lines["toy-ae"]
    assert "0/3 (3 failed)" in lines["toy-faulty"]
    assert "n/a" in lines["toy-mean"]
    [others] = [line for line in shown.splitlines() if "seconds" in line]
    assert others == "Shown with --metric NAME, of the machine: seconds."


def test_ranks_are_among_the_models_that_are_asked_for(
    leaderboard: Callable[..., Result],
) -> None:
    shown = leaderboard("--model", "toy-mean", "--metric", "toy-error").stdout
    assert "toy-mean" in shown
    assert "toy-ae" not in shown
    assert "No run has the model 'toy-men'. Did you mean toy-mean" in (
        leaderboard("--model", "toy-men").stderr
    )


def test_what_does_not_apply_says_why_below_the_table(leaderboard: Callable[..., Result]) -> None:
    assert "n/a: the model has no sample (toy-mean)." in leaderboard().stdout


def test_a_metric_that_is_asked_for_is_shown_and_sorts(leaderboard: Callable[..., Result]) -> None:
    assert "ranked by seconds" in leaderboard("--metric", "toy-clock").stdout
    assert "ranked by error" in leaderboard("--metric", "toy-error").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "toy-clok"], "No run has the metric 'toy-clok'. Did you mean toy-clock"),
        (["--dataset", "toy-squars"], "No run has the dataset 'toy-squars'. Did you mean"),
        (["--protocol", "tinny"], "No run has the protocol 'tinny'. Did you mean tiny"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    leaderboard: Callable[..., Result], arguments: list[str], message: str
) -> None:
    done = leaderboard(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize("weights", ["average", "last"])
def test_duckdb_finds_the_mean_and_spread_that_genbench_shows(
    leaderboard: Callable[..., Result], results: Path, weights: str
) -> None:
    told = json.loads(leaderboard("--format", "json", "--weights", weights).stdout)["standings"]
    ours = {
        (entry["model"], standing["score"]): (entry["mean"], entry["spread"])
        for standing in told
        for entry in standing["entries"]
        if entry["mean"] is not None
    }
    found = duckdb.sql(
        f"""
        select model, score, avg(value), stddev_samp(value)
        from '{results}/leaderboard/*.parquet'
        where split = 'test' and fraction = 1 and weights = '{weights}' and status = 'ok'
          and better is not null and not hardware
        group by model, score, key
        """
    ).fetchall()
    assert len(found) == len(ours) >= 4
    for model, score, mean, spread in found:
        assert ours[model, score] == pytest.approx((mean, spread), rel=1e-12, abs=1e-12)


def test_a_damaged_file_is_named_and_left_out_only_if_asked(
    leaderboard: Callable[..., Result], results: Path
) -> None:
    path = results / "leaderboard" / "torn-1.parquet"
    path.write_bytes(b"PAR1 torn")
    try:
        refused = leaderboard()
        assert refused.exit_code == 1
        assert "torn-1.parquet cannot be read" in refused.stderr
        assert "--skip-unreadable" in refused.stderr
        skipped = leaderboard("--skip-unreadable")
        assert skipped.exit_code == 0
        assert "Left out: " in skipped.stderr
        assert "toy-ae" in skipped.stdout
    finally:
        path.unlink()


def test_a_failure_under_conditions_that_nothing_was_scored_under_is_told(
    tmp_path: Path, tiny_protocol: Protocol
) -> None:
    edited = tiny_protocol.training.model_copy(update={"images": 200})
    for protocol, fault in (
        (tiny_protocol, "none"),
        (tiny_protocol.model_copy(update={"training": edited}), "raises-in-step"),
    ):
        options = {"toy-faulty": {"fault": fault}}
        genbench.run("toy-faulty", protocol=protocol, options=options, results=tmp_path)
    shown = CliRunner().invoke(main, ["leaderboard", "--results", str(tmp_path)]).stdout
    assert "failed: RuntimeError: the sky fell [bold]hard[/bold]" in shown
    told = CliRunner().invoke(main, ["leaderboard", "--results", str(tmp_path), "--format", "json"])
    assert [row["status"] for row in json.loads(told.stdout)["failures"]] == ["failed"]


def test_a_score_of_fewer_runs_than_others_says_of_how_many(
    run: Callable[..., genbench.api.Run], tmp_path: Path
) -> None:
    run("toy-ae", seeds=[0], metrics=["toy-error"])
    for seed in (1, 2):
        run("toy-ae", seeds=[seed], metrics=["toy-error", "toy-distance"])
    shown = CliRunner().invoke(main, ["leaderboard", "--results", str(tmp_path / "results")]).stdout
    [line] = [line for line in shown.splitlines() if line.split()[:1] == ["toy-ae"]]
    assert line.split()[1] == "3"
    assert line.count("(2 of 3)") == 1


def test_scores_with_other_options_are_told_apart_by_what_differs(
    run: Callable[..., genbench.api.Run], tmp_path: Path
) -> None:
    for scale in (1, 4):
        run("toy-ae", metrics=["toy-distance"], options={"toy-distance": {"scale": scale}})
    shown = CliRunner().invoke(main, ["leaderboard", "--results", str(tmp_path / "results")]).stdout
    assert "distance (scale=1.0)" in shown
    assert "distance (scale=4.0)" in shown


def test_a_run_that_failed_at_its_second_metric_is_a_failure_in_the_table(
    run: Callable[..., genbench.api.Run], tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(
        "from genbench import Score\n"
        "class Broken:\n"
        "    version, needs, scores = '1', (), (Score('broken'),)\n"
        "    def measure(self, evidence): raise ValueError('not on these data')\n"
    )
    result = run("toy-ae", metrics=["toy-error", f"{tmp_path}/broken.py:Broken"])
    assert {row["score"] for row in result.rows if row["value"] is not None} == {"error"}
    why = (
        "failed: ValueError: not on these data (broken.py:4 in measure). It came up while Broken "
        "was measured"
    )
    results = ["--results", str(tmp_path / "results")]
    alone = CliRunner().invoke(main, ["leaderboard", *results]).stdout
    assert f"{result.run_id}: {why}" in alone
    asked = CliRunner().invoke(main, ["leaderboard", *results, "--metric", "error"])
    assert "No run has the metric 'error'. Nothing has been measured." in asked.output
    run("toy-mean", metrics=["toy-error"])
    beside = CliRunner().invoke(main, ["leaderboard", *results]).stdout
    lines = {line.split()[0]: line for line in beside.splitlines() if line.strip()}
    assert "0/1 (1 failed)" in lines["toy-ae"]
    assert "±" not in lines["toy-ae"]
    assert f"{why} (toy-ae)." in beside
    asked = CliRunner().invoke(main, ["leaderboard", *results, "--metric", "broken"])
    assert "No run has the metric 'broken'." in asked.output


def test_without_a_leaderboard_it_says_what_makes_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["leaderboard", "--results", str(tmp_path)])
    assert done.exit_code == 1
    assert "genbench run makes one" in done.stderr
    assert "Traceback" not in done.output


@pytest.fixture
def upkeep(results: Path, tmp_path: Path) -> Callable[..., Result]:
    """``genbench leaderboard NAME`` on a copy of the leaderboard."""
    shutil.copytree(results / "leaderboard", tmp_path / "leaderboard")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["leaderboard", *arguments, "--results", str(tmp_path)])

    return invoke


def test_verify_exits_with_0_only_if_the_leaderboard_is_sound(
    upkeep: Callable[..., Result], tmp_path: Path
) -> None:
    sound = upkeep("verify")
    assert (sound.exit_code, sound.stdout) == (0, f"{tmp_path / 'leaderboard'} is sound.\n")
    assert json.loads(upkeep("verify", "--format", "json").stdout) == []
    path = next((tmp_path / "leaderboard").glob("toy-ae-*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    damaged = upkeep("verify")
    assert damaged.exit_code == 1
    assert f"{path}: It cannot be read: its SHA-256 is not that in the manifest." in damaged.stdout
    assert "`genbench leaderboard repair` sets it aside" in damaged.stdout
    (told,) = json.loads(upkeep("verify", "--format", "json").stdout)
    assert (told["kind"], told["file"]) == ("unreadable", path.name)


def test_repair_says_what_it_did_and_then_the_table_is_shown_again(
    upkeep: Callable[..., Result], tmp_path: Path
) -> None:
    path = next((tmp_path / "leaderboard").glob("toy-ae-*.parquet"))
    path.write_bytes(b"PAR1 torn")
    assert upkeep().exit_code == 1
    repaired = upkeep("repair")
    assert repaired.exit_code == 0
    assert f"moved to _damaged/{path.name}. Run again what it held: {path.stem}." in repaired.stdout
    assert upkeep().exit_code == 0
    assert upkeep("verify").exit_code == 0
    assert "Nothing to do." in upkeep("repair").stdout
    assert json.loads(upkeep("repair", "--format", "json").stdout) == []


def test_compact_changes_no_standing(upkeep: Callable[..., Result], tmp_path: Path) -> None:
    before = json.loads(upkeep("--format", "json").stdout)
    compacted = upkeep("compact")
    assert compacted.exit_code == 0
    assert "compacted+1.parquet has the rows of 9 more runs." in compacted.stdout
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["compacted+1.parquet"]
    after = json.loads(upkeep("--format", "json").stdout)
    assert after["standings"] == before["standings"]
    assert upkeep("compact").stdout == "Nothing to compact.\n"
    assert json.loads(upkeep("compact", "--format", "json").stdout)["runs"] == 0


def test_duckdb_counts_a_compacted_leaderboard_as_it_was(
    upkeep: Callable[..., Result], tmp_path: Path
) -> None:
    def counted() -> list[tuple[object, ...]]:
        return duckdb.sql(
            f"select run_id, count(*), sum(value) from '{tmp_path}/leaderboard/*.parquet' "
            "group by all order by all"
        ).fetchall()

    before = counted()
    upkeep("compact")
    assert counted() == before


def test_a_run_is_shown_from_a_compacted_leaderboard(
    upkeep: Callable[..., Result], results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results / "runs", tmp_path / "runs")
    upkeep("compact")
    run_id = next((tmp_path / "runs").glob("toy-ae-*")).name
    shown = CliRunner().invoke(main, ["show", run_id, "--results", str(tmp_path)])
    assert "distance" in shown.stdout


@pytest.mark.parametrize("name", ["verify", "repair", "compact"])
def test_what_is_given_before_the_name_of_a_command_counts_or_is_refused(
    upkeep: Callable[..., Result], tmp_path: Path, name: str
) -> None:
    early = ["leaderboard", "--results", str(tmp_path / "nowhere"), name]
    done = CliRunner().invoke(main, early)
    assert done.exit_code == 1
    assert f"There is no leaderboard at {tmp_path / 'nowhere' / 'leaderboard'}" in done.stderr
    refused = CliRunner().invoke(main, ["leaderboard", "--dataset", "digits", name])
    assert refused.exit_code == 2
    assert f"--dataset is not for {name}." in refused.stderr


def test_scores_of_one_name_stand_under_the_names_of_their_metrics(
    run: Callable[..., genbench.api.Run], tmp_path: Path
) -> None:
    for name, value in (("One", 1.0), ("Other", 2.0)):
        (tmp_path / f"{name}.py").write_text(
            "from genbench import Score\n"
            f"class {name}:\n"
            "    version, needs, scores = '1', (), (Score('modes', better='higher'),)\n"
            f"    def measure(self, evidence): return {{'modes': {value}}}\n"
        )
    metrics = [f"{tmp_path / name}.py:{name}" for name in ("One", "Other")]
    result = run("toy-mean", metrics=metrics)
    shown = CliRunner().invoke(main, ["leaderboard", "--results", str(tmp_path / "results")]).stdout
    [header] = [line for line in shown.splitlines() if line.strip().startswith("model")]
    assert "One.modes" in header
    assert "Other.modes" in header
    assert "ranked by One.modes, higher is better" in shown
    asked = ["leaderboard", "--results", str(tmp_path / "results"), "--metric", "Other.modes"]
    alone = CliRunner().invoke(main, asked).stdout
    assert "ranked by modes, higher is better" in alone
    [line] = [line for line in alone.splitlines() if line.split()[:1] == ["toy-mean"]]
    assert line.split()[-1] == "2"
    assert result.score("Other.modes") == 2
    with pytest.raises(KeyError, match=r"modes: Did you mean .*\.modes"):
        result.score("modes")


def test_a_wide_table_is_told_in_parts_that_fit() -> None:
    header = ["model", "runs", "rank", "fid", "nobody has", "kid", "precision"]
    lines = [["ae-gan", "3", "1", "0.56 ± 0.1", "n/a", "0.007 ± 0.001", "0.9"]]
    assert blocks(header, lines, always=3, width=200) == [[0, 1, 2, 3, 5, 6]]
    assert blocks(header, lines, always=3, width=55) == [[0, 1, 2, 3, 5], [0, 1, 2, 6]]
    assert blocks(header, lines, always=3, width=10) == [[0, 1, 2, 3], [0, 1, 2, 5], [0, 1, 2, 6]]
