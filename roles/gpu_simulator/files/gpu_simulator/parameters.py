# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of nvidia.ko: which a release knows, their defaults, and what /proc/driver/nvidia/params shows.

Names, defaults and order: NVIDIA/open-gpu-kernel-modules, kernel-open/nvidia/nv-reg.h (nv_parms) and
nv-procfs.c of 535.113.01, 550.54.15, 570.133.20, 580.95.05, 590.48.01 and 595.45.04. Where a branch between
two of those brought a change, the next one that was looked at counts.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

ALL_ONES = 2**32 - 1
FOREVER = 10**6


class Parameter(NamedTuple):
    """A numeric option that params shows.

    :ivar defaults: pairs of first branch and default, newest last
    :ivar until: first branch that no longer has it
    :ivar option: what NVreg_ is put before, where that is another name
    """

    name: str
    defaults: Tuple[Tuple[int, int], ...]
    until: int = FOREVER
    option: str = ""


def _always(name: str, default: int) -> Parameter:
    return Parameter(name, ((0, default),))


SHOWN = (
    _always("ResmanDebugLevel", ALL_ONES),
    _always("RmLogonRC", 1),
    _always("ModifyDeviceFiles", 1),
    _always("DeviceFileUID", 0),
    _always("DeviceFileGID", 0),
    _always("DeviceFileMode", 0o666),
    _always("InitializeSystemMemoryAllocations", 1),
    _always("UsePageAttributeTable", ALL_ONES),
    _always("EnableMSI", 1),
    _always("EnablePCIeGen3", 0),
    _always("MemoryPoolSize", 0),
    _always("KMallocHeapMaxSize", 0),
    _always("VMallocHeapMaxSize", 0),
    _always("IgnoreMMIOCheck", 0),
    Parameter("TCEBypassMode", ((0, 0),), until=570),
    _always("EnableStreamMemOPs", 0),
    _always("EnableUserNUMAManagement", 1),
    _always("NvLinkDisable", 0),
    Parameter("RmProfilingAdminOnly", ((0, 1),), option="RestrictProfilingToAdminUsers"),
    Parameter("PreserveVideoMemoryAllocations", ((0, 0), (595, 2))),
    Parameter("UseKernelSuspendNotifiers", ((595, 0),)),
    _always("EnableS0ixPowerManagement", 0),
    _always("S0ixPowerManagementVideoMemoryThreshold", 256),
    _always("DynamicPowerManagement", 3),
    _always("DynamicPowerManagementVideoMemoryThreshold", 200),
    Parameter("TegraGpuPgMask", ((590, 0), (595, ALL_ONES))),
    _always("RegisterPCIDriver", 1),
    _always("EnablePCIERelaxedOrderingMode", 0),
    _always("EnableResizableBar", 0),
    _always("EnableGpuFirmware", 18),
    _always("EnableGpuFirmwareLogs", 2),
    Parameter("RmNvlinkBandwidthLinkCount", ((570, 0),)),
    _always("EnableDbgBreakpoint", 0),
    Parameter("OpenRmEnableUnsupportedGpus", ((0, 0), (550, 1))),
    _always("DmaRemapPeerMmio", 1),
    Parameter("ImexChannelCount", ((550, 2048),)),
    Parameter("CreateImexChannel0", ((570, 0),)),
    Parameter("GrdmaPciTopoCheckOverride", ((570, 0),)),
    Parameter("EnableSystemMemoryPools", ((590, 0x211),)),
)
# Text options behind the numbers, and the branch they came with.
TEXTS = (
    ("CoherentGPUMemoryMode", 580),
    ("RegistryDwords", 0),
    ("RegistryDwordsPerDevice", 0),
    ("RmMsg", 0),
    ("GpuBlacklist", 0),
    ("TemporaryFilePath", 0),
    ("ExcludedGpus", 0),
)
# Known, but not shown.
HIDDEN_NUMBERS = (
    ("EnableNonblockingOpen", 550),
    ("RegisterPlatformDeviceDriver", 580),
    ("ExcludeAllGpus", 595),
    ("GpuInitOnProbe", 595),
)
HIDDEN_TEXTS = (("RmNvlinkBandwidth", 0),)


class BadValue(ValueError):
    """An option's value that the kernel cannot read as a number; the text is its log line."""


def effective(version: str, options: Dict[str, str]) -> Tuple[Dict[str, str], List[str]]:
    """What params shows when the module of this version is loaded with these options.

    :returns: parameter to text, in the file's order; kernel log lines
    :raises BadValue: the kernel would refuse to load the module
    """
    branch = int(version.split(".")[0])
    shown = {row.name: _default(row, branch) for row in SHOWN if row.defaults[0][0] <= branch < row.until}
    texts = {name: "" for name, first in TEXTS if first <= branch}
    names = {(row.option or row.name): row.name for row in SHOWN if row.name in shown}
    hidden_numbers = [name for name, first in HIDDEN_NUMBERS if first <= branch]
    hidden_texts = [name for name, first in HIDDEN_TEXTS if first <= branch]
    log = []
    for option, value in options.items():
        name = option[len("NVreg_") :] if option.startswith("NVreg_") else ""
        if name in names:
            shown[names[name]] = _number(option, value)
        elif name in hidden_numbers:
            _number(option, value)
        elif name in texts:
            texts[name] = value
        elif name not in hidden_texts:
            # kernel/module/main.c, unknown_module_param_cb()
            log.append("nvidia: unknown parameter '{0}' ignored".format(option))
    result = {name: str(value) for name, value in shown.items()}
    result.update({name: '"{0}"'.format(value) for name, value in texts.items()})
    return result, log


def _default(row: Parameter, branch: int) -> int:
    return [default for first, default in row.defaults if first <= branch][-1]


def _number(option: str, value: str) -> int:
    """The kernel's reading (kstrtouint with base 0): 0x is hexadecimal, a leading 0 octal, no sign."""
    digits = value[1:] if value.startswith("+") else value
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" else 10
    try:
        if not digits[:1].isdigit() or "_" in digits:
            raise ValueError(digits)
        number = int(digits, base)
    except ValueError:
        number = -1
    if not 0 <= number <= ALL_ONES:
        # kernel/params.c, parse_args()
        raise BadValue("nvidia: `{0}' invalid for parameter `{1}'".format(value, option))
    return number
