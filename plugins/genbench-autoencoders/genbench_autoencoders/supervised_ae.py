"""A supervised autoencoder: `AE` with a classifier on its code.

Lei Le, Andrew Patterson and Martha White, "Supervised Autoencoders: Improving Generalization
Performance with Unsupervised Regularizers", 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genbench.contract import Batch, DataSpec, Step
from genbench_autoencoders.ae import AE, check
from genbench_autoencoders.density import Sampler


class SupervisedAE(AE):
    """An `AE` whose code also has to tell the label y.

        minimise E[ L_r(D(z), x) + classification_weight L_p(W z + b, y) ],    z = E(x)

    with L_r the cost of the autoencoder and L_p the cross-entropy of a softmax over classes: the
    paper's equation 3, whose two losses have weight 1, with the weight on the other one. The paper
    is after the classifier, which reconstruction regularises. Here it is the other way round:
    codes and reconstructions are what is measured, and the labels shape them. Hence a
    ``classification_weight`` far below 1.

    Args:
        data: labelled images of any size, or labelled points.
        latent_dim: numbers in a code; by default as in `AE`.
        width: units of a hidden layer.
        cost: of reconstruction: mse, or bce for images.
        classification_weight: of L_p, against reconstruction.
        lr: Adam's learning rate.
        sampler: the density that is fitted to codes so that there are samples; see `CodeDensity`.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] | None = None,
        width: Annotated[int, Ge(1)] = 128,
        cost: Literal["mse", "bce"] = "mse",
        classification_weight: Annotated[float, Gt(0)] = 0.03,
        lr: Annotated[float, Gt(0)] = 1e-3,
        sampler: Sampler = "none",
    ) -> None:
        check("supervised-ae", data, cost)
        if data.classes < 1:
            raise ValueError(
                f"supervised-ae learns from labels; {data.name}, {data.kind} of shape "
                f"{data.shape}, has none"
            )
        super().__init__(
            data, latent_dim=latent_dim, width=width, cost=cost, lr=lr, sampler=sampler
        )
        self.classification_weight = classification_weight
        self.classifier = nn.Linear(self.latent_dim, data.classes)

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Reconstruct a batch and tell its labels."""
        assert batch.y is not None, "labelled data has labels in every batch"
        z = self.encode(batch.x)  # (N, latent)
        reconstruction = self.distance(self.decoder(z), batch.x)
        logits = self.classifier(z)  # (N, classes)
        classification = cross_entropy(logits, batch.y)
        step(autoencoder=reconstruction + self.classification_weight * classification)
        return {
            self.cost: reconstruction,
            "classification": classification,
            "accuracy": (logits.detach().argmax(1) == batch.y).float().mean(),
        }
