"""Colour photographs of ten kinds of things, 32x32 pixels: CIFAR-10, in its binary version.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The version for Python
is a pickle, which runs whatever code it holds; the binary one is numbers. A record is one byte of
label and 3,072 bytes of pixels: red, green, blue, each row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genbench import cache
from genbench.contract import Splits
from genbench.errors import GenbenchError
from genbench_datasets import archive, download, hashes, official
from genbench_datasets.download import Source

CLASSES = 10
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32

FOLDER = "cifar-10-batches-bin"
"""Within the archive."""

TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"


@dataclass(frozen=True)
class Published:
    """The archive, and what is in it."""

    archive: Source
    records: int = 10_000
    """In each of its six files."""
    validation: int = 5_000
    """Held out of the training images."""

    @property
    def file_bytes(self) -> int:
        """The size of each of the six files."""
        return self.records * RECORD_BYTES


class Cifar10:
    """45,000 training, 5,000 validation and 10,000 test images, uint8 (N, 3, 32, 32), ten classes.

    The test split is the published test set; the validation split is held out of the published
    training set (`genbench_datasets.official.splits`), as many as He et al. hold out ("Deep
    Residual Learning for Image Recognition", 2016, section 4.2). Classes from 0 on: airplane,
    automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Args:
        root: the folder of the archive, or of the six files in it; without it the archive is
            downloaded.
    """

    classes = CLASSES
    levels = 256
    extractor = "inception-v3-compat"
    # The size and SHA-256 of TensorFlow Datasets (url_checksums/cifar10.txt). The authors' page
    # (https://www.cs.toronto.edu/~kriz/cifar.html) gives MD5 c32a1d4ab5d03f1284b67883e8d87530.
    published = Published(
        Source(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            (
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
                "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/"
                "cifar-10-binary.tar.gz",
            ),
        )
    )

    def __init__(self, *, root: Path | None = None) -> None:
        self.root = root

    def source(self) -> str:
        """A hash of the files that ``load`` reads: of those in ``root``, or of the pinned archive.

        For a download nothing is read or asked for; the published archive has the same one. Files
        that have not changed since they were last hashed are not read again.

        Raises:
            GenbenchError: a file that is missing or cannot be read; names it.
        """
        if self.root is None:
            return hashes.name_of([self.published.archive.sha256])
        return hashes.name_of(
            hashes.of_folder(self._given(self.root), self.root.expanduser(), "cifar10")
        )

    def load(self) -> Splits:
        """Return the splits, each in the order of its images' hashes."""
        files = self._files()
        parts = [self._parsed(*files[name]) for name in TRAIN]
        x, y = (np.concatenate(part) for part in zip(*parts, strict=True))
        return official.splits((x, y), self._parsed(*files[TEST]), self.published.validation)

    def _files(self) -> dict[str, tuple[str, bytes]]:
        """Each file by its name: what messages call it, and its content."""
        if self.root is None:
            otherwise = "put it into a folder of yours: --set cifar10.root=DIR."
            folder = cache.folder("downloads") / "cifar10"
            return self._unpacked(download.fetch(self.published.archive, folder, otherwise))
        paths = self._given(self.root)
        if len(paths) == 1:
            return self._unpacked(paths[0])
        return {path.name: (str(path), self._content(path)) for path in paths}

    def _given(self, root: Path) -> list[Path]:
        """Those of a folder that are read: all six files, or the archive alone."""
        root = root.expanduser()
        for folder in (root, root / FOLDER):
            paths = [folder / name for name in (*TRAIN, TEST)]
            found = [path for path in paths if path.is_file()]
            if len(found) == len(paths):
                return paths
            if found:
                missing = ", ".join(path.name for path in paths if path not in found)
                raise GenbenchError(f"{folder} lacks {missing}: cifar10 needs all six files.")
        archived = root / self.published.archive.name
        if archived.is_file():
            return [archived]
        raise GenbenchError(
            f"There is neither {archived.name} nor {TRAIN[0]} in {root}, which --set cifar10.root "
            f"names. cifar10 needs the archive there (the binary version, not the one for Python), "
            f"or {', '.join((*TRAIN, TEST))}."
        )

    def _content(self, path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(self.published.file_bytes + 1)

    def _unpacked(self, path: Path) -> dict[str, tuple[str, bytes]]:
        wanted = {f"{FOLDER}/{name}": self.published.file_bytes for name in (*TRAIN, TEST)}
        contents = archive.members(path, wanted)
        return {
            name.removeprefix(f"{FOLDER}/"): (f"{path}: {name}", content)
            for name, content in contents.items()
        }

    def _parsed(self, name: str, content: bytes) -> official.Labelled:
        n, size = self.published.records, self.published.file_bytes
        if len(content) != size:
            has = "more than that" if len(content) > size else f"{len(content):,}"
            raise GenbenchError(
                f"{name} is not {n:,} records of {RECORD_BYTES:,} bytes: they take {size:,}, and "
                f"it has {has}."
            )
        records = np.frombuffer(content, np.uint8).reshape(n, RECORD_BYTES)
        y = records[:, 0].astype(np.int64)
        wrong = np.flatnonzero(y >= CLASSES)
        if len(wrong):
            raise GenbenchError(
                f"{name}: the label of record {wrong[0]:,} (counted from 0) is {y[wrong[0]]}, but "
                f"labels are from 0 to {CLASSES - 1}."
            )
        return records[:, 1:].reshape(n, *SHAPE), y
