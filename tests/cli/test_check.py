"""``genbench check``: one line for each promise, and an end to what hangs or exits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from genbench.cli import main

Command = Callable[..., subprocess.CompletedProcess[str]]

BROKEN = Path(__file__).parent.parent / "testing" / "broken"


def lines(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """By check: its line."""
    return {line.split()[1]: line for line in done.stdout.splitlines() if len(line.split()) > 1}


def test_a_sound_model_has_a_line_for_each_check_and_exit_status_0(command: Command) -> None:
    done = command("check", "toy-ae", "--set", "toy-ae.width=4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("model 'toy-ae' (genbench-toys 0.3.1)\n")
    told = lines(done)
    assert "width=4" in told["options"]
    assert told["constructor"].endswith("takes 1x8x8, 1x28x28, 3x32x32, 3x64x64, points of 2")
    assert told["fit"].split() == ["n/a", "fit", "it", "has", "no", "fit"]
    assert told["resuming"].startswith("ok")
    assert done.stdout.splitlines()[-1] == "20 ok, 3 n/a"


def test_a_fault_is_told_in_three_sentences_with_exit_status_1(command: Command) -> None:
    done = command("check", f"{BROKEN / 'no_gradient.py'}:NoGradient", "--data", "2")
    assert (done.returncode, done.stderr) == (1, "")
    after = done.stdout.partition("wrong    gradients\n")[2].splitlines()
    assert after[0].strip().startswith("promised: Every parameter is in an optimizer")
    assert after[1].strip().startswith("happened: In 12 train steps no gradient reached unused")
    assert after[2].strip().startswith("-> Use it in that loss")
    assert done.stdout.splitlines()[-1] == "18 ok, 4 n/a; wrong: gradients"


def test_all_plugins_of_a_kind_have_a_line_each(
    command: Command, distribution: Callable[..., Path]
) -> None:
    points = "raising = raising_executor:RaisingExecutor\nnowhere = nowhere:Nothing"
    source = (BROKEN / "raising_executor.py").read_text()
    site = distribution("third", f"[genbench.executors]\n{points}\n", raising_executor=source)
    done = command("check", "--kind", "executor", path=site)
    assert done.returncode == 1, done.stderr
    told = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert told["in-process"].endswith(" ok")
    assert told["local"].endswith(" ok")
    assert told["raising"].endswith("; wrong: failure")
    assert "raising_executor.py:15 in run" in told["happened:"]
    assert "executor 'nowhere' (third 1.0) could not be imported" in told["nowhere"]


def test_json_has_every_check_with_its_findings(command: Command) -> None:
    done = command("check", f"{BROKEN / 'version_number.py'}:VersionNumber", "--format", "json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["plugin"].startswith("metric 'VersionNumber' (")
    [wrong] = [check for check in told["checks"] if check["state"] == "wrong"]
    assert wrong["check"] == "declaration"
    assert wrong["findings"][0].keys() == {"promised", "happened", "mend"}
    assert {check["state"] for check in told["checks"]} == {"ok", "wrong", "skipped"}


def test_a_plugin_that_ends_the_process_ends_one_check_and_the_others_are_made(
    command: Command,
) -> None:
    done = command("check", f"{BROKEN / 'exits.py'}:Exits", "--data", "2")
    assert done.returncode == 1
    assert "The process ended by itself with exit code 3 during sample(1, rng)." in done.stdout
    told = lines(done)
    assert told["sample"].startswith("wrong")
    assert told["reconstruct"].startswith("ok")
    assert told["surroundings"].startswith("ok")


def test_a_plugin_that_hangs_is_ended_where_it_hangs(command: Command) -> None:
    reference = f"{BROKEN / 'hangs.py'}:Hangs"
    done = command("check", reference, "--data", "2", "--timeout", "5")
    assert done.returncode == 1
    where = "in reconstruct(x of (16, 2)) (hangs.py:14 in reconstruct)"
    assert f"happened: It took longer than 5 s, {where}." in done.stdout
    told = lines(done)
    assert told["reconstruct"].startswith("wrong")
    assert told["fit"].startswith("ok")
    assert told["surroundings"].startswith("ok")


def test_a_plugin_that_ends_the_process_on_import_is_one_clear_message(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "deadly.py").write_text("import os; os._exit(7)")
    done = command("check", "deadly.py:Model")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: deadly.py:Model: The process ended by itself with exit code 7 during its import.\n"
    )


def test_a_plugin_that_does_not_import_is_one_clear_message(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("import not_installed_anywhere")
    done = command("check", "mine.py:Model")
    assert done.returncode == 1
    assert "could not be imported: ModuleNotFoundError" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_extractor_without_its_weights_says_what_to_do(command: Command, tmp_path: Path) -> None:
    missing = tmp_path / "weights.pth"
    option = f"inception-v3-compat.weights={missing}"
    done = command("check", "inception-v3-compat", "--set", option)
    assert done.returncode == 1
    assert "made ready: There is no file of torch-fidelity's Inception weights" in done.stdout
    assert lines(done)["determinism"].startswith("skipped")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give NAME; or --kind alone, for all of that kind."),
        (["--kind", "metric", "--set", "a.b=1"], "--set is for one plugin: give NAME."),
        (["./mine.py"], "names a file but no class in it: write ./mine.py:ClassName."),
        (["toy-aee"], "There is no plugin 'toy-aee'. Did you mean toy-ae"),
        (["toy-ae", "--kind", "metric"], "There is no metric 'toy-ae'."),
        (["nowhere.py:Model"], "There is no file 'nowhere.py'"),
        (["toy-ae", "--set", "toy-ae.latent=3"], "Did you mean latent_dim?"),
        (["toy-ae", "--set", "toy-ae.latent_dim=x"], "takes int, not 'x'"),
        (["toy-ae", "--set", "pca.latent_dim=3"], "what is checked is 'toy-ae'"),
        (["toy-ae", "--set", "toy-ae.width=3", "--set", "toy-ae.width=4"], "several values"),
        (["toy-ae", "--data", "8x8"], "'8x8' is no shape"),
        (["toy-error", "--data", "2"], "is no model"),
        (["toy-ae", "--timeout", "0"], "--timeout"),
    ],
)
def test_what_was_asked_wrongly_is_a_usage_error(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["check", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_name_of_several_kinds_asks_for_the_kind(
    command: Command, distribution: Callable[..., Path]
) -> None:
    site = distribution("both", "[genbench.models]\nboth = a:A\n[genbench.metrics]\nboth = a:A\n")
    done = command("check", "both", path=site)
    assert done.returncode == 2
    assert "'both' is the name of a model and a metric: add --kind." in done.stderr
