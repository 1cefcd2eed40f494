from __future__ import annotations

import urllib.error
from pathlib import Path

import pytest
import torch

from genbench.errors import GenbenchError
from genbench_metrics.fingerprint import fingerprint
from genbench_metrics.inception import VERSION, InceptionV3Compat


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights for the real network, in a file as torch-fidelity publishes one."""
    from torch_fidelity import feature_extractor_inceptionv3 as published

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(published, "load_state_dict_from_url", lambda *_, **__: {})
        patched.setattr(
            published.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None
        )
        torch.manual_seed(0)
        network = published.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def inception(weights: Path) -> InceptionV3Compat:
    return InceptionV3Compat(weights=weights)


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


def test_grey_images_have_the_features_of_the_same_images_in_rgb(
    inception: InceptionV3Compat,
) -> None:
    grey = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    features = inception(grey)
    assert features.shape == (2, 2048)
    assert features.dtype == torch.float32
    assert features.isfinite().all()
    torch.testing.assert_close(inception(grey.repeat(1, 3, 1, 1)), features)


def test_features_are_those_of_torch_fidelity(inception: InceptionV3Compat, weights: Path) -> None:
    from torch_fidelity.utils import create_feature_extractor

    x = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    reference = create_feature_extractor(
        "inception-v3-compat",
        ["2048"],
        cuda=False,
        feature_extractor_weights_path=str(weights),
        verbose=False,
    )
    torch.testing.assert_close(inception(x), reference(x)[0])


def test_logits_are_those_of_torch_fidelity_without_bias(
    inception: InceptionV3Compat, weights: Path
) -> None:
    from torch_fidelity.utils import create_feature_extractor

    x = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    reference = create_feature_extractor(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        cuda=False,
        feature_extractor_weights_path=str(weights),
        verbose=False,
    )
    features, logits = reference(x)
    torch.testing.assert_close(inception.logits(features), logits, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(inception.logits(inception(x)), logits)
    assert logits.shape == (2, 1008)


def test_logits_of_other_features_are_refused(inception: InceptionV3Compat) -> None:
    with pytest.raises(ValueError, match=r"logits of features \(N, 2048\), not \(3, 64\)"):
        inception.logits(torch.zeros(3, 64))


def test_the_fingerprint_is_of_the_content_of_the_weights(
    inception: InceptionV3Compat, weights: Path
) -> None:
    content = torch.load(weights, weights_only=True)
    assert inception.fingerprint == fingerprint(VERSION, content)
    content["fc.bias"] = content["fc.bias"] + 1
    assert inception.fingerprint != fingerprint(VERSION, content)


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
    with pytest.raises(ValueError, match="takes uint8 images of shape"):
        InceptionV3Compat()(x)


def test_a_failed_download_says_which_file_to_get_and_how_to_give_it(no_network: None) -> None:
    extractor = InceptionV3Compat()  # needs no weights yet
    with pytest.raises(GenbenchError, match="no route to host") as error:
        _ = extractor.fingerprint
    assert "weights-inception-2015-12-05-6726825d.pth" in str(error.value)
    assert "--set inception-v3-compat.weights=FILE" in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GenbenchError, match=r"no file of .*Inception weights at .*absent\.pth"):
        InceptionV3Compat(weights=tmp_path / "absent.pth")(
            torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
        )


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"], ids=["empty", "a web page"])
def test_a_file_that_is_something_else_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(GenbenchError, match=r"other\.pth does not hold"):
        _ = InceptionV3Compat(weights=path).fingerprint


@pytest.mark.parametrize("content", [{"fc.bias": torch.zeros(3)}, [1], {"epoch": 3}])
def test_weights_of_something_else_are_named(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(GenbenchError, match=r"other\.pth does not hold"):
        _ = InceptionV3Compat(weights=path).fingerprint


@pytest.mark.parametrize("payload", [print])
def test_a_file_that_would_run_code_is_refused(tmp_path: Path, payload: object) -> None:
    path = tmp_path / "other.pth"
    torch.save({"fc.bias": payload}, path)
    with pytest.raises(GenbenchError, match=r"other\.pth does not hold"):
        _ = InceptionV3Compat(weights=path).fingerprint
