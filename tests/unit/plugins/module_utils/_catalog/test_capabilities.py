# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute capabilities against the published rows: of devices, of architectures, of toolkits."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog import capabilities, cuda
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import ARCHITECTURES
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.versions import at_least
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

RECORDED: Dict[str, Any] = json.loads(text("cuda.json"))


@pytest.mark.parametrize("capability, first, last", RECORDED["capabilities"])
def test_capabilities(capability: str, first: str, last: Optional[str]) -> None:
    assert capabilities.toolkits_of(capability) == (first, last or "")
    for name in cuda.minors():
        early, late = not at_least(name, first), bool(last) and not at_least(last or "", name)
        expected = capabilities.NOT_YET if early else capabilities.ENDED if late else capabilities.SUPPORTED
        assert capabilities.capability_fit(name, capability) == expected


@pytest.mark.parametrize("capability", sorted(RECORDED["devices"]))
def test_capabilities_of_devices(capability: str) -> None:
    for device in RECORDED["devices"][capability].split():
        assert capabilities.capability_of(int(device, 16)) == capability, device


@pytest.mark.parametrize(
    "version, capability, fit",
    [
        ("13.0", "7.0", capabilities.ENDED),
        ("12.9.1", "7.0", capabilities.SUPPORTED),
        ("12.6", "12.0", capabilities.NOT_YET),
        ("11.0.3", "8.6", capabilities.NOT_YET),
        ("11.8", "3.7", capabilities.SUPPORTED),
        ("12.0", "3.7", capabilities.ENDED),
        ("13.0", "13.9", capabilities.UNKNOWN),
    ],
)
def test_capability_fit(version: str, capability: str, fit: str) -> None:
    assert capabilities.capability_fit(version, capability) == fit


def test_capabilities_of_architectures() -> None:
    for architecture in ARCHITECTURES:
        of_it = capabilities.capabilities_named(architecture.name.upper())
        assert of_it and all(map(capabilities.toolkits_of, of_it))
        for first, last in architecture.ranges:
            assert {capabilities.capability_of(device) for device in range(first, last + 1)} <= set(of_it)
    assert capabilities.capabilities_named("Fermi") == () and capabilities.capability_of(0x0001) is None


def test_data_centre_boards() -> None:
    boards = {int(device, 16) for device in RECORDED["data_centre"].split()}
    assert {device for device in range(0x4000) if capabilities.is_data_centre(device)} == boards


@pytest.mark.parametrize(
    "device, capability, data_centre",
    [(0x20B2, "8.0", True), (0x2330, "9.0", True), (0x2684, "8.9", False), (0x2901, "10.0", True)],
)
def test_well_known_boards(device: int, capability: str, data_centre: bool) -> None:
    assert capabilities.capability_of(device) == capability
    assert capabilities.is_data_centre(device) is data_centre
