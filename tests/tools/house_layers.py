# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for plugins/: layers (docs/design/README.md), pure planners, one caller of run_command."""

from __future__ import annotations

import ast
from pathlib import Path

UTILS = "plugins/module_utils/"
PLUGINS = "ansible_collections.labfleet.gpu.plugins."
PACKAGE = PLUGINS + "module_utils."

# Height of a layer. A file of module_utils that is not named here observes or acts on one thing, like
# _host or _packages; a folder is a component, like _driver. Components do not know of each other, but for
# _slurm, which tells of the MIG devices that _mig sees, and _info, which tells what all of them see.
HEIGHTS = {
    **{"_dataclass": -1, "_catalog": 0, "_plan": 0, "_later": 0, "_command": 1, "_boot": 2},
    **{"_converge": 4, "_slurm": 4, "_info": 4, "_restore": 5},
    **{"_stack": 6, "_stack_at_rest": 6},
    **{"_stack_following": 5, "_stack_framework": 5},
}
OF_A_FILE, OF_A_FOLDER = 2, 3

PURE_MODULES = {
    "__future__", "collections", "dataclasses", "enum", "fnmatch", "functools", "itertools", "math",
    "operator", "re", "string", "typing",
}  # fmt: skip
EFFECTS = {"open", "print", "input", "exec", "eval", "__import__"}
IMPURE = {"observe", "apply"}

FORBIDDEN_MODULES = {
    "subprocess": "go through _command.py",
    "pty": "go through _command.py",
    "importlib": "go through _later.py",
    "pkgutil": "data files are not packed with the module",
}
FORBIDDEN_CALLS = {("os", "system"), ("os", "popen"), ("os", "spawnl"), ("os", "spawnv")}


