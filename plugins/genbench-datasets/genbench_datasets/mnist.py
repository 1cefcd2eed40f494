"""Handwritten digits, 28x28 pixels: MNIST.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genbench import cache
from genbench.contract import Splits
from genbench.errors import GenbenchError
from genbench_datasets import download, hashes, idx, official
from genbench_datasets.download import Source

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",  # torchvision's
    "https://storage.googleapis.com/cvdf-datasets/mnist",  # TensorFlow Datasets'
    "http://yann.lecun.com/exdb/mnist",  # the authors' own, which often refuses
)


@dataclass(frozen=True)
class IdxFiles:
    """The four files of MNIST, or of a set that was made to take its place."""

    name: str
    """Of the data set: what messages and folders call it."""
    train_images: Source
    train_labels: Source
    test_images: Source
    test_labels: Source
    torchvision: str
    """The folder that torchvision keeps them in, below what it is told to use."""
    train: int = 60_000
    test: int = 10_000
    validation: int = 5_000
    """Held out of the training images."""
    shape: tuple[int, int] = (28, 28)
    classes: int = 10

    @property
    def sources(self) -> tuple[Source, ...]:
        """All four."""
        return self.train_images, self.train_labels, self.test_images, self.test_labels

    def source(self, root: Path | None) -> str:
        """A hash of what `load` reads: of the files in ``root``, or of those that are pinned.

        For a download nothing is read or asked for; the published files, packed, have the same
        one. Files that have not changed since they were last hashed are not read again.

        Raises:
            GenbenchError: a file that is missing or cannot be read; names it.
        """
        if root is None:
            return hashes.name_of([source.sha256 for source in self.sources])
        root = root.expanduser()
        paths = [self._given(source, root) for source in self.sources]
        return hashes.name_of(hashes.of_folder(paths, root, self.name))

    def load(self, root: Path | None) -> Splits:
        """The splits, from the files in ``root``, or downloaded where that is None.

        Raises:
            GenbenchError: a file that is missing, damaged or another one; names it.
        """
        paths = [
            self._downloaded(source) if root is None else self._given(source, root.expanduser())
            for source in self.sources
        ]
        train_x = idx.images(paths[0], self.train, self.shape)
        train_y = idx.labels(paths[1], self.train, self.classes)
        test_x = idx.images(paths[2], self.test, self.shape)
        test_y = idx.labels(paths[3], self.test, self.classes)
        return official.splits((train_x, train_y), (test_x, test_y), self.validation)

    def _downloaded(self, source: Source) -> Path:
        otherwise = f"put all four into a folder of yours: --set {self.name}.root=DIR."
        return download.fetch(source, cache.folder("downloads") / self.name, otherwise)

    def _given(self, source: Source, root: Path) -> Path:
        names = (source.name.removesuffix(".gz"), source.name)
        for folder in (root, root / self.torchvision):
            for name in names:
                if (folder / name).is_file():
                    return folder / name
        raise GenbenchError(
            f"There is neither {names[0]} nor {names[1]} in {root}, which --set {self.name}.root "
            f"names. {self.name} needs {', '.join(source.name for source in self.sources)} there, "
            "packed or not."
        )


def published(name: str, size: int, sha256: str, mirrors: tuple[str, ...]) -> Source:
    """A file that lies under its own name on every mirror."""
    return Source(name, size, sha256, tuple(f"{mirror}/{name}" for mirror in mirrors))


class Mnist:
    """55,000 training, 5,000 validation and 10,000 test images, uint8 (N, 1, 28, 28), ten classes.

    The test split is the published test set; the validation split is held out of the published
    training set (`genbench_datasets.official.splits`).

    Features are those of random convolutions. Naeem et al. ("Reliable Fidelity and Diversity
    Metrics for Generative Models", 2020) advise them where data is as far from ImageNet as digits
    are, and nothing more has to be downloaded. Distances to published ones, which are Inception's
    or some classifier's, need that extractor: ``--extractor inception-v3-compat``.

    Args:
        root: the folder of the four IDX files, packed or not; without it they are downloaded.
    """

    classes = 10
    levels = 256
    extractor = "random-conv"
    # Sizes and hashes as in TensorFlow Datasets (url_checksums/mnist.txt) and in torchvision's
    # prototype datasets (_builtin/mnist.py), which agree.
    files = IdxFiles(
        name="mnist",
        train_images=published(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            MIRRORS,
        ),
        train_labels=published(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            MIRRORS,
        ),
        test_images=published(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            MIRRORS,
        ),
        test_labels=published(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            MIRRORS,
        ),
        torchvision="MNIST/raw",
    )

    def __init__(self, *, root: Path | None = None) -> None:
        self.root = root

    def source(self) -> str:
        """A hash of the files that ``load`` reads: of those in ``root``, or of the pinned ones."""
        return self.files.source(self.root)

    def load(self) -> Splits:
        """Return the splits, each in the order of its images' hashes."""
        return self.files.load(self.root)
