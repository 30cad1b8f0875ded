# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the wishes of all components share: how options are read, and what is said of a bad one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Optional, Tuple

from ._host import PciDevice, declared_gpus
from ._scalar import BadWish, scalar

__all__ = ["BadWish", "fingerprint", "gpus", "scalar", "standing"]

_FINGERPRINT = re.compile(r"[0-9A-F]{40}\Z")


def fingerprint(value: Optional[str]) -> Optional[str]:
    """repository_key_fingerprint as 40 hexadecimal digits, None where it is not set. Raises BadWish."""
    if not value:
        return None
    text = value.replace(" ", "").replace(":", "").upper()
    if not _FINGERPRINT.match(text):
        raise BadWish(
            "repository_key_fingerprint is '%s': write the 40 hexadecimal digits of the key." % value
        )
    return text


def gpus(values: Any) -> Tuple[PciDevice, ...]:
    """The GPUs that the option gpus declares. Raises BadWish."""
    names = [scalar("gpus", value) for value in values]
    try:
        return declared_gpus(names)
    except ValueError as exc:
        raise BadWish(
            "gpus names '%s', which is neither an architecture (turing, ampere, ada, hopper, blackwell ...) "
            'nor a PCI device id of NVIDIA, such as "2330".' % exc
        ) from exc


def standing(wish: Any) -> Any:
    """What holds after an update: the wish without its one-time part."""
    return replace(wish, update=False)
