"""``Warning`` headers: what was noticed about an operation that was accepted (PS3.18 8.4, 13.4.3.2)."""

from collections.abc import Sequence
from typing import Final

from mpps_dicom import Finding

MOST_FINDINGS: Final = 5
MOST_BYTES: Final = 1024
"""Bytes of all header values together."""


def warning_headers(findings: Sequence[Finding], base_uri: str) -> list[tuple[bytes, bytes]]:
    """Return a ``Warning`` header for each of the first findings, and one that counts those left out.

    Form: ``299 <base URI>: <text>``; ASCII, rules and attributes only. The operation keeps all findings.
    """
    start = f"299 {base_uri}: "
    texts: list[bytes] = []
    room = MOST_BYTES - len(_more(start, len(findings)))
    for finding in findings[:MOST_FINDINGS]:
        text = _ascii(f"{start}{finding.path}: {finding.detail}" if finding.path else start + finding.detail)
        if len(text) > room:
            break
        texts.append(text)
        room -= len(text)
    left_out = len(findings) - len(texts)
    if left_out:
        texts.append(_more(start, left_out))
    return [(b"warning", text) for text in texts]


def _more(start: str, count: int) -> bytes:
    return _ascii(f"{start}and {count} more")


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")
