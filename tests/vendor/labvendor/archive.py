# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of Ubuntu's archive, suite by suite."""

from __future__ import annotations

from collections.abc import Iterator

from labvendor import expand, modaliases, restricted_modules, table, ubuntu
from labvendor.model import Package, Row
from labvendor.suites import CODENAMES, DRIVERS, Driver

#: A package and the component that it is in.
Placed = tuple[str, Package]


def suites(codename: str, kernels: list[str]) -> dict[str, list[Placed]]:
    """The packages of each suite of a distribution; the kernels are in the one that it was released with."""
    found: dict[str, list[Placed]] = {
        codename: [_placed(item) for item in expand.kernel_packages(kernels)],
    }
    found[codename] += [_placed(expand.package(row, {})) for row in table.DESKTOP_ROWS]
    for pocket in ("security", "updates"):
        drivers = [item for item in DRIVERS if item.pocket == pocket and item.is_for(codename)]
        found[f"{codename}-{pocket}"] = [_placed(item) for item in _pocket(codename, drivers, kernels)]
    return found


def _placed(item: Package) -> Placed:
    section = dict(item.fields)["Section"]
    component, slash, _rest = section.partition("/")
    return (component if slash else "restricted" if section == "oldlibs" else "main", item)


def _pocket(codename: str, drivers: list[Driver], kernels: list[str]) -> Iterator[Package]:
    number, flavours = CODENAMES[codename]
    for driver in drivers:
        variables = _variables(driver, number)
        rows = ubuntu.TRANSITIONAL_ROWS if driver.to else ubuntu.ROWS
        for row in (*rows, *(ubuntu.FABRIC_ROWS if driver.server and not driver.to else ())):
            yield from _packages(row, variables)
    for kernel in kernels:
        named = {**expand.kernel_variables(kernel), "lrm": expand.kernel_variables(kernel)["kv"]}
        if drivers and drivers[0].pocket == "updates":
            named["lrm"] += "+1"
        real = [item for item in drivers if not item.to]
        series = " ".join(f"{item.branch}{'srv' * item.server}={item.version}" for item in real)
        yield expand.package(restricted_modules.SIGNATURES, {**named, "series": series})
        for driver in drivers:
            variables = {**_variables(driver, number), **named}
            rows = () if driver.to else restricted_modules.ROWS
            for row in rows:
                yield from _packages(row, variables)
            if kernel != kernels[-1]:
                continue
            for row in restricted_modules.TRANSITIONAL_ROWS if driver.to else restricted_modules.META_ROWS:
                for flavour in flavours:
                    yield from _packages(row, {**variables, "kf": flavour})


def _variables(driver: Driver, number: str) -> dict[str, str]:
    return {
        **expand.release_variables(driver.release(number)),
        "s": "-server" if driver.server else "",
        "srv": "srv" if driver.server else "",
        "dkms": "nvidia-srv" if driver.server else "nvidia",
        "to": str(driver.to or ""),
    }


def _packages(row: Row, variables: dict[str, str]) -> Iterator[Package]:
    for flavour in ("", "-open") if row.flavours else (row.flavour,):
        aliases = modaliases.fields(int(variables["b"]), flavour) if row.extra else {}
        yield expand.package(row, {**variables, "x": flavour, **aliases})
