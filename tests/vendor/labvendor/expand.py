# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the rows of the table into packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from labvendor import table
from labvendor.model import Package, Row

MAINTAINER = "labfleet.gpu authors <noreply@labfleet.invalid>"
RELATIONS = (
    ("Pre-Depends", "pre_depends"),
    ("Depends", "depends"),
    ("Recommends", "recommends"),
    ("Suggests", "suggests"),
    ("Breaks", "breaks"),
    ("Conflicts", "conflicts"),
    ("Replaces", "replaces"),
    ("Provides", "provides"),
)


def driver_packages() -> list[Package]:
    """Every driver package of every release, branch by branch."""
    packages = []
    for row in table.ROWS:
        for variables in _occasions(row):
            packages.append(package(row, variables))
    return packages


def _occasions(row: Row) -> Iterator[dict[str, str]]:
    if row.scope == "branch":
        for branch, version in table.PINNING_VERSIONS.items():
            yield {"b": str(branch), "pin": version}
        return
    for release in table.RELEASES:
        if release.layout not in row.layouts or (row.scope == "pinned" and not release.pinning):
            continue
        for flavour in ("", "-open") if row.flavours else ("",):
            yield {
                "b": str(release.branch),
                "v": release.version,
                "full": release.full,
                "fab": release.fabric,
                "x": flavour,
            }


def kernel_packages(kernels: Iterable[str]) -> list[Package]:
    """Headers and images of the given kernel releases; the metapackages follow the last."""
    releases = list(kernels)
    packages = []
    for kernel in releases:
        numbers = re.match(r"\d+(?:\.\d+)*", kernel)
        variables = {
            "k": package_part(kernel),
            "release": kernel,
            "kv": f"{numbers.group() if numbers else '0'}-1",
        }
        for row in table.KERNEL_ROWS:
            if row.scope == "kernel" or kernel == releases[-1]:
                packages.append(package(row, variables))
    return packages


def package_part(text: str) -> str:
    """The text as it may stand in a package name."""
    return re.sub(r"[^a-z0-9+.-]", "-", text.lower())


def package(row: Row, variables: dict[str, str]) -> Package:
    """Fill the placeholders of one row."""
    fields = [("Source", f"nvidia-graphics-drivers-{variables['b']}")] if "b" in variables else []
    fields += [("Section", row.section), ("Priority", "optional"), ("Maintainer", MAINTAINER)]
    if row.multi_arch:
        fields.append(("Multi-Arch", row.multi_arch))
    for field, attribute in RELATIONS:
        values = [getattr(row, attribute)]
        if attribute in ("conflicts", "replaces", "provides"):
            values.insert(0, row.exclusive)
        value = ", ".join(value for value in values if value)
        if value:
            fields.append((field, value.format(**variables)))
    summary = row.summary.format(**variables)
    left_out = f" Left out: {row.left_out}." if row.left_out else ""
    fields.append(("Description", f"{summary}\n Simulated by labfleet.gpu for tests.{left_out}"))
    return Package(
        name=row.name.format(**variables),
        version=row.version.format(**variables),
        architecture=row.architecture,
        fields=tuple(fields),
        payload=row.payload,
        variables=tuple(sorted(variables.items())),
    )


def control(item: Package, size: int) -> str:
    """The control paragraph; size is Installed-Size in KiB."""
    head = [
        ("Package", item.name),
        ("Version", item.version),
        ("Architecture", item.architecture),
        ("Installed-Size", str(size)),
    ]
    return "".join(f"{name}: {value}\n" for name, value in [*head, *item.fields])
