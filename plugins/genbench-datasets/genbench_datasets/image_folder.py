"""Any folder of PNG, JPEG or WebP files as a data set."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge

from genbench import cache
from genbench.contract import Examples, Splits
from genbench.errors import GenbenchError
from genbench_datasets import hashes, image_cache, image_tree
from genbench_datasets.digits import every_nth
from genbench_datasets.image_decoding import Channels, Crop, Form
from genbench_datasets.image_tree import ImageFile, ImageTree

SHARES = {"validation": 0.1, "test": 0.1}
"""Of the images of a folder that is not divided; the others are for training."""


class ImageFolder:
    """The images below a folder, uint8 (N, C, H, W); class folders become labels.

    How the folder is arranged is told in `genbench_datasets.image_tree.read`, what becomes of a
    file's pixels in `genbench_datasets.image_decoding.decode`.

    Where the folder is not divided into splits, a tenth of the images is for validation and a
    tenth for testing: systematic samples along the classes, of images ordered by the SHA-256 of
    their files. Copies of a file go to the same split. Within each split images have the order of
    these hashes. So neither names nor the order in which a file system gives them change anything.

    Decoded images are kept in genbench's cache folder, mapped into memory and found again by the
    content of their files. Another run, or process, decodes nothing.

    Args:
        root: the folder.
        size: pixels along each side of a square; null for images that all have one size and are
            taken as they are.
        crop: ``center`` cuts the largest square from the middle, ``none`` squeezes all of it.
        channels: ``rgb`` or ``grey``.
        labels: whether folders are classes; else they mean nothing.
    """

    levels = 256
    # Needs no download, as promised; photographs are better told apart by Inception or DINOv2.
    extractor = "random-conv"

    def __init__(
        self,
        *,
        root: Path,
        size: Annotated[int, Ge(1)] | None = 64,
        crop: Crop = "center",
        channels: Channels = "rgb",
        labels: bool = True,
    ) -> None:
        self.root = root.expanduser()
        self.form = Form(size, crop, channels)
        self.labels = labels

    @cached_property
    def tree(self) -> ImageTree:
        """What the folder held when it was first looked at."""
        return image_tree.read(self.root, self.labels)

    @property
    def classes(self) -> int:
        """Number of class folders."""
        return len(self.tree.classes)

    def source(self) -> str:
        """A hash of all that decides the splits but the options: files, classes, splits.

        Files that have not changed since they were last hashed are not read again.

        Raises:
            GenbenchError: as for `load`, of the folder.
        """
        files = zip(self.tree.files, self._contents, strict=True)
        told = sorted((content, str(file.class_name), str(file.split)) for file, content in files)
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @cached_property
    def _contents(self) -> list[str]:
        """The SHA-256 of each file."""
        return hashes.of_folder([file.path for file in self.tree.files], self.root, "image-folder")

    def load(self) -> Splits:
        """Return the splits, over a file that is mapped into memory.

        Raises:
            GenbenchError: a folder or file that cannot be taken as it is; names it.
        """
        files, contents = self.tree.files, self._contents
        label = {name: y for y, name in enumerate(self.tree.classes)}
        y = [0 if file.class_name is None else label[file.class_name] for file in files]
        parts = divide(self.root, files, contents, y)
        order = [i for part in parts for i in part]
        x = image_cache.decoded(
            [files[i].path for i in order],
            [contents[i] for i in order],
            self.form,
            cache.folder("image-folder") / "decoded",
        )
        images = x.split([len(part) for part in parts])
        labels = [torch.tensor([y[i] for i in part]) if self.classes else None for part in parts]
        return Splits(*map(Examples, images, labels))


def divide(
    root: Path, files: Sequence[ImageFile], contents: Sequence[str], y: Sequence[int]
) -> list[list[int]]:
    """The places of the images of each split, in the order of their contents.

    Args:
        root: the folder, for messages.
        files: all images.
        contents: their SHA-256.
        y: their labels.

    Raises:
        GenbenchError: there are too few to be divided.
    """
    order = sorted(range(len(files)), key=lambda i: (contents[i], y[i]))
    split_of = {i: file.split for i, file in enumerate(files)}
    if files[0].split is None:
        assigned = _drawn(root, contents, y, order)
        split_of = {i: assigned[contents[i]] for i in order}
    parts = [[i for i in order if split_of[i] == split] for split in Splits._fields]
    counts = Counter(y[i] for i in parts[0])
    for i in order:
        if not counts[y[i]]:
            raise GenbenchError(
                f"No image of the class {files[i].class_name!r} is in the training split: {root} "
                f"has only {y.count(y[i])} of them. Add some, or divide the folder by hand."
            )
    return parts


def _drawn(
    root: Path, contents: Sequence[str], y: Sequence[int], order: Sequence[int]
) -> dict[str, str]:
    """The split of each content."""
    label = {contents[i]: y[i] for i in reversed(order)}  # of copies: the first one's
    if len(label) < len(Splits._fields):
        raise GenbenchError(
            f"{root} holds {len(label)} different images; three splits need as many or more."
        )
    distinct = sorted(label)
    by_class = np.argsort([label[content] for content in distinct], kind="stable")
    assigned = dict.fromkeys(distinct, "train")
    for split, share in SHARES.items():
        drawn, by_class = every_nth(by_class, max(1, round(share * len(distinct))))
        assigned.update((distinct[i], split) for i in drawn)
    return assigned
