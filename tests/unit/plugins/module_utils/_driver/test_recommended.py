# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""branch: recommended, by the archive's Modaliases, the PCI ids, and what is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import DriverState
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskRecords, Record, Records
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source
from ansible_collections.labfleet.gpu.tests.unit.support.archive import NVIDIA
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import BOARDS, KERNEL, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import refusal, settled
from ansible_collections.labfleet.gpu.tests.unit.support.rows import UBUNTU, both_namings, ubuntus_own

EVERY = "nvidia(%s)" % ", ".join("pci:v000010DEd%08Xsv*sd*bc03sc*i*" % device for device in BOARDS.values())
HOPPER = "nvidia(pci:v000010DEd%08Xsv*sd*bc03sc02i00*)" % BOARDS["Hopper"]


def record(name: str, version: str, aliases: str = EVERY, support: str = "PB", uri: str = NVIDIA) -> Record:
    fields: Dict[str, str] = {"modaliases": aliases} if aliases else {}
    return Record(name, version, uri, dict(fields, support=support))


def chosen(state: DriverState, records: Tuple[Record, ...], **wish: Any) -> Any:
    """The branch that is promised, or the refusal."""
    archive = both_namings(KERNEL)
    archive.fixed[AskRecords] = Records(records)
    found, _asked = settled(state, DriverWish(recommended=True, **wish), archive)
    return found.promised()["branch"] if found.steps else refusal(found)


NEWEST_FIRST = (
    record("nvidia-driver-570-open", "570.172.08-0ubuntu1"),
    record("nvidia-driver-580-open", "580.105.08-0ubuntu1"),
    record("nvidia-driver-open", "590.48.01-1ubuntu1"),
    record("nvidia-driver-open", "595.91.07-1ubuntu1"),
)


@pytest.mark.parametrize("offset, branch", [(0, 595), (1, 590), (3, 570)])
def test_the_newest_branch_minus_the_offset(offset: int, branch: int) -> None:
    assert chosen(ubuntu("Hopper"), NEWEST_FIRST, branch_offset=offset) == branch


def test_an_offset_beyond_the_oldest_lists_what_there_is() -> None:
    message = chosen(ubuntu("Hopper"), NEWEST_FIRST, branch_offset=4)
    assert "branches 595, 590, 580, 570" in message and "smaller branch_offset" in message


@pytest.mark.parametrize("support, branch", [("NFB", 590), ("Beta", 590), ("LTSB", 595), ("PB", 595)])
def test_long_lived_branches_come_first(support: str, branch: int) -> None:
    newest = record("nvidia-driver-open", "595.91.07-1ubuntu1", support=support)
    assert chosen(ubuntu("Hopper"), (*NEWEST_FIRST[:3], newest)) == branch


def test_an_alias_must_match_every_gpu() -> None:
    rows = (NEWEST_FIRST[1], record("nvidia-driver-open", "595.91.07-1ubuntu1", HOPPER))
    assert chosen(ubuntu("Hopper"), rows) == 595
    assert chosen(ubuntu("Hopper", "Ampere"), rows) == 580


def test_the_kernels_own_alias_of_a_gpu_is_what_counts() -> None:
    state = ubuntu("Hopper")
    special = "pci:v000010DEd00002330sv000010DEsd000016C1bc03sc02i00"
    gpu = replace(state.host.pci[0], modalias=special)
    state = replace(state, host=replace(state.host, pci=(gpu,)))
    only = "nvidia(pci:v000010DEd00002330sv000010DEsd000016C1bc03sc*i*)"
    rows = (NEWEST_FIRST[1], record("nvidia-driver-open", "595.91.07-1ubuntu1", only))
    assert chosen(state, rows) == 595
    assert chosen(ubuntu("Hopper"), rows) == 580, "another subsystem"


@pytest.mark.parametrize("architecture, branch", [("Volta", 580), ("Hopper", 595)])
def test_without_aliases_the_pci_id_decides(architecture: str, branch: int) -> None:
    rows = tuple(replace(row, fields={}) for row in NEWEST_FIRST)
    plain = tuple(replace(row, name=row.name.replace("-open", "")) for row in rows)
    assert chosen(ubuntu(architecture), (*rows, *plain)) == branch


def test_a_transitional_package_is_no_branch() -> None:
    rows = (
        record("nvidia-driver-535-server", "535.274.02-0ubuntu0.24.04.1", uri=UBUNTU),
        record("nvidia-driver-570-server", "580.95.05-0ubuntu0.24.04.1", uri=UBUNTU),
    )
    archive = ubuntus_own(KERNEL)
    archive.fixed[AskRecords] = Records(rows)
    sources = (Source(UBUNTU, "noble", ("main", "restricted", "multiverse"), None, "/etc/apt/sources.list"),)
    wish = DriverWish(recommended=True, source="ubuntu", server_series=True)
    found, asked = settled(ubuntu(sources=sources), wish, archive)
    assert found.promised()["branch"] == 535
    (question,) = [each for each in asked if isinstance(each, AskRecords)]
    assert "-server" in question.pattern


def test_an_installed_branch_that_drives_the_gpus_stays_and_nothing_is_asked() -> None:
    state = with_driver(ubuntu("Hopper"), "570.172.08")
    found = plan(state, DriverWish(recommended=True), {})
    assert (found.questions, found.steps, found.blockers) == ((), (), ())


def test_update_moves_to_the_recommended_branch() -> None:
    assert chosen(with_driver(ubuntu("Hopper"), "570.172.08"), NEWEST_FIRST, update=True) == 595


def test_an_installed_branch_that_cannot_drive_a_new_gpu_does_not_stay() -> None:
    assert chosen(with_driver(ubuntu("Blackwell"), "535.274.02"), NEWEST_FIRST) == 595


@pytest.mark.parametrize("rows", [(), (record("nvidia-driver-open", "595.91.07-1ubuntu1", HOPPER),)])
def test_a_source_without_a_driver_for_the_gpus(rows: List[Record]) -> None:
    message = chosen(ubuntu("Turing"), tuple(rows))
    assert "no driver for the GPUs" in message and "Turing" in message and "name a branch" in message


def test_another_sources_offers_do_not_count() -> None:
    elsewhere = record("nvidia-driver-595-open", "595.91.07-0ubuntu0.24.04.1", uri=UBUNTU)
    assert chosen(ubuntu("Hopper"), (NEWEST_FIRST[1], elsewhere)) == 580
