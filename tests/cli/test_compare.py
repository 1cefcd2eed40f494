"""``genbench compare``: two leaderboards, two models, and the gate for continuous integration."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scipy import stats

import genbench
from genbench.cli import main
from genbench.leaderboard import store
from genbench.leaderboard.schema import Row
from genbench.protocol import Protocol


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_protocol: Protocol) -> Path:
    """Two models, three seeds."""
    folder = tmp_path_factory.mktemp("shared") / "results"
    genbench.run(
        ["toy-ae", "toy-mean"],
        protocol=tiny_protocol,
        seeds=range(3),
        results=folder,
        device="cpu",
    )
    return folder


@pytest.fixture
def changed(results: Path, tmp_path: Path) -> Callable[..., Path]:
    """A leaderboard like the first one, its rows changed one by one; None leaves a row out."""

    def copy(change: Callable[[Row], Row | None], name: str = "changed") -> Path:
        by_run: dict[str, list[Row]] = defaultdict(list)
        for row in store.rows_of(store.read(results / "leaderboard")):
            new = change(dict(row))
            if new is not None:
                by_run[new["run_id"]].append(new)
        for rows in by_run.values():
            store.commit(tmp_path / name / "leaderboard", rows)
        return tmp_path / name

    return copy


def scaled(factor: float, **columns: Any) -> Callable[[Row], Row]:
    """Every value times a factor."""
    return lambda row: {
        **row,
        "value": None if row["value"] is None else factor * row["value"],
        **columns,
    }


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def test_the_table_shows_both_the_difference_and_the_verdict(
    results: Path, changed: Callable[..., Path]
) -> None:
    other = changed(scaled(3.0, model_code="0123456789"))
    done = compare(results, other, "--metric", "distance")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["A", str(results)]
    assert lines[1].split() == ["B", str(other)]
    assert "toy-ae · toy-squares · tiny · test split · average weights" in done.stdout
    assert "0123456 in B" in done.stdout
    (above,) = [line for line in lines if line.startswith(" distance")]
    below = lines[lines.index(above) + 1]
    assert above.count("±") == 2
    assert "(+200.0%)" in above
    assert "worse, p " in above
    assert below.split()[:7] == ["lower", "is", "better", "3", "seeds", "3", "seeds"]
    assert " to " in below
    assert "p by Welch's test." in done.stdout


def test_text_fits_a_terminal_of_100_columns(results: Path, changed: Callable[..., Path]) -> None:
    shown = compare(results, changed(scaled(1.01, model_code="0123456789"))).stdout
    assert max(len(line.rstrip()) for line in shown.splitlines()[2:]) <= 100


def test_json_has_all_numbers_as_scipy_has_them(
    results: Path, changed: Callable[..., Path]
) -> None:
    other = changed(scaled(1.3))
    told = json.loads(compare(results, other, "--metric", "distance", "--format", "json").stdout)
    (found,) = told["compared"]
    a, b = found["a"]["values"], found["b"]["values"]
    expected = stats.ttest_ind(b, a, equal_var=False)
    assert found["p"] == pytest.approx(expected.pvalue)
    assert found["freedom"] == pytest.approx(expected.df)
    assert found["interval"] == pytest.approx(list(expected.confidence_interval()))
    assert found["difference"] == pytest.approx(sum(b) / 3 - sum(a) / 3)
    assert found["relative"] == pytest.approx(0.3)
    assert told["tested"] == 1
    assert told["b"] == {"name": "B", "from": str(other)}


def test_the_same_leaderboard_is_equal(results: Path) -> None:
    told = json.loads(compare(results, results, "--format", "json").stdout)
    assert {found["verdict"] for found in told["compared"]} == {"equal"}
    assert told["tested"] == 0


def test_folders_and_single_files_are_leaderboards(results: Path) -> None:
    files = sorted((results / "leaderboard").glob("toy-ae*.parquet"))
    done = compare(results / "leaderboard", files[0])
    assert done.exit_code == 0
    assert "one seed tells nothing" in done.stdout
    assert "One seed tells nothing: run with --seeds 3 or more." in done.stdout


def test_two_models_of_one_leaderboard(results: Path) -> None:
    arguments = ["--model", "toy-ae", "--model", "toy-mean", "--results", results]
    done = compare(*arguments, "--metric", "toy-error")
    assert done.exit_code == 0
    (header,) = [line for line in done.stdout.splitlines() if line.startswith(" score")]
    assert header.split() == ["score", "toy-ae", "toy-mean", "difference", "verdict"]
    everything = compare(*arguments).stdout
    assert "distance, clipped_fraction: does not apply for toy-mean: the model has no" in everything


def test_two_versions_of_one_model_are_chosen_by_their_code(
    results: Path, changed: Callable[..., Path]
) -> None:
    def renamed(row: Row) -> Row:
        return {**scaled(2.0)(row), "run_id": f"{row['run_id']}-b", "model_code": "0123456789"}

    changed(lambda row: row)
    folder = changed(renamed)
    (code,) = {
        row["model_code"]
        for row in store.rows_of(store.read(results / "leaderboard"))
        if row["model"] == "toy-ae"
    }
    labels = [f"toy-ae[code {code[:7]}]", "toy-ae[code 0123456]"]
    done = compare("--model", labels[0], "--model", labels[1], "--results", folder)
    assert done.exit_code == 0, done.stderr
    assert f"code {code[:7]} for {labels[0]}, 0123456 for {labels[1]}" in done.stdout
    assert "(+100.0%)" in done.stdout


def test_a_name_of_several_models_is_answered_with_the_labels_to_choose_from(
    changed: Callable[..., Path],
) -> None:
    def narrower(row: Row) -> Row:
        options = {**json.loads(row["model_options"]), "latent_dim": 1}
        return {**row, "run_id": f"{row['run_id']}-b", "model_options": json.dumps(options)}

    changed(lambda row: row)
    folder = changed(lambda row: narrower(row) if row["model"] == "toy-ae" else row)
    done = compare("--model", "toy-ae", "--model", "toy-mean", "--results", folder)
    assert done.exit_code == 2
    assert "'toy-ae' is 2 models, with other options each: " in done.stderr
    assert "toy-ae[latent_dim=1]" in done.stderr
    one = compare("--model", "toy-ae[latent_dim=1]", "--model", "toy-mean", "--results", folder)
    assert one.exit_code == 0


def test_what_could_not_be_compared_is_told_in_words(
    results: Path, changed: Callable[..., Path]
) -> None:
    def edited(row: Row) -> Row | None:
        if row["model"] == "toy-mean":
            return None
        if row["score"] == "distance":
            return {**row, "metric_version": "9", "key": row["key"][::-1]}
        return row

    shown = " ".join(compare(results, changed(edited)).stdout.split())
    assert "Not compared on toy-squares under tiny:" in shown
    assert "distance of toy-ae: other metric version (" in shown
    assert " in A, 9 in B)" in shown
    assert "of toy-mean: only in A" in shown


def test_nothing_to_compare_is_an_error_that_says_why(
    results: Path, changed: Callable[..., Path]
) -> None:
    def under_another(row: Row) -> Row:
        fingerprint, key = row["protocol_fingerprint"][::-1], row["key"] and row["key"][::-1]
        return {**row, "protocol": "other", "protocol_fingerprint": fingerprint, "key": key}

    for extra in ([], ["--fail-if-worse", "5%"], ["--format", "json"]):
        done = compare(results, changed(under_another), *extra)
        assert done.exit_code == 2
        assert "Nothing could be compared:" in done.stderr
        assert "other protocol (tiny " in done.stderr
    assert json.loads(done.stdout)["compared"] == []


def test_the_gate_fails_what_is_worse_by_more_than_the_share(
    results: Path, changed: Callable[..., Path]
) -> None:
    other = changed(scaled(3.0))
    only = ["--metric", "distance", "--model", "toy-ae"]
    for share in ("2%", "0.02", "0%", "199.5%"):
        done = compare(results, other, *only, "--fail-if-worse", share)
        assert done.exit_code == 1, share
        assert "distance of toy-ae: significantly worse, its mean by 200.00%" in done.stderr
    assert compare(results, other, *only, "--fail-if-worse", "201%").exit_code == 0
    assert compare(other, results, *only, "--fail-if-worse", "0%").exit_code == 0
    assert compare(results, other, *only).exit_code == 0


def test_the_gate_says_as_json_what_it_did_not_pass(
    results: Path, changed: Callable[..., Path]
) -> None:
    other = changed(lambda row: row if row["model"] == "toy-ae" else None)
    done = compare(results, other, "--fail-if-worse", "2%", "--format", "json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)["objections"]
    assert {(found["model"], found["reason"]) for found in told} == {("toy-mean", "only in A")}


@pytest.mark.parametrize("share", ["2", "-1%", "nan", "two", "%", "1e3%", "2%%", ""])
def test_a_share_that_could_be_misread_is_refused(results: Path, share: str) -> None:
    done = compare(results, results, "--fail-if-worse", share)
    assert done.exit_code == 2
    assert "is no share: write 2% or 0.02" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "distanse"], "No run has the metric 'distanse'. Did you mean distance"),
        (["--dataset", "toy-squars"], "No run has the dataset 'toy-squars'. Did you mean"),
        (["--protocol", "tinny"], "No run has the protocol 'tinny'. Did you mean tiny"),
        (["--model", "toy-men"], "No run has the model 'toy-men'. Did you mean toy-mean"),
        (["--results", "."], "--results is for two models of one leaderboard"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    results: Path, arguments: list[str], message: str
) -> None:
    done = compare(results, results, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "compare takes two leaderboards, as in genbench compare A B; or two models"),
        (["nowhere"], "compare takes two leaderboards"),
        (["nowhere", "neither"], "There is no results folder, leaderboard or Parquet file at now"),
        (["--model", "x"], "compare takes two leaderboards"),
        (["--model", "x", "--model", "x"], "There is no results folder"),
    ],
)
def test_a_wrong_call_says_how_to_call_it(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = compare(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_model_is_not_compared_with_itself(results: Path) -> None:
    done = compare("--model", "toy-ae", "--model", "toy-ae", "--results", results)
    assert done.exit_code == 2
    assert "are the same: compare takes two models" in done.stderr


def test_a_folder_without_rows_is_an_error(results: Path, tmp_path: Path) -> None:
    done = compare(results, tmp_path)
    assert done.exit_code == 2
    assert f"There are no rows in {tmp_path}" in done.stderr


def test_a_damaged_file_is_named_and_left_out_only_if_asked(
    results: Path, changed: Callable[..., Path]
) -> None:
    other = changed(lambda row: row)
    torn = other / "leaderboard" / "torn-1.parquet"
    torn.write_bytes(b"PAR1 torn")
    refused = compare(results, other)
    assert refused.exit_code == 1
    assert "torn-1.parquet" in refused.stderr
    skipped = compare(results, other, "--skip-unreadable")
    assert skipped.exit_code == 0
    assert "Left out: " in skipped.stderr


def test_comparing_loads_no_torch(results: Path) -> None:
    program = (
        "import sys; from genbench.cli import main\n"
        f"try: main(['compare', {str(results)!r}, {str(results)!r}])\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "toy-ae" in done.stdout
    assert done.stdout.endswith("False\n"), done.stderr


def test_failures_that_no_score_stands_beside_are_told(
    results: Path, changed: Callable[..., Path]
) -> None:
    def broken(row: Row) -> Row:
        nothing = dict.fromkeys(("split", "fraction", "weights", "metric", "score", "value", "key"))
        failed = {"status": "failed", "reason": "RuntimeError: no", "protocol_fingerprint": "other"}
        return {**row, **nothing, **failed}

    done = compare(results, changed(broken))
    assert done.exit_code == 2
    assert " in B: failed: RuntimeError: no" in done.stderr
