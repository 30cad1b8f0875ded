# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our own source where somebody else configured the same repository since. Small: every run asks. Pure."""

from __future__ import annotations

from typing import Tuple

from .._effects import RemoveFile
from .._plan import Step
from .state import SOURCE_PATH, DriverState


def doubled_source_steps(state: DriverState) -> Tuple[Step, ...]:
    """Take our source away where somebody else configured the same one since: apt refuses two keys for it."""
    ours = {source.uri for source in state.sources if source.path == SOURCE_PATH}
    others = {source.uri: source.path for source in state.sources if source.path != SOURCE_PATH}
    doubled = sorted(ours & set(others))
    if not doubled:
        return ()
    why = "%s configures the same repository" % others[doubled[0]]
    return (Step("source", "remove-file", "remove %s" % SOURCE_PATH, why, RemoveFile(SOURCE_PATH)),)
