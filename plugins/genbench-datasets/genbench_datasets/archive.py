"""Members of an archive, each of them looked at before any is used. Nothing is written."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from genbench.errors import GenbenchError

MOST_SPARE_BYTES = 1 << 20
"""Of a member that nobody asked for, such as a page that describes the others."""


def members(archive: Path, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """The content of some members of a ``.tar.gz``, read into memory.

    Args:
        archive: the file.
        wanted: sizes in bytes, by name with folders.

    Raises:
        GenbenchError: a member that is no plain file or folder below the archive's own, that is
            there twice, larger than it may be or missing; or no whole ``.tar.gz``.
    """
    contents: dict[str, bytes] = {}
    seen: set[str] = set()
    try:
        # As a stream: what is refused is refused before what comes after it is unpacked.
        with gzip.open(archive) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
            for member in tar:
                why = _unsound(member, wanted)
                if member.name in seen:
                    why = "is there twice"
                if why:
                    raise GenbenchError(f"{archive} is not used: its member {member.name!r} {why}.")
                seen.add(member.name)
                if member.name in wanted:
                    file = tar.extractfile(member)
                    assert file is not None, "it is a plain file"
                    contents[member.name] = file.read()
            unpacked.read(MOST_SPARE_BYTES)  # only at its end gzip compares its checksum
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise GenbenchError(f"{archive} is no whole .tar.gz archive: {error}") from error
    missing = sorted(wanted.keys() - contents.keys())
    if missing:
        raise GenbenchError(f"{archive} has no member {missing[0]!r}.")
    return contents


def _unsound(member: tarfile.TarInfo, wanted: Mapping[str, int]) -> str:
    """Why a member is refused; empty if it is not."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        return "lies outside of the archive's folder"
    if member.issym() or member.islnk():
        return f"is a link, to {member.linkname!r}"
    if member.name in wanted:
        if not member.isreg() or member.issparse():
            return "is no plain file"
        if member.size != wanted[member.name]:
            return f"has {member.size:,} bytes, not {wanted[member.name]:,}"
    elif member.isdir():
        return ""
    elif not member.isreg() or member.issparse():
        return "is neither a plain file nor a folder"
    elif member.size > MOST_SPARE_BYTES:
        return f"has {member.size:,} bytes and is not expected"
    return ""
