"""DINOv2 features, by which people's judgement of images is best foretold (Stein et al., 2023)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genbench_metrics.fingerprint import fingerprint
from genbench_metrics.images import check_grey_or_colour
from genbench_metrics.precision import whole_networks
from genbench_metrics.weights import Published

if TYPE_CHECKING:
    from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

VERSION = (
    "dinov2 1: grey to RGB, TensorFlow 1 bilinear to 224, ImageNet's mean and std, class token"
)
"""Part of the fingerprint: changes with whatever maps images and weights to features."""

PATCH, SIZE = 14, 224
"""Pixels of a patch and of an image, in both directions."""

OFFSET = 0.1
"""What the published models add to the size that position embeddings are resized to."""

BLOCK = 16
"""Images at a time."""


class Architecture(NamedTuple):
    """Of a vision transformer, and where its published weights are."""

    name: str
    width: int
    layers: int
    heads: int
    sha256: str


ARCHITECTURES = {
    "vit-s": Architecture(
        "dinov2_vits14",
        384,
        12,
        6,
        "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
    ),
    "vit-b": Architecture(
        "dinov2_vitb14",
        768,
        12,
        12,
        "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
    ),
    "vit-l": Architecture(
        "dinov2_vitl14",
        1024,
        24,
        16,
        "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
    ),
}


class DINOv2:
    """Features (N, 384, 768 or 1024) of uint8 images (N, 1 or 3, H, W): the normed class token.

    The network of Oquab et al. ("DINOv2: Learning robust visual features without supervision",
    2023), trained on photographs without labels. Stein et al. ("Exposing flaws of generative model
    evaluation metrics and their unfair treatment of diffusion models", 2023) take ViT-L/14 as their
    ruler; on a CPU ``vit-s`` is a quarter of a second for an image, ``vit-l`` several.

    Images are resized and normalised by torch-fidelity, and grey ones repeated to RGB. Its own way
    to the network fetches the code of a branch from GitHub and runs it; here the network is
    torchvision's vision transformer, with the same weights, and files of weights can hold nothing
    that runs. They are read when they are first needed.

    Args:
        model: which of the published networks; the largest of all is not offered.
        weights: the file of its weights, as published; without it torch hub's cache, which torch
            hub fills from the network.
    """

    def __init__(
        self,
        *,
        model: Literal["vit-s", "vit-b", "vit-l"] = "vit-l",
        weights: Path | None = None,
    ) -> None:
        self.model: Literal["vit-s", "vit-b", "vit-l"] = model
        self.weights = weights
        self._device = torch.device("cpu")

    @property
    def fingerprint(self) -> str:
        """Of the content of the weights, so it has them read or downloaded.

        Raises:
            GenbenchError: there are no weights, or the file holds something else.
        """
        return self._loaded[1]

    def to(self, device: torch.device) -> DINOv2:
        """Measure on ``device`` from now on."""
        self._device = torch.device(device)
        return self

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, D) of uint8 (N, 1 or 3, H, W), on this extractor's device.

        Raises:
            ValueError: x is of another shape or dtype.
            GenbenchError: as for `fingerprint`.
        """
        check_grey_or_colour("dinov2", x)
        if len(x) == 0:
            return torch.zeros(0, ARCHITECTURES[self.model].width, device=self._device)
        network = self._loaded[0].to(self._device)
        x = x.to(self._device).expand(-1, 3, -1, -1)
        with whole_networks(self._device.type):
            return torch.cat([network(block)[0] for block in x.split(BLOCK)])

    @cached_property
    def _loaded(self) -> tuple[FeatureExtractorDinoV2, str]:
        architecture = ARCHITECTURES[self.model]
        published = Published(
            "dinov2",
            f"the weights of DINOv2 {self.model}",
            f"https://dl.fbaipublicfiles.com/dinov2/{architecture.name}/"
            f"{architecture.name}_pretrain.pth",
            architecture.sha256,
        )
        path = published.downloaded() if self.weights is None else self.weights
        weights = published.read(path)
        try:
            network = with_preprocessing(transformer(architecture, weights))
        except KeyError as error:
            raise published.refusal(path, f"it has no {error.args[0]!r}") from error
        except RuntimeError as error:
            reason = " ".join(str(error).split("\n\t")[1:2]) or error
            raise published.refusal(path, reason) from error
        return network, fingerprint(f"{VERSION}, {self.model}", weights)


def with_preprocessing(model: nn.Module) -> FeatureExtractorDinoV2:
    """Torch-fidelity's extractor with a network that it need not fetch."""
    # the import takes seconds: only who measures, pays
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

    class Given(FeatureExtractorDinoV2):  # type: ignore[misc]
        def __init__(self) -> None:
            # not the constructor between: that is what fetches
            FeatureExtractorBase.__init__(self, "dinov2", ["dinov2"])
            self.feature_extractor_internal_dtype = torch.float32
            self.model = model
            self.requires_grad_(False)
            self.eval()

    return Given()


def transformer(architecture: Architecture, weights: Mapping[str, Tensor]) -> nn.Module:
    """Torchvision's vision transformer, with published weights.

    Raises:
        KeyError: a weight is missing.
        RuntimeError: a weight has another shape.
    """
    from torchvision.models import VisionTransformer

    width = architecture.width
    with torch.device("meta"):  # initial weights would be drawn for nothing
        model: nn.Module = VisionTransformer(
            SIZE, PATCH, architecture.layers, architecture.heads, width, 4 * width
        )
    model.heads = nn.Identity()
    model.load_state_dict(converted(architecture, weights), assign=True)
    return model


def converted(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under torchvision's names.

    What the network multiplies the output of each part by (Touvron et al., "Going deeper with image
    transformers", 2021, "LayerScale") goes into the part's last matrix, which gives it the same.
    """
    renamed = {
        "class_token": weights["cls_token"],
        "conv_proj.weight": weights["patch_embed.proj.weight"],
        "conv_proj.bias": weights["patch_embed.proj.bias"],
        "encoder.pos_embedding": positions(weights["pos_embed"]),
        "encoder.ln.weight": weights["norm.weight"],
        "encoder.ln.bias": weights["norm.bias"],
    }
    for layer in range(architecture.layers):
        old, new = f"blocks.{layer}.", f"encoder.layers.encoder_layer_{layer}."
        for theirs, ours, scale in (
            ("norm1.{}", "ln_1.{}", None),
            ("attn.qkv.{}", "self_attention.in_proj_{}", None),
            ("attn.proj.{}", "self_attention.out_proj.{}", "ls1.gamma"),
            ("norm2.{}", "ln_2.{}", None),
            ("mlp.fc1.{}", "mlp.0.{}", None),
            ("mlp.fc2.{}", "mlp.3.{}", "ls2.gamma"),
        ):
            for kind in ("weight", "bias"):
                value = weights[old + theirs.format(kind)]
                if scale is not None:
                    gamma = weights[old + scale]
                    value = value * (gamma[:, None] if kind == "weight" else gamma)
                renamed[new + ours.format(kind)] = value
    return renamed


def positions(embedding: Tensor) -> Tensor:
    """Position embeddings (1, 1 + M M, D) resized to (1, 1 + 16 16, D), as the authors' code does.

    Raises:
        RuntimeError: they are of no square.
    """
    side, patches = math.isqrt(embedding.shape[1] - 1), SIZE // PATCH
    width = embedding.shape[2]
    grid = embedding[:, 1:].float().reshape(1, side, side, width).permute(0, 3, 1, 2)
    scale = (patches + OFFSET) / side
    grid = F.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")  # (1, D, 16, 16)
    return torch.cat([embedding[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)
