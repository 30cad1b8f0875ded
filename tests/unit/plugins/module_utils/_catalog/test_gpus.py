# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every PCI id of the published lists falls into its architecture, with its kernel-module flavours."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import (
    ARCHITECTURES,
    OPEN,
    PROPRIETARY,
    architecture_named,
    architecture_of,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import nvswitch_ids, pci_ids

FLAVOURS = {"required": (OPEN,), "supported": (OPEN, PROPRIETARY), "unsupported": (PROPRIETARY,)}


def test_every_id_has_its_architecture_and_flavours() -> None:
    rows = list(pci_ids())
    assert len(rows) > 300
    wrong = []
    for device, name, open_module in rows:
        found = architecture_of(device)
        if found is None or found.name != name or found.flavours != FLAVOURS[open_module]:
            wrong.append("%04x is %s, found %s" % (device, name, found))
    assert wrong == []


def test_every_architecture_of_the_lists_is_covered() -> None:
    assert {name for _device, name, _open in pci_ids()} == {each.name for each in ARCHITECTURES}


def test_ranges_do_not_overlap() -> None:
    ranges = sorted(each for architecture in ARCHITECTURES for each in architecture.ranges)
    for (_first, last), (following, _last) in zip(ranges, ranges[1:]):
        assert last < following


@pytest.mark.parametrize("device", [*nvswitch_ids(), 0x0000, 0xFFFF])
def test_other_devices_have_none(device: int) -> None:
    assert architecture_of(device) is None


@pytest.mark.parametrize("name", ["hopper", "Hopper", "HOPPER"])
def test_names_in_any_case(name: str) -> None:
    found = architecture_named(name)
    assert found is not None
    assert found.name == "Hopper"


def test_unknown_name() -> None:
    assert architecture_named("banana") is None
