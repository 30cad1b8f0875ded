# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the wishes of all components share: how options are read, and what is said of a bad one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Optional, Tuple

from ._host import PciDevice, declared_gpus

_FINGERPRINT = re.compile(r"[0-9A-F]{40}\Z")


class BadWish(ValueError):
    """An option that no host could fulfil; the message says which, why, and what to write instead."""


def scalar(option: str, value: Any) -> str:
    """One value as text. Raises BadWish.

    YAML makes 580.10 a number and drops its zero: such a value is refused, not guessed at.
    """
    if isinstance(value, bool):
        raise BadWish("%s is %s, a yes or no: write one value." % (option, str(value).lower()))
    if isinstance(value, float):
        raise BadWish(
            "%s is the unquoted number %s, from which YAML may have dropped digits: quote it."
            % (option, value)
        )
    if isinstance(value, (list, dict)):
        raise BadWish(
            "%s is a %s: write one value." % (option, "list" if isinstance(value, list) else "mapping")
        )
    return str(value).strip()


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
