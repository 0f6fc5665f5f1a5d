"""Unique identifiers: the SOP Classes of PS3.4 Annex F and the form of an instance UID."""

import re
from typing import Final

MPPS_CLASS: Final = "1.2.840.10008.3.1.2.3.3"
"""Modality Performed Procedure Step (N-CREATE, N-SET), PS3.4 F.7."""

MPPS_RETRIEVE_CLASS: Final = "1.2.840.10008.3.1.2.3.4"
"""Modality Performed Procedure Step Retrieve (N-GET), PS3.4 F.8."""

MPPS_NOTIFICATION_CLASS: Final = "1.2.840.10008.3.1.2.3.5"
"""Modality Performed Procedure Step Notification (N-EVENT-REPORT), PS3.4 F.9."""

MWL_CLASS: Final = "1.2.840.10008.5.1.4.31"
"""Modality Worklist Information Model - FIND, PS3.4 K.6."""

VERIFICATION_CLASS: Final = "1.2.840.10008.1.1"
"""Verification, PS3.4 Annex A."""

IMPLEMENTATION_CLASS: Final = "2.25.294542472460758211383047288421277556835"
"""Names this implementation in files and associations (PS3.7 D.3.3.2)."""

_PATH_UID = re.compile(r"(?=.*[0-9])[0-9.]{1,64}")
_UUID_BITS: Final = 128
_VERSION_4: Final = (0xF << 76, 0x4 << 76)
_VARIANT_1: Final = (0x3 << 62, 0x2 << 62)


def is_path_uid(text: str) -> bool:
    """Tell whether a text may stand for an instance UID in a URL: digits and dots, at most 64, a digit among them.

    Dots alone would be a way through a path, not a name. Deliberately wider than PS3.5 9.1: modalities with invalid
    roots or doubled dots are in use.
    """
    return _PATH_UID.fullmatch(text) is not None


def new_uid(random_bits: int) -> str:
    """Make a UID of PS3.5 B.2, ``2.25.`` and a UUID as an integer, from 128 bits given by the caller.

    The version and variant bits of a random UUID are set, so ``uuid.uuid4().int`` keeps its value.
    Raises ValueError when the number does not fit into 128 bits.
    """
    if not 0 <= random_bits < 1 << _UUID_BITS:
        raise ValueError("a UUID has 128 bits")
    for mask, bits in (_VERSION_4, _VARIANT_1):
        random_bits = random_bits & ~mask | bits
    return f"2.25.{random_bits}"
