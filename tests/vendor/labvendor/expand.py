# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the rows of the table into packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from labvendor import fabric, table
from labvendor.model import Package, Release, Row

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


def driver_packages(distribution: str) -> list[Package]:
    """Every package of one of NVIDIA's directories; no name and version twice."""
    found: dict[tuple[str, str], Package] = {}
    for family in table.DISTRIBUTIONS[distribution]:
        releases = [item for item in family.releases if not item.only or distribution in item.only]
        for row in family.rows:
            for variables in _occasions(row, releases):
                item = package(row, variables)
                found.setdefault((item.name, item.version), item)
    return list(found.values())


def _occasions(row: Row, releases: Iterable[Release]) -> Iterator[dict[str, str]]:
    if row.scope == "calendar":
        yield from ({"date": date} for date in fabric.NVLSM)
        return
    if row.scope == "branch":
        branches = sorted({release.branch for release in releases} & set(table.PINNING_VERSIONS))
        yield from ({"b": str(branch), "pin": table.PINNING_VERSIONS[branch]} for branch in branches)
        return
    for release in releases:
        if row.scope == "pinned":
            if release.pinning:
                yield release_variables(release)
        elif release.layout in row.layouts and (not row.branches or release.branch in row.branches):
            for flavour in _flavours(row, release):
                yield {**release_variables(release), "x": flavour}


def _flavours(row: Row, release: Release) -> tuple[str, ...]:
    """The kernel module flavours that a row gives packages for."""
    if release.open_only:
        return () if row.proprietary else ("-open",) if row.flavours else (row.flavour,)
    return ("", "-open") if row.flavours else (row.flavour,)


def release_variables(release: Release) -> dict[str, str]:
    """What the placeholders stand for in a release."""
    return {
        "b": str(release.branch),
        "v": release.version,
        "full": release.full,
        "fab": release.fabric,
        "x": "",
        "open_only": "yes" if release.open_only else "",
    }


def kernel_packages(kernels: Iterable[str], metapackages: bool = True) -> list[Package]:
    """Headers and images of the given kernel releases; the metapackages follow the last."""
    releases = list(kernels)
    return [
        package(row, kernel_variables(kernel))
        for kernel in releases
        for row in table.KERNEL_ROWS
        if row.scope == "kernel" or (metapackages and kernel == releases[-1])
    ]


def kernel_variables(kernel: str) -> dict[str, str]:
    """What the placeholders stand for in a kernel; 6.8.0-85-generic has the version 6.8.0-85.85."""
    numbers = re.match(r"(\d+(?:\.\d+)*)(?:-(\d+)-)?", kernel)
    base, abi = numbers.groups() if numbers else ("0", None)
    return {
        "k": package_part(kernel),
        "release": kernel,
        "kv": f"{base}-{abi}.{abi}" if abi else f"{base}-1",
    }


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
        if attribute == "depends" and row.open_depends and variables["open_only"]:
            values = [row.open_depends]
        if attribute in ("conflicts", "replaces", "provides"):
            values.insert(0, row.exclusive)
        value = ", ".join(value for value in values if value)
        if value:
            fields.append((field, value.format(**variables)))
    fields += [(field, value.format(**variables)) for field, value in row.extra]
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
