# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Versions that are numbers with dots between them: CUDA, cuDNN, drivers, glibc. Not package versions."""

from __future__ import annotations

import re
from typing import Iterable, Optional, Tuple

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z")


def numbers(version: str) -> Tuple[int, ...]:
    """The numbers of a version: "12.4.1" gives (12, 4, 1). Raises ValueError for anything else."""
    if not _NUMBERS.match(version):
        raise ValueError("'%s' is not a version: it must be numbers with dots between them" % version)
    return tuple(int(part) for part in version.split("."))


def order(version: str) -> Tuple[int, ...]:
    """A key to sort by: zeros at the end do not count, so "455.32" and "455.32.00" are the same."""
    key = numbers(version)
    while len(key) > 1 and key[-1] == 0:
        key = key[:-1]
    return key


def at_least(version: str, minimum: str) -> bool:
    """Is a version this one or a later one? "580.65.06" is at least "580", "9.10.2" at least "9.9"."""
    return order(version) >= order(minimum)


def within(version: str, wanted: str) -> bool:
    """Does a version fulfil a wish that may be shorter? "12.4.1" is within "12.4", "9.10.2" not in "9.1"."""
    wish = numbers(wanted)
    return numbers(version)[: len(wish)] == wish


def newest(versions: Iterable[str]) -> Optional[str]:
    """The latest of some versions, None of none."""
    return max(versions, key=order, default=None)


def major(version: str) -> str:
    """The first number: "12.4.1" gives "12"."""
    return str(numbers(version)[0])


def minor(version: str) -> str:
    """The first two numbers: "12.4.1" gives "12.4". Raises ValueError where there is only one."""
    first = numbers(version)[:2]
    if len(first) < 2:
        raise ValueError("'%s' names no minor version: write it as in '12.4'" % version)
    return "%d.%d" % first
