# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of nvidia.ko: what each release knows, and how the kernel reads their values."""

from __future__ import annotations

from typing import Dict

import pytest
from gpu_simulator import parameters


@pytest.mark.parametrize(
    "version, numbers, texts, some",
    [
        # Counted in nv_parms and nv-procfs.c of these releases of NVIDIA/open-gpu-kernel-modules.
        ("535.113.01", 32, 6, {"OpenRmEnableUnsupportedGpus": "0", "TCEBypassMode": "0"}),
        ("550.54.15", 33, 6, {"OpenRmEnableUnsupportedGpus": "1", "ImexChannelCount": "2048"}),
        ("570.133.20", 35, 6, {"CreateImexChannel0": "0", "EnableGpuFirmware": "18"}),
        ("580.95.05", 35, 7, {"CoherentGPUMemoryMode": '""', "ResmanDebugLevel": "4294967295"}),
        ("590.48.01", 37, 7, {"EnableSystemMemoryPools": "529", "TegraGpuPgMask": "0"}),
        ("595.45.04", 38, 7, {"PreserveVideoMemoryAllocations": "2", "TegraGpuPgMask": "4294967295"}),
    ],
)
def test_defaults_of_a_release(version: str, numbers: int, texts: int, some: Dict[str, str]) -> None:
    shown, log = parameters.effective(version, {})
    assert log == []
    assert (sum(value[0] != '"' for value in shown.values()), len(shown)) == (numbers, numbers + texts)
    assert {name: shown[name] for name in some} == some
    assert list(shown)[0] == "ResmanDebugLevel" and list(shown)[-1] == "ExcludedGpus"


@pytest.mark.parametrize(
    "option, value, name, shown",
    [
        ("NVreg_DeviceFileMode", "0660", "DeviceFileMode", "432"),
        ("NVreg_EnableGpuFirmware", "0x10", "EnableGpuFirmware", "16"),
        ("NVreg_RestrictProfilingToAdminUsers", "0", "RmProfilingAdminOnly", "0"),
        ("NVreg_RegistryDwords", "A=1;B=2", "RegistryDwords", '"A=1;B=2"'),
    ],
)
def test_options_show_under_their_name(option: str, value: str, name: str, shown: str) -> None:
    assert parameters.effective("580.95.05", {option: value})[0][name] == shown


@pytest.mark.parametrize(
    "version, option",
    [("580.95.05", "nosuch"), ("580.95.05", "NVreg_GpuInitOnProbe"), ("535.1.1", "NVreg_Nosuch")],
)
def test_unknown_options_are_ignored_with_a_line(version: str, option: str) -> None:
    shown, log = parameters.effective(version, {option: "1"})
    assert shown == parameters.effective(version, {})[0]
    assert log == ["nvidia: unknown parameter '{0}' ignored".format(option)]


def test_known_options_that_are_not_shown() -> None:
    options = {"NVreg_GpuInitOnProbe": "1", "NVreg_RmNvlinkBandwidth": "HALF"}
    assert parameters.effective("595.45.04", options)[1] == []


@pytest.mark.parametrize("value", ["", "yes", "-1", "0x", "09", "1_0", "4294967296"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(parameters.BadValue, match="invalid for parameter `NVreg_EnableMSI'"):
        parameters.effective("580.95.05", {"NVreg_EnableMSI": value})
