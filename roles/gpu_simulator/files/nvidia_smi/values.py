# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are written, and what stands for those that NVML does not give."""

from __future__ import annotations

import datetime
from typing import Optional

from . import nvml
from .nvml import Library, NvmlError

MIB = 1 << 20
DEPRECATED = "Requested functionality has been deprecated"


def mib(count: Optional[int]) -> int:
    """Bytes in MiB, rounded up as captures show: used and free add up to one more than there is."""
    return -(-(count or 0) // MIB)


def either(value: int, yes: str = "Enabled", no: str = "Disabled") -> str:
    return yes if value else no


def excuse(library: Library, error: NvmlError) -> str:
    """What stands for a value that NVML refuses."""
    if error.code in (nvml.NOT_SUPPORTED, nvml.FUNCTION_NOT_FOUND):
        return "N/A"
    if error.code == nvml.DEPRECATED:
        return DEPRECATED
    return library.message(error.code)


def now() -> str:
    """As at the head of the table and the log: Tue Jul 14 09:00:26 2026."""
    return datetime.datetime.now().ctime()


def stamp() -> str:
    """As in comma separated output: 2026/07/14 09:00:27.792."""
    moment = datetime.datetime.now()
    return moment.strftime("%Y/%m/%d %H:%M:%S.") + "{0:03d}".format(moment.microsecond // 1000)
