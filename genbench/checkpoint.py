"""Checkpoints on disk: safetensors and JSON in one file, each storage once, never pickle.

Tensors that share one storage are stored once and listed as aliases. safetensors has no checksum,
so a file counts only if it has the hash that was written down: that of the final weights stands
in ``run.json``, that of a checkpoint of training in its own name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as deserialize
from safetensors.torch import save as serialize
from torch import Tensor

from genbench.errors import StoreError
from genbench.files import replace_file, write
from genbench.weights import place


@dataclass(frozen=True)
class Content:
    """What a checkpoint holds."""

    tensors: Mapping[str, Tensor]
    """When read: on the CPU, laid out in memory as they were."""
    plain: Mapping[str, Any]
    """Plain data, as JSON takes it."""


def save(path: Path, content: Content) -> str:
    """Write a checkpoint atomically; return the file's SHA-256.

    Raises:
        StoreError: the file cannot be written (a full disk, say); what was there is unharmed.
    """
    data, sha256 = _packed(content)
    _write(path, data)
    return sha256


def load(path: Path, sha256: str) -> Content:
    """Read a checkpoint.

    Raises:
        StoreError: the file is missing, torn, or not the one whose hash was recorded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"The checkpoint {path} cannot be read: {error.strerror}.") from None
    found = hashlib.sha256(data).hexdigest()
    if found[: len(sha256)] != sha256 or not sha256:
        raise StoreError(
            f"The checkpoint {path} is damaged or was replaced: its hash is {found[:12]}…, "
            f"recorded is {sha256[:12]}…."
        )
    try:
        return _unpacked(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise StoreError(f"The checkpoint {path} cannot be read: {error}.") from None


def save_by_hash(folder: Path, name: str, content: Content) -> Path:
    """Write ``<name>-<hash>.safetensors``, atomically; a file that names its own content.

    Raises:
        StoreError: it cannot be written.
    """
    data, sha256 = _packed(content)
    path = folder / f"{name}-{sha256[:16]}.safetensors"
    _write(path, data)
    if _hash_of(path) != sha256:
        path.unlink()
        raise StoreError(f"The checkpoint {path} cannot be written: it is not read as written.")
    return path


def load_by_hash(path: Path) -> Content:
    """Read what `save_by_hash` wrote.

    Raises:
        StoreError: the file is missing, torn, or not what its name says.
    """
    return load(path, path.stem.rpartition("-")[2])


class TrainingCheckpoints:
    """The checkpoints of a run that goes on: ``training-<number>-<hash>.safetensors``.

    The previous one is removed only when the next one has been read back whole, so that death at
    any moment leaves one to go on from.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, content: Content) -> None:
        """Write the next one, prove it, and remove what came before.

        Raises:
            StoreError: it cannot be written; the previous one is still there.
        """
        earlier = self._paths()
        number = _number(earlier[-1]) + 1 if earlier else 1
        save_by_hash(self._folder, f"training-{number:06d}", content)
        for old in earlier:
            old.unlink(missing_ok=True)

    def latest(self) -> Content | None:
        """The newest that is whole; damaged ones are named in the log and passed over."""
        for path in reversed(self._paths()):
            try:
                return load_by_hash(path)
            except StoreError as error:
                print(f"{error} The one before it is taken.")
        return None

    def clear(self) -> None:
        """Remove all: the run has its final weights, or starts from nothing."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("training-*-*.safetensors"), key=_number)


def _number(path: Path) -> int:
    digits = path.stem.split("-")[1]
    return int(digits) if digits.isdecimal() else 0


def _packed(content: Content) -> tuple[bytes, str]:
    tensors: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    strides: dict[str, list[int]] = {}
    first: dict[tuple[object, ...], str] = {}
    for name, tensor in content.tensors.items():
        original = first.setdefault(place(tensor), name)
        if original != name:
            aliases[name] = original
            continue
        if not tensor.is_contiguous() and torch.empty_like(tensor).stride() == tensor.stride():
            strides[name] = list(tensor.stride())
        tensors[name] = _alone(tensor.detach().cpu().contiguous())
    notes = {"aliases": aliases, "strides": strides, "plain": content.plain}
    data = serialize(tensors, metadata={name: json.dumps(note) for name, note in notes.items()})
    return data, hashlib.sha256(data).hexdigest()


def _alone(tensor: Tensor) -> Tensor:
    # safetensors refuses two views of one storage, as an optimizer with one flat buffer has them.
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def _unpacked(data: bytes) -> Content:
    # The format: 8 bytes of length, a header of JSON, the tensors. Its library reads the notes
    # from files only, and the bytes that are read must be the very bytes that were hashed.
    length = int.from_bytes(data[:8], "little")
    notes = {
        name: json.loads(note)
        for name, note in json.loads(data[8 : 8 + length])["__metadata__"].items()
    }
    tensors = deserialize(data)
    for name, stride in notes["strides"].items():
        contiguous = tensors[name]
        laid_out = torch.empty_strided(contiguous.shape, stride, dtype=contiguous.dtype)
        tensors[name] = laid_out.copy_(contiguous)
    tensors |= {alias: tensors[original] for alias, original in notes["aliases"].items()}
    return Content(tensors, notes["plain"])


def _write(path: Path, data: bytes) -> None:
    try:
        with replace_file(path) as temporary:
            write(temporary, data)
    except OSError as error:
        raise StoreError(f"The checkpoint {path} cannot be written: {error.strerror}.") from error


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
