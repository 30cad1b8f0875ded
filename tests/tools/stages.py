# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each tier runs, in order. One row per stage; a stage that is listed must run.

Two stages that wait or keep one core busy run at a time; the others have the machine to themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

CHECK = ("check", "test", "test-all")
TEST = ("test", "test-all")
ALL = ("test-all",)
MINUTE = 60
#: What two stages use and only one can have at a time.
LAB, ENGINES = "lab 9", "container engines"


@dataclass(frozen=True)
class Stage:
    """One command of a tier."""

    name: str
    tiers: tuple[str, ...]
    command: str
    environments: tuple[str, ...] = ("controller",)  # see environments.py; the first one leads PATH
    root: bool = False  # boots machines or mounts: runs as root, through sudo where needed
    limit: int = 10 * MINUTE  # seconds; a stage that takes longer has failed
    beside: bool = False  # it waits or keeps one core busy: another such stage may run at the same time
    uses: str = ""  # but none that uses the same


def units(core: str, python: str, tiers: tuple[str, ...]) -> Stage:
    """As Galaxy runs them, each in a process of its own."""
    return Stage(
        f"units-{python}-core-{core}",
        tiers,
        f"python3 tests/tools/ansible_test.py units {core} {python}",
        environments=(f"core-{core}", f"units-{python}"),
        limit=20 * MINUTE,
    )


def node_units(core: str, python: str, tiers: tuple[str, ...]) -> Stage:
    """The same tests of what runs on a node, in one process per core."""
    return Stage(
        f"node-units-{python}-core-{core}",
        tiers,
        f"python3 tests/tools/unit_tests.py --node {core} {python}",
        environments=(f"core-{core}", f"units-{python}"),
        limit=15 * MINUTE,
    )


def sanity(core: str, tiers: tuple[str, ...]) -> Stage:
    command = f"python3 tests/tools/ansible_test.py sanity {core}"
    return Stage(
        f"sanity-core-{core}",
        tiers,
        command,
        environments=(f"core-{core}",),
        limit=20 * MINUTE,
        beside=True,
    )


STAGES = (
    Stage("ruff", CHECK, "ruff check .", beside=True),
    Stage("ruff-format", CHECK, "ruff format --check .", beside=True),
    Stage("mypy", CHECK, "python tests/tools/mypy_groups.py", beside=True),
    Stage("yamllint", CHECK, "yamllint --strict .", beside=True),
    Stage("house-rules", CHECK, "python tests/tools/house.py", beside=True),
    Stage("tools", CHECK, "pytest tests/tools", beside=True),
    Stage("unit-tests", CHECK, "python tests/tools/unit_tests.py", environments=("unit-tests",)),
    Stage("benchmark-report", CHECK, "pytest tests/benchmark", beside=True),
    Stage("conformance", CHECK, "pytest tests/conformance", beside=True),
    node_units("2.19", "3.8", TEST),
    units("2.19", "3.8", ALL),
    units("2.19", "3.9", ALL),
    units("2.19", "3.10", ALL),
    units("2.19", "3.11", ALL),
    units("2.21", "3.12", ALL),
    units("2.21", "3.13", ALL),
    sanity("2.21", TEST),
    sanity("2.19", ALL),
    Stage("ansible-lint", TEST, "ansible-lint --strict", beside=True),
    Stage("docs", TEST, "sh tests/tools/docs.sh", environments=("docs",), beside=True),
    Stage("galaxy", TEST, "sh tests/tools/galaxy.sh", environments=("galaxy",), beside=True),
    Stage("mutations", ALL, "python tests/conformance/mutate.py", limit=15 * MINUTE, beside=True),
    Stage("vendor", TEST, "pytest -n 2 --dist loadfile tests/vendor", root=True, limit=15 * MINUTE),
    Stage("simulator", TEST, "pytest tests/simulator", root=True, limit=20 * MINUTE, beside=True, uses=LAB),
    Stage("lab", TEST, "pytest tests/lab", root=True, limit=15 * MINUTE, beside=True, uses=LAB),
    Stage(
        "engine",
        TEST,
        "pytest tests/engine",
        ("controller", "conda"),
        root=True,
        limit=15 * MINUTE,
        beside=True,
    ),
    Stage(
        "scenarios",
        TEST,
        "python tests/scenarios/side_by_side.py",
        environments=("controller", "nvcc"),
        root=True,
        limit=60 * MINUTE,
    ),
    Stage(
        "scenarios-in-full",
        ALL,
        "env ALL_CRASH_POINTS=1 PYTEST_ADDOPTS=-rP python tests/scenarios/side_by_side.py --in-full",
        root=True,
        limit=120 * MINUTE,
    ),
    Stage("mig-all-pairs", ALL, "python tests/exhaustive/mig_all_pairs.py", limit=30 * MINUTE),
    Stage("molecule", TEST, "molecule test --all", root=True, limit=20 * MINUTE, beside=True),
    Stage(
        "recipe",
        TEST,
        "pytest tests/recipe/test_podman.py",
        root=True,
        limit=15 * MINUTE,
        beside=True,
        uses=ENGINES,
    ),
    Stage(
        "recipe-docker",
        ALL,
        "pytest tests/recipe/test_docker.py",
        root=True,
        limit=15 * MINUTE,
        beside=True,
        uses=ENGINES,
    ),
    Stage("demo", TEST, "python tests/tools/demo.py", root=True, limit=15 * MINUTE, beside=True),
    Stage(
        "benchmark",
        ALL,
        "python tests/benchmark/benchmark.py --out .build/benchmark",
        root=True,
        limit=60 * MINUTE,
    ),
)
