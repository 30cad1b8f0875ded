# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all scenarios: two Ubuntu nodes and a Debian one, reset before each scenario that uses them."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenario import BOARDS, KINDS, LAB_NUMBER, Fleet

UBUNTU, UBUNTU_OLD, DEBIAN = KINDS


def pytest_configure(config: pytest.Config) -> None:
    """The mark that side_by_side.py leaves out of `make test`."""
    config.addinivalue_line("markers", "in_full: another test shows its feature too; make test-all runs it")


@pytest.fixture(scope="session")
def turn() -> Iterator[None]:
    """The lab of this number is ours: a run of another checkout would take it away from under this one."""
    assert os.geteuid() == 0, "scenarios boot machines: run them as root"
    with open(f"/run/lock/labfleet-gpu-scenarios-{LAB_NUMBER}.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit(
                f"Other scenarios are running in lab {LAB_NUMBER}: wait for their end, or set "
                "LABFLEET_GPU_SCENARIO_LAB to the number of a lab that nobody uses.",
                returncode=2,
            )
        yield


@pytest.fixture(scope="session")
def fleet(turn: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The lab, up; whatever happens, it goes away at the end, unless LABFLEET_GPU_KEEP_LAB is set."""
    lab = Fleet(tmp_path_factory.mktemp("scenarios"))
    keep = bool(os.environ.get("LABFLEET_GPU_KEEP_LAB"))
    if not keep:
        lab.lab("down")
    boards = [",".join(each) for each in BOARDS.values()]
    lab.up("--nodes", str(len(KINDS)), "--kinds", ",".join(KINDS.values()), "--boards", *boards)
    yield lab
    if not keep:
        lab.lab("down")


@pytest.fixture
def ubuntu(fleet: Fleet) -> str:
    """A bare Ubuntu 24.04 node with eight A100 behind NVSwitches."""
    fleet.reset(UBUNTU)
    return UBUNTU


@pytest.fixture
def debian(fleet: Fleet) -> str:
    """A bare Debian 12 node."""
    fleet.reset(DEBIAN)
    return DEBIAN
