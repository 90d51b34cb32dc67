"""Compressed files: told by the ending of their name, unpacked while they are read."""

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from tagship.errors import TagshipError

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip", ".zst")
BROKEN_COMPRESSION = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)
"""What reading a file raises whose compressed content is damaged; bz2 raises a bare OSError."""


def unpack(file: IO[bytes], name: str) -> Any:
    """The content of an open file, decompressed as the ending of its name says."""
    from fsspec.compression import compr
    from fsspec.utils import infer_compression

    return compr[infer_compression(name)](file, mode="r")


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """A file for reading, decompressed as its ending says.

    Raises:
        TagshipError: it cannot be read, or is not compressed so; also while it is read.
    """
    try:
        with path.open("rb") as packed, unpack(packed, path.name) as content:
            yield content
    except (*BROKEN_COMPRESSION, OSError) as error:
        raise TagshipError(
            f"source.path: {path.name}: cannot be read: {error}",
            f"is it complete, and compressed as its ending {path.suffix} says?",
            quotes=str(error),
        ) from None
