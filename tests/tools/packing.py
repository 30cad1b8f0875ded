# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible packs with a module of ours: all that is imported from it on, in functions too."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from interpreters import ROOT

UTILS = ROOT / "plugins/module_utils"
_PREFIX = "ansible_collections.labfleet.gpu.plugins.module_utils"


def _exists(name: str) -> bool:
    base = UTILS / name.replace(".", "/")
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


@functools.lru_cache(maxsize=None)
def _tree(name: str) -> ast.Module:
    base = UTILS / name.replace(".", "/")
    path = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def _absolute(asking: str, level: int, rest: str) -> str:
    package = asking.split(".")[:-level] if level else []
    return ".".join([*package, *([rest] if rest else [])])


def _imported(asking: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if not node.level and not module.startswith(_PREFIX):
            continue
        base = _absolute(asking, node.level, module) if node.level else module[len(_PREFIX) + 1 :]
        for alias in node.names:
            inner = f"{base}.{alias.name}" if base else alias.name
            yield inner if _exists(inner) else base


def packed(module: str) -> set[str]:
    """The module_utils that travel with plugins/modules/``module``.py, by their names below module_utils."""
    source = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    todo, found = list(_imported("", ast.parse(source))), set()
    while todo:
        name = todo.pop()
        if name and name not in found:
            found.add(name)
            todo += _imported(name, _tree(name))
    return found


def taken_of_ansible(module: str) -> set[str]:
    """The modules of Ansible that what travels with a module imports, by full name."""
    nodes = (node for name in packed(module) for node in ast.walk(_tree(name)))
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name for name in named if name.partition(".")[0] == "ansible"}


def loaded_later(name: str) -> set[str]:
    """What a module_util loads through later(), by name below module_utils."""
    found = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "later":
            asking, wanted = node.args
            assert isinstance(asking, ast.Name) and asking.id == "__name__", ast.unparse(node)
            assert isinstance(wanted, ast.Constant) and isinstance(wanted.value, str), ast.unparse(node)
            level = len(wanted.value) - len(wanted.value.lstrip("."))
            found.add(_absolute(name, level, wanted.value[level:]))
    return found
