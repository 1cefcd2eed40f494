"""From names to run specs and their ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genbench import plan
from genbench.errors import PluginError, UsageError
from genbench.plan import RunSpec
from genbench.protocol import Protocol

Specify = Callable[..., RunSpec]


@pytest.fixture
def specify(tiny: Protocol) -> Specify:
    def one(model: str = "toy-ae", **arguments: Any) -> RunSpec:
        arguments = {"protocol": tiny, "seeds": [0], "settings": {}, **arguments}
        return plan.resolve(plan.requests(models=[model], **arguments)[0])

    return one


def test_the_grid_is_model_by_data_set_by_seed(tiny: Protocol) -> None:
    requests = plan.requests(
        models=["toy-ae", "toy-mean", "toy-ae"],
        datasets=["toy-squares", "toy-points"],
        protocol=tiny,
        seeds=[0, 1, 2],
        settings={},
    )
    assert len(requests) == 2 * 2 * 3


def test_a_run_id_says_model_data_set_and_seed(specify: Specify) -> None:
    assert specify(seeds=[7]).run_id.startswith("toy-ae-toy-squares-s7-")


def test_a_default_that_is_given_names_the_same_run(specify: Specify) -> None:
    assert specify(settings={"toy-ae": {"width": "16"}}).run_id == specify().run_id


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": {"toy-ae": {"width": "8"}}},
        {"settings": {"toy-squares": {"size": "40"}}},
        {"seeds": [1]},
        {"datasets": ["toy-points"]},
    ],
)
def test_what_changes_the_weights_changes_training_id_and_run_id(
    specify: Specify, changed: dict[str, Any]
) -> None:
    assert specify(**changed).training_id != specify().training_id
    assert specify(**changed).run_id != specify().run_id


@pytest.mark.parametrize(
    "changed", [{"metrics": ["toy-error"]}, {"settings": {"toy-distance": {"scale": "2"}}}]
)
def test_what_changes_the_evaluation_alone_keeps_the_training_id(
    specify: Specify, changed: dict[str, Any]
) -> None:
    assert specify(**changed).training_id == specify().training_id
    assert specify(**changed).run_id != specify().run_id


def test_an_edited_model_is_another_run(specify: Specify, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    def __init__(self, data): pass\n")
    before = specify(f"{path}:Mine").training_id
    path.write_text("class Mine:\n    def __init__(self, data): self.x = 1\n")
    assert specify(f"{path}:Mine").training_id != before


def test_a_spec_survives_json(specify: Specify) -> None:
    spec = specify()
    again = RunSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.run_id == spec.run_id


def test_the_extractor_is_the_data_sets_unless_one_is_given(specify: Specify) -> None:
    extractor = specify().extractor
    assert extractor is not None
    assert extractor.name == "toy-pixels"
    assert specify(datasets=["toy-points"]).extractor is None


def test_no_extractor_takes_part_where_no_metric_needs_features(specify: Specify) -> None:
    assert specify(metrics=["toy-error"]).extractor is None


def test_settings_for_a_plugin_that_takes_no_part_are_refused(specify: Specify) -> None:
    for settings in ({"toy-mean": {"x": "1"}}, {"inception-v3-compat": {"x": "1"}}):
        with pytest.raises(UsageError, match=r"takes part in this run"):
            plan.check_settings([specify(settings=settings)], settings)
    plan.check_settings([specify()], {"toy-ae": {}, "toy-pixels": {}, "toy-squares": {}})


def test_a_plugin_that_does_not_import_keeps_its_options_as_given(
    specify: Specify, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import nothing_of_that_name")
    spec = specify(f"{path}:Mine", settings={"Mine": {"width": "3"}})
    assert spec.model.options == {"width": "3"}
    assert "nothing_of_that_name" in str(spec.problem)
    with pytest.raises(PluginError, match="nothing_of_that_name"):
        plan.raise_problem(spec)


def test_a_metric_may_say_what_it_needs_by_a_property(specify: Specify, tmp_path: Path) -> None:
    path = tmp_path / "metric.py"
    path.write_text(
        "class Mine:\n    @property\n    def needs(self): return ('sample', 'features')\n"
    )
    assert specify(metrics=[f"{path}:Mine"]).extractor is not None


def test_an_option_whose_default_cannot_be_written_down_is_the_plugins_problem(
    specify: Specify, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    def __init__(self, data, *, activation=object()): ...\n")
    assert "The default of the option 'activation'" in str(specify(f"{path}:Mine").problem)


def test_code_that_was_edited_since_the_plan_is_not_run_under_its_name(
    specify: Specify, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    def __init__(self, data): pass\n")
    spec = specify(f"{path}:Mine")
    spec.model.make("data")
    path.write_text("class Mine:\n    def __init__(self, data): self.x = 1\n")
    with pytest.raises(PluginError, match="was edited after this run was asked for"):
        spec.model.make("data")


@pytest.mark.parametrize("name", ["../x", "a/b", "a\nb", "<b>", "[red]", "..", "-a"])
def test_a_plugin_name_that_could_leave_its_folder_or_cell_is_refused(
    name: str, tiny: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = plan.registry.Plugin("model", name, "x:X", "evil", "1.0")
    monkeypatch.setattr("genbench.registry.catalogue", lambda kind: {name: (plugin,)})
    with pytest.raises(UsageError, match="cannot be used: a name is letters"):
        plan.requests(models=[name], protocol=tiny, seeds=[0], settings={})


READS_A_FILE = """
from pathlib import Path
import genbench
from genbench_toys.squares import Squares

class Read(Squares):
    def __init__(self, *, file: Path) -> None:
        super().__init__()
        self.file = file
    def source(self) -> str:
        return self.file.read_text()
"""


def test_a_data_set_whose_files_have_changed_is_another_run(
    specify: Specify, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(READS_A_FILE)
    read = tmp_path / "data.txt"

    def spec() -> RunSpec:
        return specify(
            datasets=[f"{tmp_path / 'mine.py'}:Read"], settings={"Read": {"file": str(read)}}
        )

    read.write_text("first")
    first, again = spec(), spec()
    read.write_text("second")
    second = spec()
    assert first.run_id == again.run_id != second.run_id
    assert first.training_id != second.training_id
    assert RunSpec.model_validate_json(first.model_dump_json()).run_id == first.run_id


def test_files_that_cannot_be_read_fail_the_run_that_needs_them(
    specify: Specify, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(READS_A_FILE)
    spec = specify(
        datasets=[f"{tmp_path / 'mine.py'}:Read"], settings={"Read": {"file": "nowhere.txt"}}
    )
    assert "could not be asked what it reads: FileNotFoundError" in str(spec.problem)
    with pytest.raises(PluginError, match=r"could not be asked what it reads.*nowhere\.txt"):
        plan.raise_problem(spec)
