# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each tier runs, in order. One row per stage; a stage that is listed must run.

A stage that waits or keeps one core busy says what it needs for itself alone ("beside"): two such stages run
at a time where they need different things. The others have the machine to themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

CHECK = ("check", "test", "test-all")
TEST = ("test", "test-all")
ALL = ("test-all",)
MINUTE = 60
#: What stages need for themselves alone: what reads the checkout takes its turn, and so does what uses a lab.
CODE, LAB, CONDA, MOLECULE, ENGINES, DEMO = "code", "lab 9", "conda", "labs 5 and 6", "engines", "lab 8"


@dataclass(frozen=True)
class Stage:
    """One command of a tier."""

    name: str
    tiers: tuple[str, ...]
    command: str
    environments: tuple[str, ...] = ("controller",)  # see environments.py; the first one leads PATH
    root: bool = False  # boots machines or mounts: runs as root, through sudo where needed
    limit: int = 10 * MINUTE  # seconds; a stage that takes longer has failed
    beside: str = ""  # what it needs for itself alone, where another stage may run beside it; "": the machine


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
        beside=CODE,
    )


STAGES = (
    Stage("ruff", CHECK, "ruff check .", beside=CODE),
    Stage("ruff-format", CHECK, "ruff format --check .", beside=CODE),
    Stage("mypy", CHECK, "python tests/tools/mypy_groups.py", beside=CODE),
    Stage("yamllint", CHECK, "yamllint --strict .", beside=CODE),
    Stage("house-rules", CHECK, "python tests/tools/house.py", beside=CODE),
    Stage("tools", CHECK, "pytest tests/tools", beside=CODE),
    Stage("unit-tests", CHECK, "python tests/tools/unit_tests.py", environments=("unit-tests",)),
    Stage("benchmark-report", CHECK, "pytest tests/benchmark", beside=CODE),
    Stage("conformance", CHECK, "pytest tests/conformance", beside=CODE),
    node_units("2.19", "3.8", TEST),
    units("2.19", "3.8", ALL),
    units("2.19", "3.9", ALL),
    units("2.19", "3.10", ALL),
    units("2.19", "3.11", ALL),
    units("2.21", "3.12", ALL),
    units("2.21", "3.13", ALL),
    sanity("2.21", TEST),
    sanity("2.19", ALL),
    Stage("ansible-lint", TEST, "ansible-lint --strict", beside=CODE),
    Stage("docs", TEST, "sh tests/tools/docs.sh", environments=("docs",), beside=CODE),
    Stage("galaxy", TEST, "sh tests/tools/galaxy.sh", environments=("galaxy",), beside=CODE),
    Stage("mutations", ALL, "python tests/conformance/mutate.py", limit=15 * MINUTE, beside=CODE),
    Stage("vendor", TEST, "pytest -n 2 --dist loadfile tests/vendor", root=True, limit=15 * MINUTE),
    Stage("simulator", TEST, "pytest tests/simulator", root=True, limit=20 * MINUTE, beside=LAB),
    Stage("lab", TEST, "pytest tests/lab", root=True, limit=15 * MINUTE, beside=LAB),
    Stage(
        "engine",
        TEST,
        "pytest tests/engine",
        ("controller", "conda"),
        root=True,
        limit=15 * MINUTE,
        beside=CONDA,
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
    Stage("molecule", TEST, "molecule test --all", root=True, limit=20 * MINUTE, beside=MOLECULE),
    Stage("recipe", TEST, "pytest tests/recipe/test_podman.py", root=True, limit=15 * MINUTE, beside=ENGINES),
    Stage(
        "recipe-docker",
        ALL,
        "pytest tests/recipe/test_docker.py",
        root=True,
        limit=15 * MINUTE,
        beside=ENGINES,
    ),
    Stage("demo", TEST, "python tests/tools/demo.py", root=True, limit=15 * MINUTE, beside=DEMO),
    Stage(
        "benchmark",
        ALL,
        "python tests/benchmark/benchmark.py --out .build/benchmark",
        root=True,
        limit=60 * MINUTE,
    ),
)
