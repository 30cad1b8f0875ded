# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in place of a stage whose Python this machine does not have.

A distribution brings one Python, the tiers name several. A stage without its interpreter is left out and said
to be; in its place unit tests run on the lowest and the highest Python that there are, sanity on the newest
ansible-core that has one, and of the tests of conda those that need none. The real conda is of 2017: no
distribution of today has a Python that is old enough for it.
"""

from __future__ import annotations

from environments import PYTHONS_OF_CORE, table
from interpreters import choose
from stages import MINUTE, Stage, node_units, sanity, units

# The Pythons that each ansible-core's ansible-test knows: 3.LOWEST to 3.HIGHEST.
_TESTED_BY_CORE = {"2.19": (8, 13), "2.21": (9, 14)}
#: The stages of unit tests, by the first word of their names.
_UNITS = {"units": units, "node": node_units}


def can_run(stage: Stage, pythons: dict[str, str]) -> bool:
    """Whether there is an interpreter for each of the stage's environments."""
    known = table(pythons)
    return all(choose(pythons, known[name].pythons) for name in stage.environments)


def with_standins(chosen: list[Stage], pythons: dict[str, str]) -> tuple[list[Stage], dict[str, str]]:
    """The stages to run, and for each one that is left out a sentence on what runs in its place.

    Only unit and sanity tests and the real conda are ever left out, and only where something stands in.
    """
    run: list[Stage] = []
    left_out: dict[str, str] = {}
    for stage in chosen:
        standins = [] if can_run(stage, pythons) else _standins(stage.name.partition("-")[0], pythons)
        if not standins:
            run.append(stage)
            continue
        listed = {other.name for other in (*run, *chosen)}
        run += [standin for standin in standins if standin.name not in listed]
        names = " and ".join(standin.name for standin in standins)
        left_out[stage.name] = f"this machine does not have its Python; there is {names} in its place."
    return run, left_out


def _standins(kind: str, pythons: dict[str, str]) -> list[Stage]:
    if kind in _UNITS:
        return [_UNITS[kind](*pair, ()) for pair in _pairs(pythons)]
    find = {"sanity": _sanity, "engine": _engine}.get(kind)
    return find(pythons) if find else []


def _pairs(pythons: dict[str, str]) -> list[tuple[str, str]]:
    """For unit tests: the lowest Python with the oldest core that can, the highest with the newest."""
    cores = [core for core, wanted in sorted(PYTHONS_OF_CORE.items()) if choose(pythons, wanted)]
    pairs = [
        (core, python)
        for python in sorted(pythons, key=_minor)
        for core in cores
        if _TESTED_BY_CORE[core][0] <= _minor(python) <= _TESTED_BY_CORE[core][1]
    ]
    return list(dict.fromkeys(pairs[:1] + pairs[-1:]))


def _sanity(pythons: dict[str, str]) -> list[Stage]:
    cores = [core for core, wanted in sorted(PYTHONS_OF_CORE.items()) if choose(pythons, wanted)]
    return [sanity(core, ()) for core in cores[-1:]]


def _engine(pythons: dict[str, str]) -> list[Stage]:
    command = "pytest tests/engine/test_miniforge.py"
    without = Stage("engine-without-conda", (), command, root=True, limit=5 * MINUTE, beside=True)
    return [without] if can_run(without, pythons) else []


def _minor(version: str) -> int:
    return int(version.split(".")[1])
