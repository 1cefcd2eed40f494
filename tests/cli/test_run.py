"""``genbench run`` as a user types it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genbench.cli import main

Command = Callable[..., subprocess.CompletedProcess[str]]
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run ``genbench run`` in this process, under the tiny protocol."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        fixed = ["run", "--executor", "in-process", "--device", "cpu", "--protocol", tiny_file.name]
        return CliRunner().invoke(main, [*fixed, *arguments])

    return run


def test_one_run_prints_every_score_the_files_and_what_to_try_next(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae")
    assert done.exit_code == 0, done.output
    for text in (
        "toy-distance.distance", "toy-error.error", "average", "last", "lower", "squared",
        "results/runs/toy-ae-toy-squares-s0-", "samples.png", "results/leaderboard/toy-ae",
        "try next", "--seeds 3", "genbench leaderboard",
    ):  # fmt: skip
        assert text in done.stdout


def test_many_runs_print_one_table_of_their_models(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae", "--model", "toy-mean", "--seeds", "2")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("ranked by distance") == 1
    assert "±" in done.stdout


def test_elsewhere_than_on_a_terminal_progress_is_plain_lines(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae")
    assert "toy-ae-toy-squares-s0-" in done.stderr
    assert "validation at 200 images: distance" in done.stderr
    assert "\x1b" not in done.output


def test_quiet_is_quiet(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae", "--quiet")
    assert (done.exit_code, done.output) == (0, "")


def test_quiet_still_says_what_failed(invoke: Invoke) -> None:
    done = invoke("--model", "toy-faulty", "--set", "toy-faulty.fault=raises-in-step", "-q")
    assert done.exit_code == 1
    assert "failed: RuntimeError: the sky fell [bold]hard[/bold]" in done.stderr
    assert "log.txt" in done.stderr


def test_json_holds_outcomes_and_rows(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae", "--format", "json")
    (told,) = json.loads(done.stdout)
    assert told["status"] == "ok"
    assert Path(told["folder"]).is_dir()
    assert {row["score"] for row in told["rows"]} >= {"distance", "error", "seconds"}


def test_a_run_that_is_there_is_reused_and_says_so(invoke: Invoke) -> None:
    invoke("--model", "toy-ae")
    again = invoke("--model", "toy-ae")
    assert "was there already, made with device cpu, threads 1; --fresh" in again.stdout
    assert "already" not in invoke("--model", "toy-ae", "--fresh").stdout


def test_seeds_and_models_that_are_named_twice_run_once(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae", "--model", "toy-ae", "--seed", "1", "--seed", "1")
    assert done.exit_code == 0
    assert "not begun" not in done.stdout
    mine = Path("mine.py")
    mine.write_text("from genbench_toys.mean import Mean\nclass Mine(Mean): ...\n")
    assert invoke("--model", "mine.py:Mine", "--model", "./mine.py:Mine").exit_code == 0
    assert "toy-ae-toy-squares-s1-" in done.stdout


def test_the_exit_status_is_0_only_if_every_run_is_ok(invoke: Invoke) -> None:
    done = invoke(
        "--model", "toy-ae", "--model", "toy-faulty", "--set", "toy-faulty.fault=diverges"
    )
    assert done.exit_code == 1
    assert "diverged: The loss 'reconstruction' was inf at 280 images." in done.stdout
    assert "0/1 (1 diverged)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "toy-faultyy"], "no model 'toy-faultyy'. Did you mean toy-faulty"),
        (["--model", "toy-ae", "--dataset", "toy-square"], "no data set 'toy-square'. Did you"),
        (["--model", "toy-ae", "--metric", "toy-eror"], "no metric 'toy-eror'. Did you mean"),
        (["--model", "toy-ae", "--extractor", "toy-pixel"], "no extractor 'toy-pixel'. Did you"),
        (["--model", "toy-ae", "--executor", "locl"], "no executor 'locl'. Did you mean local"),
        (["--model", "toy-ae", "--protocol", "quik"], "no protocol 'quik'. Did you mean quick"),
        (["--model", "toy-ae", "--set", "toy-ae.widht=3"], "no option 'widht'. Did you mean width"),
        (["--model", "toy-ae", "--set", "toy-ae.width=x"], "'width' of the model 'toy-ae' "),
        (["--model", "toy-ae", "--set", "width=3"], "is not NAME.OPTION=VALUE"),
        (["--model", "toy-ae", "--set", "toy-mean.x=3"], "no 'toy-mean' takes part in this run"),
        (["--model", "toy-ae", "--timeout", "0"], "'--timeout'"),
        (["--model", "toy-ae", "--timeout", "9", "--pdb"], "which --timeout cannot end"),
        (["--model", "toy-ae", "--seeds", "0"], "'--seeds'"),
        (["--model", "toy-ae", "--seeds", "2", "--seed", "1"], "not both"),
        ([], "Say what to run: --model NAME"),
    ],
)
def test_bad_usage_exits_2_with_one_clear_message_and_runs_nothing(
    invoke: Invoke, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "results").exists()


def test_a_device_that_is_not_there_is_named(invoke: Invoke) -> None:
    done = invoke("--model", "toy-ae", "--device", "tpu:0")
    assert done.exit_code == 2
    assert "--device" in done.stderr


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    done = CliRunner().invoke(main, ["rum"])
    assert done.exit_code == 2
    assert "no command 'rum'. Did you mean run" in done.stderr


def test_the_real_command_runs_in_a_worker_and_a_broken_plugin_hides_no_other(
    command: Command, tiny_file: Path, distribution: Callable[..., Path]
) -> None:
    site = distribution(
        "genbench-broken",
        "[genbench.models]\nbroken = broken_model:Model\n",
        broken_model="raise ImportError('its own fault')\n",
    )
    arguments = ["--protocol", tiny_file, "--device", "cpu"]
    done = command("run", "--model", "broken", "--model", "toy-ae", *arguments, path=site)
    assert done.returncode == 1
    assert (
        "failed: The model 'broken' (genbench-broken 1.0) could not be imported: "
        "ImportError: its own fault" in done.stdout
    )
    listed = command("leaderboard", "--format", "json", path=site)
    (standing, *_) = json.loads(listed.stdout)["standings"]
    by_model = {entry["model"]: entry for entry in standing["entries"]}
    assert by_model["toy-ae"]["failures"] == {}
    assert by_model["broken"]["failures"] == {"failed": 1}


@pytest.mark.parametrize(
    ("fault", "look", "seen"),
    [
        ("raises-in-step", "p 'the fault is ' + self.fault", "the fault is raises-in-step"),
        # genbench says this one in its own words; the debugger stops at the plugin's.
        ("refuses-shape", "p 'the shape is', data.shape", "('the shape is', (1, 8, 8))"),
    ],
)
def test_pdb_stops_where_the_plugin_raised(
    command: Command, tiny_file: Path, fault: str, look: str, seen: str
) -> None:
    done = command(
        "run", "--model", "toy-faulty", "--set", f"toy-faulty.fault={fault}", "--pdb",
        "--protocol", tiny_file, "--device", "cpu", input=f"{look}\nq\n",
    )  # fmt: skip
    assert seen in done.stdout
    assert done.returncode == 1
