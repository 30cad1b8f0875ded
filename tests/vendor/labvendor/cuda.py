# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the toolkits and their rows into packages."""

from __future__ import annotations

from labvendor import toolkits
from labvendor.cuda_rows import rows
from labvendor.expand import package
from labvendor.model import Package
from labvendor.toolkits import Toolkit


def packages(directory: str) -> list[Package]:
    """Every package of a directory's toolkits; no name and version twice."""
    found: dict[tuple[str, str], Package] = {}
    for toolkit in toolkits.of(directory):
        for item in _of(toolkit, directory):
            found.setdefault((item.name, item.version), item)
    return list(found.values())


def _of(toolkit: Toolkit, directory: str) -> list[Package]:
    variables = toolkit.variables()
    for name in ("nsight_compute", "nsight_systems"):
        variables[f"{name}_name"] = ".".join(variables[name].split(".")[:3])
    ubuntu = directory.startswith("ubuntu") and toolkit.version not in ("11.8.0", "12.4.1")
    variables["compat"] = f"{toolkit.driver}-{'0ubuntu1' if ubuntu else '1'}"
    variables.update(built=toolkit.built, build=toolkit.build)
    major, _dot, minor = toolkit.minor.partition(".")
    return [
        package(row, {**variables, "package": row.name.format(**variables)})
        for row in rows((int(major), int(minor)))
    ]
