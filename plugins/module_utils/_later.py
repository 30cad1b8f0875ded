# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Modules of ours that only a change needs.

Ansible packs a module with everything that it finds imported, in functions too. What is loaded through here
it does not find: a module that changes something imports it where Ansible sees it (``load`` of a component),
and one that only looks (gpu_stack_at_rest) travels without it, and says that there is more to do.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


class Further(Exception):
    """What was asked takes more than this module was sent with."""


def later(asking: str, name: str) -> Any:
    """The module ``name``, written as in an import (".choose"), as seen from ``asking``, a module's __name__.

    Raises Further where it was not sent along.
    """
    wanted = importlib.util.resolve_name(name, asking.rpartition(".")[0])
    try:
        return importlib.import_module(wanted)
    except ModuleNotFoundError as exc:
        if exc.name != wanted:
            raise
        raise Further(wanted) from exc
