"""A data set under check, and what it loads."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch

from genbench import data
from genbench.data import LoadedData
from genbench.streams import seed_global
from genbench.testing.subject import Subject


class DatasetSubject(Subject):
    """Adds to a subject its data, loaded as a run loads it."""

    def load(self, seed: int = 0) -> LoadedData:
        """Construct it and load it, with the global streams at a seed."""
        seed_global(seed, "plugins")
        return self.loaded_by(self.construct())

    def loaded_by(self, dataset: Any) -> LoadedData:
        """What one that is constructed loads."""
        with self.calling("load()"):
            return data.load(self.plugin.name, dataset, torch.device("cpu"))

    @cached_property
    def loaded(self) -> LoadedData:
        """Its data, loaded once."""
        return self.load()
