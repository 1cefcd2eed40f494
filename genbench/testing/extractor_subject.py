"""A feature extractor under check, and what it gives for examples that it takes."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from genbench.errors import ContractError
from genbench.streams import seed_global
from genbench.testing import worlds
from genbench.testing.subject import PluginRaisedError, Subject

SHAPES = (worlds.SHAPES[0], (3, 8, 8), *worlds.SHAPES[1:])
"""Those of models, and small images in colour: a ruler may take images of one size only."""


class ExtractorSubject(Subject):
    """Adds to a subject the extractor, ready on the CPU, and examples that it takes."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.changed_input = False
        self.changed_features = False

    def make(self, seed: int = 0) -> Any:
        """A new extractor on the CPU."""
        seed_global(seed, "plugins")
        made = self.construct()
        for attribute in ("fingerprint", "to"):
            with self.calling(attribute):
                if not hasattr(made, attribute):
                    raise ContractError(f"The extractor has no {attribute!r}.")
        if not callable(made):
            raise ContractError("The extractor cannot be called: __call__(x) gives features.")
        with self.calling("to(cpu)"):
            moved = made.to(torch.device("cpu"))
        if moved is None:
            raise ContractError("to(device) gave None: it returns the extractor.")
        return moved

    @cached_property
    def extractor(self) -> Any:
        """One extractor that many checks use."""
        return self.make()

    @cached_property
    def examples(self) -> dict[str, Tensor]:
        """By size: examples at rest that it takes."""
        found = {}
        for world in worlds.made_up(list(SHAPES)):
            x = world.loaded.test.x[:8]
            try:
                self.features(self.extractor, x)
            except PluginRaisedError as raised:
                if not isinstance(raised.error, ValueError):
                    raise
                continue
            found[world.size] = x
        return found

    @property
    def x(self) -> Tensor:
        """The smallest examples that it takes."""
        return next(iter(self.examples.values()))

    def features(self, extractor: Any, x: Tensor, seed: int = 0) -> Tensor:
        """Its features of some examples, as `genbench.evidence` takes them."""
        before = x.clone()
        seed_global(seed, "extractor")
        with self.calling(f"extractor(x of {tuple(x.shape)})"), torch.no_grad():
            features: Tensor = extractor(x)
        if not torch.equal(x, before):
            self.changed_input = True
            x.copy_(before)
        return features

    def logits(self, extractor: Any, features: Tensor, seed: int = 0) -> Tensor:
        """Its class scores of some features, as `genbench.evidence` takes them."""
        before = features.clone()
        seed_global(seed, "extractor")
        with self.calling(f"logits(features of {tuple(features.shape)})"), torch.no_grad():
            logits: Tensor = extractor.logits(features)
        if not torch.equal(features, before):
            self.changed_features = True
            features.copy_(before)
        return logits
