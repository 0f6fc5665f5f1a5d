"""Payloads: data sets as they are kept, zstd-compressed DICOM JSON, inline or as a blob (rule 4)."""

import threading
from typing import Final

import msgspec
import zstandard

INLINE_LIMIT: Final = 64 * 1024
"""Largest compressed payload, in bytes, that is kept inside the step's own document."""

DOCUMENT_LIMIT: Final = 128 * 1024
"""Most compressed payload bytes that one step's document holds inline, state and operations together."""

_LEVEL: Final = 1  # level 1 beats 3 on random UIDs and is faster


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """Where a data set is: exactly one of ``data`` (compressed bytes) and ``blob`` (id of a blob) is given."""

    size: int  #: bytes of the DICOM JSON before compression
    stored: int  #: bytes after compression
    data: bytes | None = None
    blob: str | None = None


class _Codec(threading.local):
    """A compressor and a decompressor for each thread, as neither may be used by two.

    Making one costs more than compressing a small data set.
    """

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_codec: Final = _Codec()


def compress(data: bytes) -> bytes:
    """Return the compressed form of canonical DICOM JSON bytes, its size before compression in the frame header."""
    return _codec.compressor.compress(data)


def decompress(data: bytes) -> bytes:
    """Return what ``compress`` was given."""
    return _codec.decompressor.decompress(data)


def fits_inline(stored: int, already_inline: int) -> bool:
    """Tell whether a payload of ``stored`` bytes may go inside a document that holds ``already_inline`` bytes."""
    return stored <= INLINE_LIMIT and already_inline + stored <= DOCUMENT_LIMIT
