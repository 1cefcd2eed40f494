"""Members of an archive, each of them looked at before any is used. Nothing is written."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Self

from genbench.errors import GenbenchError

BLOCK_BYTES = 1 << 14

MOST_SPARE_BYTES = 1 << 20
"""Of all that nobody asked for: headers, padding, a page that describes the other members."""

MOST_SPARE_HEADERS = 100
"""Beside two for each member that is wanted, its own and one of what does not fit into that."""

MOST_HEADER_BYTES = 8 << 10
"""Of a header of a variable size. Those of GNU and pax hold names and dates, and are unpacked
before the member that they belong to can be looked at."""

SPECIAL = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
"""The types of such headers."""


def members(archive: Path, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """The content of some members of a ``.tar.gz``, read into memory.

    No more is unpacked than the members that are wanted and `MOST_SPARE_BYTES`.

    Args:
        archive: the file.
        wanted: sizes in bytes, by name with folders.

    Raises:
        GenbenchError: a member that is no plain file or folder below the archive's own, that is
            there twice, larger than it may be or missing; more members, or longer headers, than
            belong there; or no whole ``.tar.gz``.
    """
    contents: dict[str, bytes] = {}
    seen: set[str] = set()
    try:
        # As a stream: what is refused is refused before what comes after it is unpacked.
        with (
            gzip.open(archive) as unpacked,
            (stream := _Limited(unpacked, MOST_SPARE_BYTES)),
            tarfile.open(
                fileobj=stream, mode="r|", tarinfo=_headers(MOST_SPARE_HEADERS + 2 * len(wanted))
            ) as tar,
        ):
            for member in tar:
                why = _unsound(member, wanted)
                if member.name in seen:
                    why = "is there twice"
                if why:
                    raise _RefusedError(f"its member {member.name!r} {why}")
                seen.add(member.name)
                if member.name in wanted:
                    stream.left += member.size
                    file = tar.extractfile(member)
                    assert file is not None, "it is a plain file"
                    contents[member.name] = file.read()
            while stream.read(BLOCK_BYTES):  # only at its end gzip compares its checksum
                pass
    except _RefusedError as error:
        raise GenbenchError(f"{archive} is not used: {error}.") from None
    # ValueError: numbers in headers that are none
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise GenbenchError(f"{archive} is no whole .tar.gz archive: {error}") from error
    missing = sorted(wanted.keys() - contents.keys())
    if missing:
        raise GenbenchError(f"{archive} has no member {missing[0]!r}.")
    return contents


class _RefusedError(Exception):
    """Why an archive is not used."""


class _Limited(io.RawIOBase):
    """What is unpacked, as long as it is no more than may be.

    Args:
        unpacked: all of it.
        left: bytes that may still come.
    """

    def __init__(self, unpacked: gzip.GzipFile, left: int) -> None:
        super().__init__()
        self.unpacked = unpacked
        self.left = left

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes."""
        block = self.unpacked.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise _RefusedError(
                f"beside the members that are wanted it unpacks to more than {MOST_SPARE_BYTES:,} "
                "bytes"
            )
        return block


def _headers(most: int) -> type[tarfile.TarInfo]:
    """A reader of headers that looks at each as it comes, and takes so many."""

    class Header(tarfile.TarInfo):
        count = 0

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            header = super().frombuf(buf, encoding, errors)
            Header.count += 1
            if Header.count > most:
                raise _RefusedError(f"it has more than {most} members and headers")
            if header.type in SPECIAL and header.size > MOST_HEADER_BYTES:
                raise _RefusedError(
                    f"a header of it has {header.size:,} bytes, more than {MOST_HEADER_BYTES:,}"
                )
            return header

    return Header


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
