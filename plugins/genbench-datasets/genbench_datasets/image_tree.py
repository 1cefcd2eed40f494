"""Which images a folder holds, which class each is of, and which split it belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genbench.errors import GenbenchError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

SPLITS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
"""By the name of a folder."""

LITTER = ("Thumbs.db", "desktop.ini")
"""What file managers leave behind, beside hidden files."""


@dataclass(frozen=True)
class ImageFile:
    """One of a folder's images."""

    path: Path
    split: str | None
    """None where the folder is not divided into splits."""
    class_name: str | None
    """None where images have no labels."""


@dataclass(frozen=True)
class ImageTree:
    """What a folder holds."""

    files: tuple[ImageFile, ...]
    classes: tuple[str, ...]
    """In the order of their labels: sorted by name. Empty where images have no labels."""


def read(root: Path, labels: bool) -> ImageTree:
    """Look through a folder.

    Folders ``train``, ``validation`` (or ``val``) and ``test``, all three and nothing beside them,
    are the splits. Below them, or below ``root``, every folder is a class, and images may lie in
    it at any depth; without folders the images have no labels. Hidden files are passed over.

    Args:
        root: the folder.
        labels: whether folders are classes; else they are shelves, and mean nothing.

    Raises:
        GenbenchError: an arrangement that may mean one thing or another, a file that is no image,
            or no image at all; says where.
    """
    if not root.is_dir():
        raise GenbenchError(f"There is no folder {root}, which --set image-folder.root names.")
    files: list[ImageFile] = []
    for split, folder in _splits(root):
        below = [
            ImageFile(path, split, class_name) for class_name, path in _labelled(folder, labels)
        ]
        if not below:
            raise GenbenchError(
                f"{folder} holds no image: image-folder takes files that end in "
                f"{', '.join(SUFFIXES)}."
            )
        files += below
    return ImageTree(tuple(files), _classes(root, files))


def _splits(root: Path) -> list[tuple[str | None, Path]]:
    folders, images = _listed(root)
    parts = {folder: SPLITS[folder.name] for folder in folders if folder.name in SPLITS}
    if sorted(parts.values()) == ["test", "train", "validation"] and len(folders) == 3:
        if images:
            raise GenbenchError(
                f"{images[0]} lies beside the folders of the splits: it is in none of them."
            )
        return [(split, folder) for folder, split in parts.items()]
    # One class of many may be called "train"; two of these names, or nothing else, are no chance.
    if len(parts) > 1 or (parts and len(folders) == 1):
        names = ", ".join(folder.name for folder in folders)
        raise GenbenchError(
            f"{root} holds the folders {names}. Splits are three folders, train, validation (or "
            "val) and test, with nothing beside them; without any of them the images are divided "
            "by their content."
        )
    return [(None, root)]


def _labelled(folder: Path, labels: bool) -> Iterator[tuple[str | None, Path]]:
    """Every image below a folder with the name of its class, in the order of the names."""
    folders, images = _listed(folder)
    if not labels:
        yield from ((None, path) for path in _below(folder, ()))
        return
    if folders and images:
        raise GenbenchError(
            f"{folder} holds images ({images[0].name}) and folders ({folders[0].name}): either "
            "all images are in folders, which are their classes, or none is. Where folders mean "
            "nothing: --set image-folder.labels=false."
        )
    yield from ((None, path) for path in images)
    for class_folder in folders:
        found = list(_below(class_folder, ()))
        if not found:
            raise GenbenchError(
                f"{class_folder} holds no image, but a folder there is a class. Remove it."
            )
        yield from ((class_folder.name, path) for path in found)


def _below(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise GenbenchError(f"{folder} is a link to a folder that it is in.")
    folders, images = _listed(folder)
    yield from images
    for inner in folders:
        yield from _below(inner, (*above, here))


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the images in a folder, by name; links count as what they lead to."""
    folders, images = [], []
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise GenbenchError(f"{folder} cannot be read: {error.strerror}.") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.name in LITTER:
            continue
        path = folder / entry.name
        if entry.is_dir():
            folders.append(path)
        elif path.suffix.lower() in SUFFIXES:
            images.append(path)
        else:
            raise GenbenchError(
                f"{path} does not end in {', '.join(SUFFIXES)}: convert it if it is an image, move "
                "it elsewhere if it is none. So no image is left out by mistake."
            )
    return folders, images


def _classes(root: Path, files: list[ImageFile]) -> tuple[str, ...]:
    """The classes of the training split; those of the others are among them."""
    by_split: dict[str | None, dict[str | None, Path]] = {}
    for file in files:
        by_split.setdefault(file.split, {}).setdefault(file.class_name, file.path)
    known = by_split.get("train", by_split.get(None, {}))
    for split, names in by_split.items():
        for name, path in names.items():
            if name in known:
                continue
            what = "is in no folder" if name is None else f"is of the class {name!r}"
            raise GenbenchError(
                f"{path} {what}, unlike all images in {root / 'train'}: {split} has the classes "
                "of train, or neither has any."
            )
    return tuple(sorted(name for name in known if name is not None))
