from __future__ import annotations

import math
import urllib.error
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genbench.errors import GenbenchError
from genbench_metrics.dinov2 import ARCHITECTURES, DINOv2

SMALL = ARCHITECTURES["vit-s"]


def random_weights() -> dict[str, Tensor]:
    """Random weights for the real network, named and shaped as published."""
    rng = torch.Generator().manual_seed(0)
    d, h = SMALL.width, 4 * SMALL.width

    def drawn(*shape: int, mean: float = 0.0, std: float = 0.0) -> Tensor:
        std = std or math.prod(shape[1:]) ** -0.5
        return mean + std * torch.randn(shape, generator=rng)

    weights = {
        "cls_token": drawn(1, 1, d, std=1),
        "pos_embed": drawn(1, 1 + 37 * 37, d, std=1),
        "mask_token": drawn(1, d),
        "patch_embed.proj.weight": drawn(d, 3, 14, 14),
        "patch_embed.proj.bias": drawn(d, std=0.1),
        "norm.weight": drawn(d, mean=1, std=0.2),
        "norm.bias": drawn(d, std=0.2),
    }
    for layer in range(SMALL.layers):
        of_layer = {
            "norm1.weight": drawn(d, mean=1, std=0.2),
            "norm1.bias": drawn(d, std=0.2),
            "attn.qkv.weight": drawn(3 * d, d),
            "attn.qkv.bias": drawn(3 * d, std=0.2),
            "attn.proj.weight": drawn(d, d),
            "attn.proj.bias": drawn(d, std=0.2),
            "ls1.gamma": drawn(d, mean=0.5, std=0.2),
            "norm2.weight": drawn(d, mean=1, std=0.2),
            "norm2.bias": drawn(d, std=0.2),
            "mlp.fc1.weight": drawn(h, d),
            "mlp.fc1.bias": drawn(h, std=0.2),
            "mlp.fc2.weight": drawn(d, h),
            "mlp.fc2.bias": drawn(d, std=0.2),
            "ls2.gamma": drawn(d, mean=0.5, std=0.2),
        }
        weights |= {f"blocks.{layer}.{name}": value for name, value in of_layer.items()}
    return weights


class Published(nn.Module):
    """The network as the paper's authors published it, written down from its weights."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.w = weights

    def forward(self, x: Tensor) -> Tensor:
        w, d = self.w, SMALL.width

        def norm(x: Tensor, name: str) -> Tensor:
            return F.layer_norm(x, (d,), w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

        def linear(x: Tensor, name: str) -> Tensor:
            return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

        x = F.conv2d(x, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=14)
        x = torch.cat([w["cls_token"].expand(len(x), -1, -1), x.flatten(2).mT], 1)  # (N, 257, d)
        grid = w["pos_embed"][:, 1:].mT.reshape(1, d, 37, 37)
        scale = 16.1 / 37
        grid = F.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
        x = x + torch.cat([w["pos_embed"][:, :1], grid.flatten(2).mT], 1)
        for layer in range(SMALL.layers):
            b = f"blocks.{layer}"
            qkv = linear(norm(x, f"{b}.norm1"), f"{b}.attn.qkv")  # (N, 257, 3 d)
            q, k, v = qkv.unflatten(2, (3, SMALL.heads, -1)).permute(2, 0, 3, 1, 4)
            attention = (q @ k.mT / math.sqrt(d / SMALL.heads)).softmax(-1)  # (N, heads, 257, 257)
            seen = (attention @ v).transpose(1, 2).flatten(2)
            x = x + linear(seen, f"{b}.attn.proj") * w[f"{b}.ls1.gamma"]
            hidden = F.gelu(linear(norm(x, f"{b}.norm2"), f"{b}.mlp.fc1"))
            x = x + linear(hidden, f"{b}.mlp.fc2") * w[f"{b}.ls2.gamma"]
        return norm(x, "norm")[:, 0]


@pytest.fixture(scope="module")
def contents() -> dict[str, Tensor]:
    return random_weights()


@pytest.fixture(scope="module")
def weights(contents: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dinov2") / "weights.pth"
    torch.save(contents, path)
    return path


@pytest.fixture(scope="module")
def dinov2(weights: Path) -> DINOv2:
    return DINOv2(model="vit-s", weights=weights)


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


def test_features_are_those_of_torch_fidelity_with_the_network_as_published(
    dinov2: DINOv2, contents: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

    monkeypatch.setattr(torch.hub, "load", lambda *_, **__: Published(contents))
    reference = FeatureExtractorDinoV2("dinov2-vit-s-14", ["dinov2"])
    x = torch.randint(0, 256, (2, 3, 32, 40), dtype=torch.uint8)
    features = dinov2(x)
    assert features.shape == (2, 384)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, reference(x)[0], rtol=1e-4, atol=1e-4)
    assert features.std(0).mean() > 1e-3  # they do differ between images


def test_grey_images_have_the_features_of_the_same_images_in_rgb(dinov2: DINOv2) -> None:
    grey = torch.randint(0, 256, (1, 1, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(dinov2(grey.repeat(1, 3, 1, 1)), dinov2(grey))


def test_no_images_have_no_features() -> None:
    assert DINOv2(model="vit-s")(torch.zeros(0, 3, 8, 8, dtype=torch.uint8)).shape == (0, 384)


def test_the_fingerprint_is_of_the_content_of_the_weights(
    dinov2: DINOv2, contents: dict[str, Tensor], tmp_path: Path
) -> None:
    again, other = tmp_path / "again.pth", tmp_path / "other.pth"
    torch.save(dict(reversed(contents.items())), again)
    torch.save(contents | {"norm.bias": contents["norm.bias"] + 1}, other)
    assert DINOv2(model="vit-s", weights=again).fingerprint == dinov2.fingerprint
    assert DINOv2(model="vit-s", weights=other).fingerprint != dinov2.fingerprint


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 3, 8, 8),
        torch.zeros(2, 4, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 3, dtype=torch.uint8),
    ],
    ids=["float", "four channels", "flat"],
)
def test_other_images_are_refused_before_weights_are_looked_for(
    no_network: None, x: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match="dinov2 takes uint8 images of shape"):
        DINOv2()(x)


@pytest.mark.parametrize("model", ["vit-s", "vit-b", "vit-l"])
def test_a_failed_download_says_which_file_to_get_and_how_to_give_it(
    no_network: None, model: str
) -> None:
    extractor = DINOv2(model=model)  # type: ignore[arg-type]
    with pytest.raises(GenbenchError, match="no route to host") as error:
        _ = extractor.fingerprint
    letter = model[-1]
    url = f"https://dl.fbaipublicfiles.com/dinov2/dinov2_vit{letter}14/"
    assert f"{url}dinov2_vit{letter}14_pretrain.pth" in str(error.value)
    assert "--set dinov2.weights=FILE" in str(error.value)


def test_weights_of_another_size_are_named(weights: Path) -> None:
    with pytest.raises(
        GenbenchError, match=r"weights\.pth does not hold the weights of DINOv2 vit-b"
    ):
        _ = DINOv2(model="vit-b", weights=weights).fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not found</html>", "does not hold the weights of DINOv2 vit-s"),
        ({"norm.bias": torch.zeros(3)}, "it has no 'cls_token'"),
        ({"norm.bias": print}, "does not hold"),
        ([1], "no mapping from names to tensors"),
    ],
    ids=["a web page", "other weights", "something that would run", "a list"],
)
def test_a_file_that_is_something_else_is_refused(
    tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "other.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(GenbenchError, match=message):
        _ = DINOv2(model="vit-s", weights=path).fingerprint
