"""Codes of what structures are, and of tfmed itself, for DICOM objects that it writes.

Source: DICOM PS3.16 (context groups 7150, 7192 and 7194 of segmentation properties), through
pydicom's tables of it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pydicom.sr.coding import Code

LOCAL = "99TFMED"  # PS3.16 section 8.2: a private scheme begins with 99
SCT = "SCT"
ANATOMY = Code("123037004", SCT, "Anatomical Structure")
ABNORMAL = Code("49755003", SCT, "Morphologically Abnormal Structure")
LONGEST_VALUE, LONGEST_MEANING = 16, 64
# Names of classes that are other words for a term of the standard.
SAME = {"tumor": "Neoplasm", "tumour": "Neoplasm", "vessel": "BloodVessel"}
ANATOMIES, ABNORMALITIES = 7192, 7194


def structure(name: str) -> tuple[Code, Code]:
    """The category and the type of a segment by its class's name.

    A name that the standard's lists do not hold gets a code of tfmed's own.

    Example:
        >>> structure("liver")[1].value, structure("tumour")[1].meaning
        ('10200004', 'Neoplasm')
        >>> structure("pale area")[1].scheme_designator
        '99TFMED'
    """
    from pydicom.sr._cid_dict import cid_concepts
    from pydicom.sr._concepts_dict import concepts

    words = re.findall(r"[^\W_]+", name)
    keyword = SAME.get(name.casefold()) or "".join(word[:1].upper() + word[1:] for word in words)
    for category, group in ((ANATOMY, ANATOMIES), (ABNORMAL, ABNORMALITIES)):
        if keyword in cid_concepts[group].get(SCT, ()):
            known: Any = concepts[SCT][keyword]
            ((value, (meaning, *_)),) = known.items()
            return category, Code(value, SCT, meaning)
    return ANATOMY, local(name)


def local(name: str) -> Code:
    """A code of tfmed's own: the name itself where it is short and plain, else a digest of it."""
    value = name if re.fullmatch(r"[A-Za-z0-9_ -]{1,16}", name) else ""
    value = value or hashlib.sha256(name.encode()).hexdigest()[:LONGEST_VALUE]
    return Code(value, LOCAL, name[:LONGEST_MEANING])
