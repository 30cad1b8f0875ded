# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The row of cuDNN: what came of loading each library. Pure."""

from __future__ import annotations

import re
from typing import List

from .._catalog.cudnn import version_of_number
from .driver import NODE
from .node import CheckState, Library
from .row import FAILED, OK, SKIPPED, Row
from .wish import CheckWish

_TOLD = re.compile(r"^labfleet-gpu (\d+)$", re.MULTILINE)


def cudnn_loads(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Does each cuDNN load, and is it the version that its file's name says?"""
    name = "cudnn_loads"
    if not state.libraries:
        return [Row(name, NODE, SKIPPED, "there is no cuDNN but in environments")]
    return [_judged(name, each) for each in state.libraries]


def _judged(name: str, library: Library) -> Row:
    told, again = _TOLD.search(library.asking.out), "have it installed anew (cudnn does that)"
    subject = (
        "cuDNN %s (%s)" % (library.version, library.path) if library.version else "cuDNN (%s)" % library.path
    )
    if library.asking.overtime:
        return Row(name, subject, FAILED, "loading it did not end in time", again)
    if told is None:
        said = library.asking.last_words(1) or "the program that loaded it ended with %d" % library.asking.rc
        return Row(name, subject, FAILED, "it does not load: %s" % said, again)
    version = version_of_number(int(told.group(1)))
    if library.version and version != library.version:
        return Row(name, subject, FAILED, "it says that it is %s" % version, again)
    return Row(name, subject, OK, "it loads and is %s" % version)
