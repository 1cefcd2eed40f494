from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genbench.testing
from genbench import data, plan, protocol
from genbench.contract import Dataset
from genbench.errors import GenbenchError
from genbench_datasets import official
from genbench_datasets.fashion_mnist import FashionMnist
from genbench_datasets.mnist import IdxFiles, Mnist

NAMES = [source.name for source in Mnist.files.sources]
TRAIN, VALIDATION, TEST = 250, 50, 60


class Small(Mnist):
    """MNIST with few images."""

    files = replace(Mnist.files, train=TRAIN + VALIDATION, test=TEST, validation=VALIDATION)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """What belongs into each of the four files, with labels that the images know."""
    rng = np.random.default_rng(0)
    found = {}
    for part, n in (("train", TRAIN + VALIDATION), ("t10k", TEST)):
        y = rng.permutation(np.arange(n) % 10).astype(np.uint8)
        x = rng.integers(0, 256, (n, 28, 28), np.uint8)
        x[:, 0, 0] = y
        found[f"{part}-images-idx3-ubyte"] = x
        found[f"{part}-labels-idx1-ubyte"] = y
    return found


@pytest.fixture
def root(tmp_path: Path, arrays: dict[str, np.ndarray], idx: Callable[..., bytes]) -> Path:
    """A folder with the four files, two of them packed."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, array in arrays.items():
        packed = name.startswith("train")
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(idx(array, packed=packed))
    return folder


@pytest.mark.parametrize("kind", [Mnist, FashionMnist])
def test_it_is_a_data_set(kind: type[Mnist | FashionMnist]) -> None:
    assert isinstance(kind(), Dataset)


def test_files_of_a_folder_become_three_splits(root: Path) -> None:
    splits = Small(root=root).load()
    for split, size in zip(splits, (TRAIN, VALIDATION, TEST), strict=True):
        assert split.x.shape == (size, 1, 28, 28)
        assert split.x.dtype == torch.uint8
        assert split.y is not None
        assert split.y.dtype == torch.int64
        assert torch.equal(split.x[:, 0, 0, 0].long(), split.y)


def test_the_test_split_is_the_published_one_and_the_others_are_the_training_set(
    root: Path, arrays: dict[str, np.ndarray]
) -> None:
    splits = Small(root=root).load()

    def contents(*parts: Any) -> set[bytes]:
        return {image.tobytes() for part in parts for image in np.asarray(part)}

    assert contents(splits.test.x) == contents(arrays["t10k-images-idx3-ubyte"])
    assert contents(splits.train.x, splits.validation.x) == contents(
        arrays["train-images-idx3-ubyte"]
    )


def test_every_class_has_its_share_of_what_is_held_out(root: Path) -> None:
    y = Small(root=root).load().validation.y
    assert torch.bincount(y).tolist() == [VALIDATION // 10] * 10


def test_neither_packing_nor_the_order_of_the_files_changes_anything(
    root: Path, tmp_path: Path, arrays: dict[str, np.ndarray], idx: Callable[..., bytes]
) -> None:
    other = tmp_path / "other" / "MNIST" / "raw"  # where torchvision keeps them
    other.mkdir(parents=True)
    for name, array in arrays.items():
        (other / name).write_bytes(idx(array[::-1]))
    here, there = Small(root=root).load(), Small(root=tmp_path / "other").load()
    assert data.fingerprint(here) == data.fingerprint(there)


def test_equal_images_are_ordered_by_their_labels() -> None:
    x, y = np.zeros((3, 1, 2, 2), np.uint8), np.array([2, 0, 1])
    assert official.by_content(x, y)[1].tolist() == [0, 1, 2]


def test_a_home_folder_may_be_written_as_in_a_shell(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root.parent))
    assert len(Small(root=Path("~/mnist")).load().test.x) == TEST


def test_with_a_folder_given_no_network_is_touched(root: Path, mirror: Any, cache: Path) -> None:
    served = mirror.source("train-images-idx3-ubyte.gz", b"")

    class Served(Small):
        files = replace(Small.files, train_images=served)

    Served(root=root).load()
    assert mirror.asked == []
    assert not cache.exists()


def test_without_a_folder_the_files_are_downloaded_once(
    root: Path, mirror: Any, cache: Path
) -> None:
    class Served(Small):
        files = replace(Small.files, **served(mirror, root))

    first = Served().load()
    assert data.fingerprint(first) == data.fingerprint(Small(root=root).load())
    assert sorted(p.name for p in (cache / "downloads" / "mnist").glob("*.gz")) == sorted(NAMES)
    Served().load()
    assert len(mirror.asked) == 4


def served(mirror: Any, root: Path) -> dict[str, Any]:
    """The four sources, from a server on this machine."""
    sources = {}
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        name = getattr(Mnist.files, field).name
        path = root / name
        packed = path if path.exists() else root / name.removesuffix(".gz")
        content = packed.read_bytes()
        sources[field] = mirror.source(
            name, content if path.exists() else gzip.compress(content, mtime=0)
        )
    return sources


def test_offline_the_message_says_what_to_do(nobody: str, cache: Path) -> None:
    class Offline(Small):
        files = replace(Small.files, train_images=replace(Small.files.train_images, urls=(nobody,)))

    with pytest.raises(GenbenchError) as caught:
        Offline().load()
    message = str(caught.value)
    assert str(cache / "downloads" / "mnist" / "train-images-idx3-ubyte.gz") in message
    assert "put all four into a folder of yours: --set mnist.root=DIR." in message


def test_a_download_is_named_by_what_is_pinned_and_nothing_is_asked_for(
    root: Path, mirror: Any, cache: Path
) -> None:
    sources = served(mirror, root)

    class Served(Small):
        files = replace(Small.files, **sources)

    pinned = Served().source()
    assert mirror.asked == []
    assert not cache.exists()
    changed = replace(sources["test_labels"], sha256="0" * 64)

    class Other(Small):
        files = replace(Served.files, test_labels=changed)

    assert Other().source() != pinned
    Served().load()
    downloaded = cache / "downloads" / "mnist"
    assert Served(root=downloaded).source() == pinned  # those very files, from a folder


@pytest.mark.parametrize("name", [name.removesuffix(".gz") for name in NAMES])
def test_each_of_the_four_files_is_in_the_source(root: Path, name: str) -> None:
    before = Small(root=root).source()
    assert Small(root=root).source() == before
    path = plain(root, name)
    content = bytearray(path.read_bytes())
    content[-1] = (content[-1] + 1) % 10
    path.write_bytes(content)
    assert Small(root=root).source() != before


def test_the_same_files_in_another_folder_have_the_same_source(root: Path, tmp_path: Path) -> None:
    before = Small(root=root).source()
    shutil.copytree(root, tmp_path / "other" / "MNIST" / "raw")
    assert Small(root=tmp_path / "other").source() == before


def test_a_source_of_files_that_are_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(GenbenchError, match="neither train-images-idx3-ubyte nor"):
        Small(root=tmp_path).source()


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_other_files_in_the_same_folder_are_another_run(root: Path, dataset: str) -> None:
    def run_id() -> str:
        requests = plan.requests(
            models=["pca"],
            datasets=[dataset],
            protocol=protocol.load("smoke"),
            seeds=[0],
            settings={dataset: {"root": str(root)}},
        )
        return plan.resolve(requests[0]).run_id

    before = run_id()
    assert run_id() == before
    path = plain(root, "t10k-labels-idx1-ubyte")
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    assert run_id() != before


def test_a_file_that_is_missing_is_named_with_all_that_belong_there(root: Path) -> None:
    (root / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(GenbenchError) as caught:
        Small(root=root).load()
    message = str(caught.value)
    assert "neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz" in message
    assert str(root) in message
    assert all(name in message for name in NAMES)


def plain(root: Path, name: str) -> Path:
    """A file of the folder, not packed."""
    path, packed = root / name, root / f"{name}.gz"
    if packed.exists():
        path.write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return path


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("train-images-idx3-ubyte", lambda b: b[:-1], r"cut short: it has 235,199 of 235,200"),
        ("train-images-idx3-ubyte", lambda b: b[:9], r"cut short: it ends within its header"),
        ("train-images-idx3-ubyte", lambda b: b"", r"begins with nothing, not 00 00 08 03"),
        ("train-images-idx3-ubyte", lambda b: b + b"x", r"goes on after its 300 images of 28x28"),
        ("train-images-idx3-ubyte", lambda b: b"\x89PNG" + b[4:], r"begins with 89 50 4e 47"),
        ("train-images-idx3-ubyte", lambda b: b[:2] + b"\x0d" + b[3:], r"with 00 00 0d 03"),
        ("train-labels-idx1-ubyte", lambda b: b[:-1], r"cut short: it has 299 of 300 bytes"),
        ("train-labels-idx1-ubyte", lambda b: b + b"\0", r"goes on after its 300 labels"),
        ("train-labels-idx1-ubyte", lambda b: b[:9] + b"\x0a" + b[10:], r"label 1 .* is 10, but"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(
    root: Path, name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = plain(root, name)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(GenbenchError, match=message) as caught:
        Small(root=root).load()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "t10k-images-idx3-ubyte",
            np.zeros((TEST - 1, 28, 28)),
            r"59 images of 28x28, but 60 images of 28x28 belong",
        ),
        (
            "t10k-images-idx3-ubyte",
            np.zeros((TEST, 32, 32)),
            r"60 images of 32x32, but 60 images of 28x28 belong",
        ),
        ("t10k-labels-idx1-ubyte", np.zeros(TEST + 1), r"61 labels, but 60 labels belong there"),
        ("t10k-images-idx3-ubyte", np.zeros(TEST), r"is no IDX file of images: .* 00 00 08 01"),
        ("t10k-labels-idx1-ubyte", np.zeros((TEST, 28, 28)), r"is no IDX file of labels"),
    ],
)
def test_a_file_of_something_else_is_named(
    root: Path, idx: Callable[..., bytes], name: str, array: np.ndarray, message: str
) -> None:
    (root / name).write_bytes(idx(array))
    with pytest.raises(GenbenchError, match=message) as caught:
        Small(root=root).load()
    assert str(root / name) in str(caught.value)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize("damage", [lambda b: b[:-10], lambda b: b[:40] + b"xxxx" + b[44:]])
def test_a_packed_file_that_is_damaged_is_named(
    root: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    path = root / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(GenbenchError, match=f"{name} cannot be read"):
        Small(root=root).load()


def test_a_packed_file_that_unpacks_without_end_is_not_unpacked(
    root: Path, idx: Callable[..., bytes]
) -> None:
    endless = idx(np.zeros(300)) + bytes(1 << 24)
    path = root / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(endless, 1, mtime=0))
    with pytest.raises(GenbenchError, match=r"goes on after its 300 labels"):
        Small(root=root).load()


def test_mnist_itself_wants_sixty_thousand_images(root: Path) -> None:
    with pytest.raises(GenbenchError, match=r"300 images of 28x28, but 60,000 images of 28x28"):
        Mnist(root=root).load()


@pytest.mark.parametrize("files", [Mnist.files, FashionMnist.files])
def test_pinned_files_have_a_hash_a_size_and_several_mirrors(files: IdxFiles) -> None:
    assert [source.name for source in files.sources] == NAMES
    for source in files.sources:
        assert len(bytes.fromhex(source.sha256)) == hashlib.sha256().digest_size
        assert source.size > 4_000
        assert len(source.urls) == 3
        assert all(url.endswith(f"/{source.name}") for url in source.urls)
    assert len({source.sha256 for source in Mnist.files.sources + FashionMnist.files.sources}) == 8


def test_nothing_is_wrong_with_it(root: Path) -> None:
    results = genbench.testing.check(f"{__file__}:Small", options={"root": str(root)})
    assert [str(finding) for result in results for finding in result.findings] == []
    assert {result.check for result in results if result.state == "ok"} >= {
        "splits",
        "fingerprint",
        "labels",
        "levels",
        "surroundings",
    }


def test_fashion_mnist_reads_the_same_format(root: Path, tmp_path: Path) -> None:
    class SmallFashion(FashionMnist):
        files = replace(FashionMnist.files, train=TRAIN + VALIDATION, test=TEST, validation=50)

    kept = tmp_path / "kept" / "FashionMNIST" / "raw"
    shutil.copytree(root, kept)
    ours, theirs = SmallFashion(root=tmp_path / "kept").load(), Small(root=root).load()
    assert data.fingerprint(ours) == data.fingerprint(theirs)
