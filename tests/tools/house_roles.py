# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for roles/: defaults, argument specs and README name the same variables, with the role's prefix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

OF_THE_COLLECTION = {"labfleet_gpu_mirror"}
MISSING = object()


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}


def _check_names(where: str, role: str, names: set[str]) -> list[str]:
    wrong = sorted(name for name in names - OF_THE_COLLECTION if not name.startswith(f"{role}_"))
    return [f"{where}:1: {name} lacks the prefix {role}_." for name in wrong]


def _check_defaults(where: str, defaults: dict[str, Any], options: dict[str, Any]) -> list[str]:
    """Every option has a default or is required, and the two places give the same value."""
    found = [
        f"{where}:1: {name} is not in meta/argument_specs.yml."
        for name in sorted(set(defaults) - set(options))
    ]
    for name, spec in sorted(options.items()):
        if name in OF_THE_COLLECTION:
            continue
        if name not in defaults and not (spec or {}).get("required"):
            found.append(f"{where}:1: {name} of meta/argument_specs.yml has no default here.")
        stated = (spec or {}).get("default", MISSING)
        if name in defaults and stated is not MISSING and stated != defaults[name]:
            found.append(f"{where}:1: {name} is {defaults[name]!r}, but argument_specs.yml says {stated!r}.")
    return found


def _check_readme(where: str, role: str, text: str, options: set[str]) -> list[str]:
    """The page names every option, and no variable of the role that does not exist."""
    named = set(re.findall(rf"`({re.escape(role)}_[a-z0-9_]+)", text))
    missing, unknown = sorted(options - named - OF_THE_COLLECTION), sorted(named - options)
    return [f"{where}:1: {name} is not explained." for name in missing] + [
        f"{where}:1: {name} is not a variable of the role." for name in unknown
    ]


def check(root: Path, files: list[str]) -> list[str]:
    """Findings in every role."""
    found: list[str] = []
    for role in sorted({name.split("/")[1] for name in files if name.startswith("roles/")}):
        base = f"roles/{role}"
        needed = [f"{base}/README.md", f"{base}/meta/argument_specs.yml", f"{base}/meta/main.yml"]
        absent = [name for name in needed if name not in files]
        found += [f"{name}:1: every role has this file." for name in absent]
        defaults = _load(root / base / "defaults/main.yml")
        specs = _load(root / base / "meta/argument_specs.yml").get("argument_specs", {})
        options = (specs.get("main") or {}).get("options") or {}
        found += _check_names(f"{base}/meta/argument_specs.yml", role, set(options))
        found += _check_names(f"{base}/defaults/main.yml", role, set(defaults))
        found += _check_defaults(f"{base}/defaults/main.yml", defaults, options)
        if f"{base}/README.md" not in absent:
            text = (root / base / "README.md").read_text(encoding="utf-8")
            found += _check_readme(f"{base}/README.md", role, text, set(options))
    return found
