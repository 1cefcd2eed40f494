"""The folder of one run: what lies where, and its ``run.json``.

::

    results/runs/<run_id>/
        run.json                 spec, status, history, environment, all distributions
        checkpoint.safetensors   average and last weights
        training-*.safetensors   all that training is, to go on from; gone once there are weights
        curve.csv                scores and losses over the images seen
        samples.png              samples; reconstructions beside originals
        log.txt                  what the plugins printed, and tracebacks
        plugins/                 the files of plugins that were given by their path, by hash
    results/leaderboard/<run_id>.parquet
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.errors import StoreError
from genbench.files import write_json
from genbench.plan import PluginSpec, RunSpec

LONGEST_LOG_BYTES = 2 * 2**20
"""Of a log: what a plugin prints beyond that is left out of its middle."""


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it made."""

    path: Path

    @classmethod
    def of(cls, results: Path, run_id: str) -> RunFolder:
        """The folder of a run below a results folder."""
        return cls(results / "runs" / run_id)

    @property
    def results(self) -> Path:
        """The results folder that this run belongs to."""
        return self.path.parent.parent

    @property
    def leaderboard(self) -> Path:
        """The folder of the leaderboard's files."""
        return self.results / "leaderboard"

    @property
    def rows(self) -> Path:
        """The run's own file in the leaderboard."""
        return self.leaderboard / f"{self.path.name}.parquet"

    @property
    def checkpoint(self) -> Path:
        """The weights."""
        return self.path / "checkpoint.safetensors"

    @property
    def samples(self) -> Path:
        """The picture of samples and reconstructions."""
        return self.path / "samples.png"

    @property
    def curve(self) -> Path:
        """Scores and losses over the images seen."""
        return self.path / "curve.csv"

    @property
    def log(self) -> Path:
        """What was printed, and tracebacks."""
        return self.path / "log.txt"

    def begin(self, spec: RunSpec, *, going_on: bool) -> None:
        """Make the folder for a run: anew, or as it is for one that goes on from a checkpoint."""
        if self.path.exists() and not going_on:
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        for temporary in self.path.glob(".*.tmp"):
            temporary.unlink()  # of a process that has died
        for plugin in (spec.model, spec.dataset, *spec.metrics, spec.extractor):
            if plugin is not None and plugin.plugin.is_file:
                source = Path(plugin.target.rpartition(":")[0])
                copy = self._copy_of(plugin)
                if not copy.exists():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, copy)

    @property
    def can_go_on(self) -> bool:
        """Whether an earlier try of this run left something to go on from.

        Whether it is whole, and fits, is seen when it is read.
        """
        try:
            record = self.read()
        except StoreError:
            return False
        if record is None:
            return False
        return "checkpoint_sha256" in record or any(self.path.glob("training-*.safetensors"))

    @property
    def was_cut_short(self) -> bool:
        """Whether an earlier try was interrupted or killed, and no more than that."""
        try:
            return (self.read() or {}).get("status") in ("running", "interrupted")
        except StoreError:
            return False

    def trim_log(self) -> None:
        """Leave out the middle of a log that is longer than anybody reads."""
        with contextlib.suppress(OSError):
            size = self.log.stat().st_size
            if size <= LONGEST_LOG_BYTES:
                return
            half = LONGEST_LOG_BYTES // 2
            with self.log.open("r+b") as log:
                log.seek(size - half)
                end = log.read()
                log.seek(half)
                log.write(f"\n… {size - 2 * half:,} bytes are left out here …\n".encode() + end)
                log.truncate()

    def take_the_place_of(self, other: RunFolder) -> None:
        """Become the other folder; what that held is gone. `settle` ends what death cut short."""
        shutil.rmtree(_old(other.path), ignore_errors=True)
        if other.path.exists():
            other.path.rename(_old(other.path))
        self.path.rename(other.path)
        shutil.rmtree(_old(other.path), ignore_errors=True)

    def settle(self, successor: RunFolder, rows_sha256: Callable[[], str | None]) -> None:
        """End what a process left undone that died while ``successor`` took the place of this.

        Args:
            successor: the folder of a fresh result.
            rows_sha256: gives the hash of the rows that the leaderboard has of this run, or None.
        """
        if not self.path.exists() and _old(self.path).exists():
            _old(self.path).rename(self.path)
        shutil.rmtree(_old(self.path), ignore_errors=True)
        try:
            record = successor.read() or {}
        except StoreError:
            return
        if record.get("status") == "ok" and record.get("rows_sha256") == rows_sha256():
            successor.take_the_place_of(self)

    def relocated(self, spec: RunSpec) -> RunSpec:
        """The spec of this run with its files taken from here, wherever they lay when it ran."""

        def here(plugin: PluginSpec | None) -> PluginSpec | None:
            if plugin is None or not plugin.plugin.is_file:
                return plugin
            name = plugin.target.rpartition(":")[2]
            return plugin.model_copy(update={"target": f"{self._copy_of(plugin)}:{name}"})

        return spec.model_copy(update={"model": here(spec.model), "dataset": here(spec.dataset)})

    def _copy_of(self, plugin: PluginSpec) -> Path:
        # By content: two plugins may come from files of one name.
        source = Path(plugin.target.rpartition(":")[0])
        return self.path / "plugins" / plugin.code / source.name

    def write(self, record: dict[str, Any]) -> None:
        """Write ``run.json``.

        Raises:
            StoreError: it cannot be written (a full disk, say); what was there is unharmed.
        """
        path = self.path / "run.json"
        try:
            write_json(path, record)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}.") from error

    def read(self) -> dict[str, Any] | None:
        """What ``run.json`` says; None where there is none.

        Raises:
            StoreError: it cannot be read.
        """
        path = self.path / "run.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path} cannot be read: {error}. Run it again with --fresh."
            ) from None
        if not isinstance(record, dict) or not {"spec", "status", "training_id"} <= record.keys():
            raise StoreError(f"{path} is no record of a run. Run it again with --fresh.")
        return record


def _old(path: Path) -> Path:
    return path.with_name(f".old-{path.name}")
