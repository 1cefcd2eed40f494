"""genbench's half of an update: gradients for the right parameters, steps, and the bill.

`Stepper` fulfils `genbench.contract.Step`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer

from genbench.errors import ContractError, nearest


class Stepper:
    """What a model's ``train_step`` calls to update its networks.

    Args:
        optimizers: by the names that losses are given under.
        budget: in images.
    """

    def __init__(self, optimizers: Mapping[str, Optimizer], budget: int) -> None:
        if not isinstance(optimizers, Mapping) or not optimizers:
            what = "an empty one" if isinstance(optimizers, Mapping) else type(optimizers).__name__
            raise ContractError(
                "optimizers() must return a mapping of names to optimizers, as in "
                f"{{'autoencoder': Adam(…)}}, not {what}."
            )
        self.optimizers = dict(optimizers)
        self.parameters: dict[str, list[Parameter]] = {
            name: [p for group in optimizer.param_groups for p in group["params"]]
            for name, optimizer in self.optimizers.items()
        }
        for optimizer in self.optimizers.values():
            _fuse(optimizer)
        self.budget = budget
        self.images = 0
        self.index = 0
        self.losses: dict[str, Tensor] = {}
        """Of the current train step, detached."""
        self.updates: Counter[str] = Counter()
        """Of each optimizer in the current train step; `charge` takes them."""

    @property
    def progress(self) -> float:
        """0 at the start of the budget, 1 at its end."""
        return min(self.images / self.budget, 1.0)

    def __call__(self, *unnamed: object, **losses: Tensor) -> None:
        """Step each named optimizer on its loss, for its own parameters only.

        Several losses are one simultaneous update: every gradient is taken before any network
        moves, and each is assigned just before its own optimizer steps, so that one forward pass
        can serve two players and parameters that they share never mix gradients.
        """
        if unnamed or not losses:
            names = ", ".join(f"{name}=loss" for name in self.optimizers)
            raise ContractError(f"step() takes each loss by its optimizer's name: step({names}).")
        gradients = {}
        for number, (name, loss) in enumerate(losses.items(), start=1):
            self._check(name, loss)
            trained = [p for p in self.parameters[name] if p.requires_grad]
            more = number < len(losses)
            taken = torch.autograd.grad(loss, trained, retain_graph=more, allow_unused=True)
            gradients[name] = list(zip(trained, taken, strict=True))
            self.losses[name] = loss.detach()
        for name, pairs in gradients.items():
            for parameter, gradient in pairs:
                parameter.grad = gradient
            self.optimizers[name].step()
            for parameter, _ in pairs:
                parameter.grad = None
            # Fused optimizers write behind autograd's back: without this, a graph made stale by
            # the step would give wrong gradients in silence instead of an error.
            torch.autograd.graph.increment_version([p for p, _ in pairs])
            self.updates[name] += 1

    def charge(self, images: int) -> int:
        """End a train step: charge its batch for the most updates of any one optimizer."""
        charged = images * max(self.updates.values(), default=1)
        self.updates.clear()
        self.losses.clear()
        self.images += charged
        self.index += 1
        return charged

    def _check(self, name: str, loss: Tensor) -> None:
        if name not in self.optimizers:
            raise ContractError(
                f"step({name}=…): optimizers() returned no {name!r}. "
                f"{nearest(name, self.optimizers)}"
            )
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
            raise ContractError(
                f"step({name}=…) takes a loss: a scalar tensor that depends on the parameters of "
                f"{name!r}, not {_described(loss)}."
            )


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        attached = "with" if value.requires_grad else "without"
        return f"a tensor of shape {tuple(value.shape)} {attached} a gradient"
    return f"{type(value).__name__} {value!r}"


def _fuse(optimizer: Optimizer) -> None:
    # One kernel for all parameters in place of a handful for each; left alone where the author
    # chose an implementation.
    if not isinstance(optimizer, (Adam, AdamW, SGD)):
        return
    for group in optimizer.param_groups:
        chosen = any(group.get(key) for key in ("foreach", "capturable", "differentiable"))
        floating = all(p.is_floating_point() and not p.is_sparse for p in group["params"])
        if group.get("fused") is None and floating and not chosen:
            group["fused"] = True
            group["foreach"] = False
