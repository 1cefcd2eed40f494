"""Grids of runs, and the suite files that hold them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genbench import suite
from genbench.errors import UsageError
from genbench.plan import Request

HEAD = 'protocol = "./tiny.toml"\n'


@pytest.fixture
def written(tmp_path: Path, tiny_file: Path) -> Path:
    return tmp_path / "suite.toml"


def load(path: Path, text: str, **overrides: object) -> list[Request]:
    path.write_text(text)
    return [request for grid in suite.load(path, overrides) for request in grid.requests()]


def told(requests: list[Request]) -> list[tuple[str, str, int, str]]:
    return [(r.model.name, r.dataset.name, r.seed, json.dumps(r.model.options)) for r in requests]


def test_a_block_is_a_grid_and_what_stands_above_holds_for_all(written: Path) -> None:
    requests = load(
        written,
        HEAD + 'seeds = 2\n[[runs]]\nmodels = ["toy-ae", "toy-mean"]\n'
        '[[runs]]\nmodels = ["toy-ae"]\nseeds = [7]\ndatasets = ["toy-squares", "toy-points"]\n',
    )
    assert told(requests) == [
        ("toy-ae", "toy-squares", 0, "{}"),
        ("toy-ae", "toy-squares", 1, "{}"),
        ("toy-mean", "toy-squares", 0, "{}"),
        ("toy-mean", "toy-squares", 1, "{}"),
        ("toy-ae", "toy-squares", 7, "{}"),
        ("toy-ae", "toy-points", 7, "{}"),
    ]


@pytest.mark.parametrize(
    "table", ['[runs.set]\n"toy-ae.width" = [4, 8]\n', "[runs.set.toy-ae]\nwidth = [4, 8]\n"]
)
def test_a_list_is_a_grid_and_an_option_of_one_model_makes_no_run_of_another(
    written: Path, table: str
) -> None:
    requests = load(written, HEAD + f'[[runs]]\nmodels = ["toy-ae", "toy-mean"]\n{table}')
    assert told(requests) == [
        ("toy-ae", "toy-squares", 0, '{"width": 4}'),
        ("toy-mean", "toy-squares", 0, "{}"),
        ("toy-ae", "toy-squares", 0, '{"width": 8}'),
    ]


def test_options_of_two_names_are_combined(written: Path) -> None:
    requests = load(
        written,
        HEAD + '[[runs]]\nmodels = ["toy-ae"]\n[runs.set]\n"toy-ae.width" = [4, 8]\n'
        '"toy-ae.latent_dim" = [1, 2]\n',
    )
    assert len(requests) == 4


def test_the_command_line_holds_for_all_blocks(written: Path) -> None:
    requests = load(
        written,
        HEAD + 'seeds = 3\nset."toy-ae.width" = 4\n[[runs]]\nmodels = ["toy-ae"]\n',
        seeds=(5,),
        set={"toy-ae.lr": ["0.1"]},
    )
    assert told(requests) == [("toy-ae", "toy-squares", 5, '{"width": 4, "lr": "0.1"}')]


def test_files_are_looked_for_beside_the_suite(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("class Mine: ...\n")
    monkeypatch.chdir("/")
    requests = load(written, HEAD + '[[runs]]\nmodels = ["./mine.py:Mine"]\n')
    assert requests[0].model.target == f"{tmp_path / 'mine.py'}:Mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models = [", r"cannot be read"),
        ('models = ["toy-ae"]', r"has no runs: it needs a \[\[runs\]\] with models"),
        ("runs = []", r"has no runs"),
        ("runs = [1]", r"runs\[0\] is 1"),
        ("[[runs]]\nseeds = 2\n", r"runs\[0\]\.models: Field required"),
        (
            '[[runs]]\nmodel = "toy-ae"\nmodels = ["toy-ae"]\n',
            r"model: there is no such key.*models",
        ),
        ('[[runs]]\nmodels = "toy-ae"\n', r"runs\[0\]\.models: .*\(got 'toy-ae'\)"),
        ('[[runs]]\nmodels = ["toy-ae"]\nseeds = -1\n', r"runs\[0\]\.seeds.*got -1"),
        ('[[runs]]\nmodels = ["toy-ae"]\nset = 3\n', r"set is 3, not a table"),
        ('[[runs]]\nmodels = ["toy-ae"]\nset."width" = 3\n', r"'width' is not NAME.OPTION"),
        ('[[runs]]\nmodels = ["toy-ae"]\nseeds = []\n', r"runs\[0\]\.seeds"),
        (
            '[[runs]]\nmodels = ["toy-ae"]\nset."toy-ae.width" = []\n',
            "no values: a grid of nothing",
        ),
        ('[[runs]]\nmodels = ["toy-aa"]\n', r"no model 'toy-aa'\. Did you mean toy-ae"),
        ('[[runs]]\nmodels = ["toy-ae"]\nprotocol = "fast"\n', r"no protocol 'fast'"),
    ],
)
def test_a_file_that_is_no_suite_says_where(written: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){message}"):
        load(written, text)


def test_a_suite_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no suite file '.*gone\.toml'"):
        suite.load(tmp_path / "gone.toml", {})
