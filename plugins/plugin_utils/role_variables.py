# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A misspelt role variable does nothing, silently: here it is refused, and the nearest name given."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Iterable, Iterator

import yaml

_ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")
#: Roles whose variables another role reads.
_READS = {"gpu_node": ("nvidia_driver",)}


@functools.lru_cache(maxsize=None)
def known_variables(role: str) -> frozenset[str]:
    """The variables in the role's defaults."""
    path = os.path.join(_ROLES, role, "defaults", "main.yml")
    with open(path, encoding="utf-8") as handle:
        return frozenset(yaml.safe_load(handle) or {})


def unknown_variables(role: str, names: Iterable[str]) -> Iterator[str]:
    """One sentence for each name that has a role's prefix and is no variable of it."""
    if not os.path.isdir(os.path.join(_ROLES, role)):
        return
    for owner in (role, *_READS.get(role, ())):
        known = known_variables(owner)
        for name in names:
            if name.startswith(owner + "_") and name not in known:
                nearest = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {nearest[0]}?" if nearest else "see the role's README for those it has."
                yield f"The role {owner} has no variable {name}: {hint}"