def _imports(tree: ast.AST, name: str) -> list[tuple[int, str, list[str]]]:
    """Line, absolute module and imported names of every import; relative ones are resolved."""
    package = name[: -len(".py")].split("/")
    found: list[tuple[int, str, list[str]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                above = ["ansible_collections", "labfleet", "gpu", *package[: -node.level]]
                module = ".".join(above + ([module] if module else []))
            found.append((node.lineno, module, [alias.name for alias in node.names]))
    return found


def _unit(dotted: str) -> str:
    """The file or folder directly below module_utils that a dotted name belongs to."""
    return dotted[len(PACKAGE) :].split(".")[0]


def _height_of_file(root: Path, name: str) -> int:
    """A component's component.py joins it to _converge, and so stands beside that."""
    return HEIGHTS["_converge"] if name.endswith("/component.py") else _height(root, _unit_of_file(name))


def _unit_of_file(name: str) -> str:
    return name[len(UTILS) :].split("/")[0].removesuffix(".py")


def _height(root: Path, unit: str) -> int:
    if unit in HEIGHTS:
        return HEIGHTS[unit]
    return OF_A_FOLDER if (root / UTILS / unit).is_dir() else OF_A_FILE


def _used_units(module: str, names: list[str]) -> list[str]:
    if module + "." == PACKAGE:
        return names
    return [_unit(module)] if module.startswith(PACKAGE) else []


def _check_layers(root: Path, name: str, imports: list[tuple[int, str, list[str]]]) -> list[str]:
    """Imports of a module_utils file that go up, or sideways between components."""
    own, mine = _unit_of_file(name), _height_of_file(root, name)
    found = []
    for line, module, names in imports:
        if module.startswith(PLUGINS) and not f"{module}.".startswith(PACKAGE):
            found.append(f"{name}:{line}: module_utils must not import {module}, which is above it.")
        for unit in _used_units(module, names):
            its = _height(root, unit)
            if unit != own and (its > mine or (its == mine == OF_A_FOLDER)):
                found.append(f"{name}:{line}: {own} must not import {unit}, which is not below it.")
    return found


def _only_types(names: list[str]) -> bool:
    """Whether an import takes classes and constants alone."""
    return bool(names) and all(item[0].isupper() for item in names)


def _used_files(imports: list[tuple[int, str, list[str]]]) -> set[str]:
    """Candidates for the files of module_utils whose functions an import brings in.

    Not state.py: it holds the model, which planners read, beside observe, which they must not import.
    """
    used = set()
    for _line, module, names in imports:
        if f"{module}.".startswith(PACKAGE) and not _only_types(names):
            path = UTILS + module[len(PACKAGE) :].replace(".", "/")
            used |= {f"{path}.py", *(f"{path.rstrip('/')}/{item}.py" for item in names)}
    return {path for path in used if not path.endswith("/state.py") and path != UTILS + "_later.py"}


def _loaded_later(tree: ast.AST, name: str) -> set[str]:
    """The files that a planner has later() load."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "later" and len(node.args) == 2:
            wanted = ast.literal_eval(node.args[1])
            level = len(wanted) - len(wanted.lstrip("."))
            folder = "/".join(name.split("/")[:-level])
            found.add(f"{folder}/{wanted.lstrip('.').replace('.', '/')}.py")
    return found


def _planners(parsed: dict[str, ast.AST]) -> dict[str, str]:
    """Every plan.py and each file whose functions it uses, to the plan.py that needs it to be pure."""
    found: dict[str, str] = {}
    waiting = [(name, name) for name in parsed if name.startswith(UTILS) and name.endswith("/plan.py")]
    while waiting:
        name, planner = waiting.pop()
        if name in parsed and name not in found:
            found[name] = planner
            used = _used_files(_imports(parsed[name], name)) | _loaded_later(parsed[name], name)
            waiting += [(each, planner) for each in used]
    return found


def _check_pure(
    name: str, planner: str, tree: ast.AST, imports: list[tuple[int, str, list[str]]]
) -> list[str]:
    """Anything in a planner, or in what it uses, that could have an effect or read the host."""
    whose = "a planner is pure" if name == planner else f"{planner} uses this file, so it is pure"
    found = []
    for line, module, names in imports:
        top = module.split(".")[0]
        if top != "ansible_collections" and top not in PURE_MODULES:
            found.append(f"{name}:{line}: {whose} and must not import {module}.")
        found += [f"{name}:{line}: {whose} and must not import {item}." for item in names if item in IMPURE]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EFFECTS:
            found.append(f"{name}:{node.lineno}: {whose} and must not call {node.func.id}().")
    return found


def _check_effects(name: str, tree: ast.AST, imports: list[tuple[int, str, list[str]]]) -> list[str]:
    """Ways around _command.py, and catch-all handlers."""
    found = []
    for line, module, _names in imports:
        top = module.split(".")[0]
        itself = f"go through {name[len(UTILS) :]}" == FORBIDDEN_MODULES.get(top)
        if top in FORBIDDEN_MODULES and not itself:
            found.append(f"{name}:{line}: plugins must not import {top}: {FORBIDDEN_MODULES[top]}.")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr == "run_command" and name != UTILS + "_command.py":
                found.append(f"{name}:{node.lineno}: only _command.py calls run_command.")
            if (owner, node.attr) in FORBIDDEN_CALLS:
                found.append(f"{name}:{node.lineno}: {owner}.{node.attr} goes around _command.py.")
        elif isinstance(node, ast.keyword) and node.arg in ("shell", "use_unsafe_shell"):
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                found.append(f"{name}:{node.value.lineno}: no shell in plugins: give an argument list.")
        elif isinstance(node, ast.Assert):
            found.append(f"{name}:{node.lineno}: assert vanishes under -O: raise an error instead.")
    return found


def check(root: Path, files: list[str]) -> list[str]:
    """Findings in the Python files below plugins/."""
    found: list[str] = []
    parsed: dict[str, ast.AST] = {}
    for name in files:
        if not (name.startswith("plugins/") and name.endswith(".py")):
            continue
        try:
            parsed[name] = ast.parse((root / name).read_text(encoding="utf-8"), feature_version=(3, 8))
        except SyntaxError as error:
            found.append(f"{name}:{error.lineno}: not Python 3.8: {error.msg}.")
    planners = _planners(parsed)
    for name, tree in parsed.items():
        imports = _imports(tree, name)
        found += _check_effects(name, tree, imports)
        if name.startswith(UTILS):
            found += _check_layers(root, name, imports)
        if name in planners:
            found += _check_pure(name, planners[name], tree, imports)
    return found
