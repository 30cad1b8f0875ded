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
import marshal
import sys
from typing import Any, Mapping, Optional


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


class _Compiled:
    """Finds and loads modules of which there is byte code, by their full names."""

    def __init__(self, codes: Mapping[str, bytes]):
        self._codes = codes

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Optional[Any]:
        loader: Any = self
        return importlib.util.spec_from_loader(name, loader) if name in self._codes else None

    def create_module(self, _spec: Any) -> None:
        """As any module is made."""

    def exec_module(self, module: Any) -> None:
        exec(marshal.loads(self._codes[module.__name__]), vars(module))

    def is_package(self, name: str) -> bool:
        return any(other.startswith(name + ".") for other in self._codes)


def beside(codes: Mapping[str, bytes]) -> None:
    """From now on these modules can be imported too: by full name, what marshal made of their code."""
    sys.meta_path.append(_Compiled(codes))
