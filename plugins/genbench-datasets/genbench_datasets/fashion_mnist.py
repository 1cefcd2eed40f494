"""Grey pictures of clothes, 28x28 pixels, in the format of MNIST: Fashion-MNIST.

H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", 2017.
"""

from __future__ import annotations

from pathlib import Path

from genbench.contract import Splits
from genbench_datasets.mnist import IdxFiles, published

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",  # the authors'
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",  # Keras's
)


class FashionMnist:
    """55,000 training, 5,000 validation and 10,000 test images, uint8 (N, 1, 28, 28), ten classes.

    Splits and features as for `genbench_datasets.mnist.Mnist`. Classes from 0 on: T-shirt/top,
    trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Args:
        root: the folder of the four IDX files, packed or not; without it they are downloaded.
    """

    classes = 10
    levels = 256
    extractor = "random-conv"
    # Sizes and hashes as in TensorFlow Datasets (url_checksums/fashion_mnist.txt); torchvision's
    # prototype datasets (_builtin/mnist.py) have the same hashes.
    files = IdxFiles(
        name="fashion-mnist",
        train_images=published(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            MIRRORS,
        ),
        train_labels=published(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            MIRRORS,
        ),
        test_images=published(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            MIRRORS,
        ),
        test_labels=published(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            MIRRORS,
        ),
        torchvision="FashionMNIST/raw",
    )

    def __init__(self, *, root: Path | None = None) -> None:
        self.root = root

    def source(self) -> str:
        """A hash of the files that ``load`` reads: of those in ``root``, or of the pinned ones."""
        return self.files.source(self.root)

    def load(self) -> Splits:
        """Return the splits, each in the order of its images' hashes."""
        return self.files.load(self.root)
