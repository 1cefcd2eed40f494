"""Names to plugins, from metadata and from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from genbench import registry
from genbench.errors import PluginError, UsageError

Distribution = Callable[..., Path]


def test_a_name_finds_its_plugin_without_importing_it() -> None:
    plugin = registry.find("model", "toy-ae")
    assert plugin.target == "genbench_toys.autoencoder:Autoencoder"
    assert (plugin.distribution, plugin.version) == ("genbench-toys", "0.3.1")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no model 'toy-faulti'\. Did you mean toy-faulty"):
        registry.find("model", "toy-faulti")


def test_a_name_that_two_distributions_claim_is_refused_with_both(
    distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution("first", "[genbench.models]\ntwice = a:A\n")
    site = distribution("second", "[genbench.models]\ntwice = b:B\n", version="2.0")
    monkeypatch.syspath_prepend(site)
    registry.refresh()
    with pytest.raises(UsageError, match=r"claimed by (first 1\.0 and second 2\.0|second.*first)"):
        registry.find("model", "twice")
    assert registry.find("model", "toy-ae").name == "toy-ae"


def test_a_plugin_that_fails_on_import_names_its_distribution_version_and_cause(
    distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = distribution(
        "genbench-broken",
        "[genbench.models]\nbroken = broken_model:Model\n",
        broken_model="import not_installed_anywhere\n",
    )
    monkeypatch.syspath_prepend(site)
    registry.refresh()
    plugin = registry.find("model", "broken")
    with pytest.raises(
        PluginError,
        match=r"'broken' \(genbench-broken 1\.0\).*ModuleNotFoundError.*not_installed_anywhere",
    ):
        registry.load(plugin)
    registry.load(registry.find("model", "toy-ae"))


def test_a_plugin_that_exits_on_import_is_an_error_too(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("import sys; sys.exit(0)")
    with pytest.raises(PluginError, match="SystemExit"):
        registry.load(registry.find("model", f"{path}:Model"))


def test_a_class_in_a_file_needs_no_packaging(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class MyModel: pass\n")
    plugin = registry.find("model", f"{path}:MyModel")
    assert plugin.name == "MyModel"
    assert registry.load(plugin).__name__ == "MyModel"


def test_an_edited_file_is_loaded_anew(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class A: x = 1\n")
    assert registry.load(registry.find("model", f"{path}:A")).x == 1
    path.write_text("class A: x = 2\n")
    assert registry.load(registry.find("model", f"{path}:A")).x == 2


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nowhere.py:Model", "There is no file 'nowhere.py'"),
        ("{file}", "names a file but no class in it"),
        ("{file}:not-a-name", "is not a class name"),
    ],
)
def test_a_wrong_reference_to_a_file_says_what_is_wrong(
    tmp_path: Path, reference: str, message: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class MyModel: pass\n")
    with pytest.raises(UsageError, match=message):
        registry.find("model", reference.format(file=path))


def test_a_class_that_is_not_in_the_file_is_answered_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class MyModel: pass\n")
    with pytest.raises(UsageError, match=r"no class 'MyModl'\. Did you mean MyModel"):
        registry.load(registry.find("model", f"{path}:MyModl"))


@pytest.mark.parametrize("name", ["number", "function", "os"])
def test_what_is_no_class_is_a_usage_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import os\nnumber = 3\ndef function(): ...\nclass Model: ...\n")
    with pytest.raises(UsageError, match=f"no class '{name}'"):
        registry.load(registry.find("model", f"{path}:{name}"))


def test_a_file_that_imports_its_neighbour_is_told_to_be_one_file(tmp_path: Path) -> None:
    (tmp_path / "nets_of_mine.py").write_text("WIDTH = 32\n")
    path = tmp_path / "mine.py"
    path.write_text("from nets_of_mine import WIDTH\nclass Model: ...\n")
    with pytest.raises(PluginError, match=r"nets_of_mine\.py lies beside it, but a plugin"):
        registry.load(registry.find("model", f"{path}:Model"))


def test_a_wrong_name_is_met_in_any_case() -> None:
    with pytest.raises(UsageError, match="Did you mean toy-mean"):
        registry.find("model", "TOY-MEAN")


def test_the_code_hash_follows_the_content_of_a_file_and_not_its_place(tmp_path: Path) -> None:
    def hash_of(path: Path, source: str) -> str:
        path.write_text(dedent(source))
        return registry.code_hash(registry.find("model", f"{path}:A"))

    first = hash_of(tmp_path / "a.py", "class A: pass")
    assert hash_of(tmp_path / "b.py", "class A: pass") == first
    assert hash_of(tmp_path / "a.py", "class A: x = 1") != first


def test_the_code_hash_of_a_package_covers_all_its_sources(
    distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = distribution("hashed", "[genbench.models]\nhashed = hashedpkg.model:M\n")
    package = site / "hashedpkg"
    package.mkdir()
    for name in ("__init__", "model", "parts"):
        (package / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(site)
    registry.refresh()
    before = registry.code_hash(registry.find("model", "hashed"))
    (package / "parts.py").write_text("width = 3\n")
    assert registry.code_hash(registry.find("model", "hashed")) != before
