# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of --query-gpu, in the order of --help-query-gpu.

Names, order, units and values: --help-query-gpu of 535.129.03 (public transcript), and that and one row of
all fields of 590.48.01 (H100), 595.80 (L40S) and 610.57.04 (RTX 2080 SUPER), github
utkuozdemir/nvidia_gpu_exporter, internal/captures. A field that 535 does not list is here since 580, whose
log has the same values; what an H100 with 580.159.04 (asked 2026-11-22) lists and 590.48.01 does not has the
release of R580 from which it is there. Of power_smoothing.*, module.*, edpp_multiplier, hostname and most of
platform.* nothing is known but the name and N/A. Left out: gpu.base.* and bbx.*.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Tuple

from . import layouts, nvml, values
from . import readings as r
from .gpu import COMPUTE_MODES, Gpu
from .nvml import NvmlError

NEVER = 10**6


class Field(NamedTuple):
    """One property.

    :param ask: None: it is listed, and no value is known
    :param since: the first driver branch that has it
    :param until: the first that has it no more
    :param deprecated: the first that answers "deprecated"
    :param bare: N/A and no brackets, as captures have it
    :param r580: the first release of R580 that has it, where R580 has it and a branch after it does not
    """

    names: str
    ask: Optional[r.Ask]
    unit: str = ""
    since: int = 0
    until: int = NEVER
    deprecated: int = NEVER
    bare: bool = False
    r580: float = NEVER

    @property
    def name(self) -> str:
        """The first name, which is the column's."""
        return self.names.split(" ")[0]


_ECC = tuple(
    Field(
        "ecc.errors.{0}.{1}.{2}".format(kind, counter, place),
        r.all_errors(number, scope) if location is None else r.errors(number, scope, location),
    )
    for number, kind in enumerate(("corrected", "uncorrected"))
    for scope, counter in enumerate(("volatile", "aggregate"))
    for place, location in (
        *(("device_memory", r.DRAM), ("dram", r.DRAM), ("register_file", r.REGISTERS), ("l1_cache", r.L1)),
        *(("l2_cache", r.L2), ("texture_memory", r.TEXTURE), ("cbu", r.CBU), ("sram", r.SRAM)),
        ("total", None),
    )
)
_SRAM = "ecc.errors.uncorrected.aggregate.sram.{0}"
_REASONS = (
    ("gpu_idle", 0x1),
    ("applications_clocks_setting", 0x2),
    ("sw_power_cap", 0x4),
    ("hw_slowdown", 0x8),
    ("hw_thermal_slowdown", 0x40),
    ("hw_power_brake_slowdown", 0x80),
    ("sw_thermal_slowdown", 0x20),
    ("sync_boost", 0x10),
)
_EVENT = "clocks_event_reasons.{0} clocks_throttle_reasons.{0}"
# NVML_FI_DEV_CLOCKS_EVENT_REASON_*
_COUNTERS = (
    ("sw_power_cap", 74),
    ("sync_boost", 76),
    ("sw_thermal_slowdown", 269),
    ("hw_thermal_slowdown", 270),
    ("hw_power_brake_slowdown", 271),
)
_MODULE = (
    "power.draw.average",
    "power.draw.instant",
    "power.limit module.power.requested_limit",
    "enforced.power.limit module.power.current_limit",
    "power.default_limit",
    "power.min_limit",
    "power.max_limit",
)
_FLOOR = (
    ("secondary_power_floor", "W"),
    ("primary_floor_act_window_multiplier", ""),
    ("primary_floor_tar_window_multiplier", ""),
    ("primary_floor_act_offset", "W"),
)
_SMOOTHING = (
    ("delayed_power_smoothing_supported", ""),
    ("primary_power_floor", "W"),
    ("secondary_power_floor", "W"),
    ("min_primary_floor_activation_offset", "W"),
    ("min_primary_floor_activation_point", "W"),
    ("window_multiplier", "ms"),
    *(("curr_profile." + name, unit) for name, unit in _FLOOR),
    *(("admin_override." + name, unit) for name, unit in _FLOOR),
)
RECOVERY = {0: "None", 1: "Reset", 2: "Reboot", 3: "Drain P2P", 4: "Drain and Reset"}
ADDRESSING = {0: "None", 1: "HMM", 2: "ATS"}

FIELDS: Tuple[Field, ...] = (
    Field("timestamp", lambda _gpu: values.stamp()),
    Field("driver_version", lambda gpu: gpu.library.text("nvmlSystemGetDriverVersion")),
    Field("kmd_version", lambda gpu: gpu.library.text("nvmlSystemGetDriverVersion"), since=595),
    Field("vgpu_driver_capability.heterogenous_multivGPU", None),
    Field("count", lambda gpu: gpu.library.number("nvmlDeviceGetCount_v2")),
    Field("name gpu_name", r.text("nvmlDeviceGetName")),
    Field("serial gpu_serial", r.text("nvmlDeviceGetSerial")),
    Field("uuid gpu_uuid", r.text("nvmlDeviceGetUUID")),
    Field("pci.bus_id gpu_bus_id", lambda gpu: gpu.bus_id),
    Field("pci.domain", r.in_hex(r.pci("domain"), 4)),
    Field("pci.bus", r.in_hex(r.pci("bus"), 2)),
    Field("pci.device", r.in_hex(r.pci("device"), 2)),
    Field("pci.baseClass", r.in_hex(r.pci_class("base"), 1), since=580),
    Field("pci.subClass", r.in_hex(r.pci_class("sub"), 1), since=580),
    Field("pci.device_id", r.in_hex(r.pci("device_id"), 8)),
    Field("pci.sub_device_id", r.in_hex(r.pci("subsystem_id"), 8)),
    Field("vgpu_device_capability.fractional_multiVgpu", None),
    Field("vgpu_device_capability.heterogeneous_timeSlice_profile", None),
    Field("vgpu_device_capability.heterogeneous_timeSlice_sizes", None),
    Field("vgpu_device_capability.homogeneous_placements", None, since=580),
    Field("vgpu_device_capability.mig_timeSlicing", None, since=580),
    Field("vgpu_device_capability.mig_timeSlicing_mode", None, since=580),
    Field("pcie.link.gen.current", r.uint("nvmlDeviceGetCurrPcieLinkGeneration")),
    Field("pcie.link.gen.gpucurrent", r.uint("nvmlDeviceGetCurrPcieLinkGeneration")),
    Field("pcie.link.gen.max", r.uint("nvmlDeviceGetMaxPcieLinkGeneration")),
    Field("pcie.link.gen.gpumax", r.uint("nvmlDeviceGetGpuMaxPcieLinkGeneration")),
    Field("pcie.link.gen.hostmax", None),
    Field("pcie.link.width.current", r.uint("nvmlDeviceGetCurrPcieLinkWidth")),
    Field("pcie.link.width.max", r.uint("nvmlDeviceGetMaxPcieLinkWidth")),
    Field("index", lambda gpu: gpu.index),
    Field("display_mode", r.either(r.uint("nvmlDeviceGetDisplayMode")), deprecated=580),
    Field("display_attached", r.either(r.uint("nvmlDeviceGetDisplayMode"), "Yes", "No"), since=580),
    Field("display_active", r.either(r.uint("nvmlDeviceGetDisplayActive"))),
    Field("persistence_mode", r.either(r.uint("nvmlDeviceGetPersistenceMode"))),
    Field("addressing_mode", r.named(r.addressing, ADDRESSING)),
    Field("accounting.mode", r.either(r.uint("nvmlDeviceGetAccountingMode"))),
    Field("accounting.buffer_size", r.uint("nvmlDeviceGetAccountingBufferSize")),
    Field("driver_model.current", None),
    Field("driver_model.pending", None),
    Field("vbios_version", r.text("nvmlDeviceGetVbiosVersion")),
    Field("inforom.img inforom.image", r.text("nvmlDeviceGetInforomImageVersion")),
    Field("inforom.oem", r.inforom(0)),
    Field("inforom.ecc", r.inforom(1)),
    Field("inforom.pwr inforom.power", r.inforom(2)),
    Field("inforom.checksum_validation", r.inforom_sound, since=580),
    Field("reset_status.reset_required", r.recovery(1, 4), until=580),
    Field("reset_status.drain_and_reset_recommended", r.recovery(4), until=580),
    Field("gpu_recovery_action", r.named(r.field(230), RECOVERY), since=580),
    Field("gom.current gpu_operation_mode.current", None),
    Field("gom.pending gpu_operation_mode.pending", None),
    Field("fan.speed", r.uint("nvmlDeviceGetFanSpeed"), "%"),
    Field("pstate", r.performance),
    Field(_EVENT.format("supported"), r.in_hex(lambda gpu: r.reasons(gpu, supported=True), 16)),
    Field(_EVENT.format("active"), r.in_hex(r.reasons, 16)),
    *(Field(_EVENT.format(name), r.reason(bit)) for name, bit in _REASONS),
    *(
        Field("clocks_event_reasons_counters." + name, r.microseconds(number), "us", since=580)
        for name, number in _COUNTERS
    ),
    *(Field("memory." + name, r.framebuffer(name), "MiB") for name in ("total", "reserved", "used", "free")),
    Field("compute_mode", r.named(r.uint("nvmlDeviceGetComputeMode"), COMPUTE_MODES)),
    Field("compute_cap", r.capability),
    Field("utilization.gpu", r.load("gpu"), "%"),
    Field("utilization.memory", r.load("memory"), "%"),
    Field("utilization.encoder", r.utilization("Encoder"), "%"),
    Field("utilization.decoder", r.utilization("Decoder"), "%"),
    Field("utilization.jpeg", r.utilization("Jpg"), "%"),
    Field("utilization.ofa", r.utilization("Ofa"), "%"),
    Field("encoder.stats.sessionCount", r.encoder(0)),
    Field("encoder.stats.averageFps", r.encoder(1)),
    Field("encoder.stats.averageLatency", r.encoder(2)),
    Field("dramEncryption.mode.current", None, since=580),
    Field("dramEncryption.mode.pending", None, since=580),
    Field("ecc.mode.current", r.either(r.now("nvmlDeviceGetEccMode"))),
    Field("ecc.mode.pending", r.either(r.pending("nvmlDeviceGetEccMode"))),
    *_ECC,
    *(
        Field(
            "ecc.errors.uncorrected.{0}.sram.{1}".format(counter, kind),
            r.sram(counter + "_" + kind),
            since=580,
        )
        for counter in ("volatile", "aggregate")
        for kind in ("parity", "secded")
    ),
    Field(_SRAM.format("thresholdExceeded"), r.either(r.sram("exceeded"), "Yes", "No"), since=580),
    *(Field(_SRAM.format(name), r.sram(name), since=580) for name in ("l2", "sm", "mcu", "pcie", "other")),
    Field("retired_pages.single_bit_ecc.count retired_pages.sbe", r.retired(0)),
    Field("retired_pages.double_bit.count retired_pages.dbe", r.retired(1)),
    Field("retired_pages.pending", r.either(r.uint("nvmlDeviceGetRetiredPagesPendingStatus"), "Yes", "No")),
    Field("remapped_rows.correctable remapped_rows.sbe", r.remapped(0), since=580),
    Field("remapped_rows.correctable_inactive", r.field(301), since=595, r580=580.159),
    Field("remapped_rows.uncorrectable remapped_rows.dbe", r.remapped(1), since=580),
    Field("remapped_rows.uncorrectable_inactive", r.field(302), since=595, r580=580.159),
    Field("remapped_rows.pending", r.either(r.remapped(2), "Yes", "No"), since=580),
    Field("remapped_rows.failure", r.either(r.remapped(3), "Yes", "No"), since=580),
    *(
        Field("remapped_rows.histogram." + name, r.histogram(name), since=580)
        for name in ("max", "high", "partial", "low", "none")
    ),
    Field("temperature.gpu", r.uint("nvmlDeviceGetTemperature", 0)),
    Field("temperature.gpu.tlimit", r.margin),
    Field("temperature.memory", r.field(82), bare=True),
    Field("power.management", r.either(r.uint("nvmlDeviceGetPowerManagementMode")), deprecated=590),
    Field("power.draw", r.watts(r.uint("nvmlDeviceGetPowerUsage")), "W"),
    Field("power.draw.average gpu.power.draw.average", r.watts(r.field(185)), "W"),
    Field("power.draw.instant gpu.power.draw.instant", r.watts(r.field(186)), "W"),
    Field("power.limit gpu.power.requested_limit", r.watts(r.uint("nvmlDeviceGetPowerManagementLimit")), "W"),
    Field(
        "enforced.power.limit gpu.power.current_limit",
        r.watts(r.uint("nvmlDeviceGetEnforcedPowerLimit")),
        "W",
    ),
    Field(
        "power.default_limit gpu.power.default_limit",
        r.watts(r.uint("nvmlDeviceGetPowerManagementDefaultLimit")),
        "W",
    ),
    Field("power.min_limit gpu.power.min_limit", r.watts(r.power_limit(0)), "W"),
    Field("power.max_limit gpu.power.max_limit", r.watts(r.power_limit(1)), "W"),
    *(Field("module." + name, None, "W", since=580) for name in _MODULE),
    *(Field("power_smoothing." + name, None, unit, since=580, until=595) for name, unit in _SMOOTHING),
    Field("edpp_multiplier", None, "%", since=590, until=595),
    Field("clocks.current.graphics clocks.gr", r.uint("nvmlDeviceGetClockInfo", r.GRAPHICS), "MHz"),
    Field("clocks.current.sm clocks.sm", r.uint("nvmlDeviceGetClockInfo", r.SM), "MHz"),
    Field("clocks.current.memory clocks.mem", r.uint("nvmlDeviceGetClockInfo", r.MEMORY), "MHz"),
    Field("clocks.current.video clocks.video", r.uint("nvmlDeviceGetClockInfo", r.VIDEO), "MHz"),
    *(
        Field(
            "clocks.{0}.{1} clocks.{0}.{2}".format(kind, *names), r.uint(call, clock), "MHz", deprecated=590
        )
        for kind, call in (
            ("applications", "nvmlDeviceGetApplicationsClock"),
            ("default_applications", "nvmlDeviceGetDefaultApplicationsClock"),
        )
        for names, clock in ((("graphics", "gr"), r.GRAPHICS), (("memory", "mem"), r.MEMORY))
    ),
    Field("clocks.max.graphics clocks.max.gr", r.uint("nvmlDeviceGetMaxClockInfo", r.GRAPHICS), "MHz"),
    Field("clocks.max.sm", r.uint("nvmlDeviceGetMaxClockInfo", r.SM), "MHz"),
    Field("clocks.max.memory clocks.max.mem", r.uint("nvmlDeviceGetMaxClockInfo", r.MEMORY), "MHz"),
    Field("mig.mode.current", r.either(r.now("nvmlDeviceGetMigMode"))),
    Field("mig.mode.pending", r.either(r.pending("nvmlDeviceGetMigMode"))),
    Field("gsp.mode.current", r.either(r.now("nvmlDeviceGetGspFirmwareMode"))),
    Field("gsp.mode.default", r.either(r.pending("nvmlDeviceGetGspFirmwareMode"))),
    Field("c2c.mode", r.either(r.c2c), since=580),
    *(Field("protected_memory." + name, r.protected(name), "MiB") for name in ("total", "used", "free")),
    Field("fabric.state", r.fabric_state, bare=True),
    Field("fabric.status", r.fabric_status, bare=True),
    Field("fabric.cliqueId", r.fabric_clique, since=580, bare=True),
    Field("fabric.clusterUuid", r.fabric_cluster, since=580, bare=True),
    Field("fabric.health.summary", r.unknown, since=580, bare=True),
    Field("fabric.health.bandwidth", r.health(0, "Degraded", "Full"), since=580, bare=True),
    Field("fabric.health.route_recovery_in_progress", r.health(2), since=580, bare=True),
    Field("fabric.health.route_unhealthy", r.health(4), since=580, bare=True),
    Field("fabric.health.access_timeout_recovery", r.health(6), since=580, bare=True),
    Field("fabric.health.incorrect_configuration", r.unknown, since=580, bare=True),
    Field("fabric.health.partition_assigned", r.health(12), since=595, bare=True, r580=580.159),
    Field("platform.chassis_serial_number", None, since=580),
    Field("platform.slot_number", None, since=580),
    Field("platform.tray_index", None, since=580),
    Field("platform.host_id", None, since=580),
    Field("platform.peer_type", None, since=580),
    Field("platform.module_id", r.uint("nvmlDeviceGetModuleId"), since=580),
    Field("platform.gpu_fabric_guid", None, since=580),
    Field("hostname", None, since=580),
)


def of(branch: float) -> Iterator[Field]:
    """The fields of a driver release."""
    return (field for field in FIELDS if layouts.has(branch, field.since, field.until, field.r580))


def value(field: Field, gpu: Gpu, branch: float, unit: bool = True) -> str:
    """The value as --query-gpu writes it: in brackets if there is none."""
    if branch >= field.deprecated:
        return "[{0}]".format(values.DEPRECATED)
    try:
        found = ask(field, gpu)
    except NvmlError as error:
        excuse = values.excuse(gpu.library, error)
        return excuse if field.bare else "[{0}]".format(excuse)
    return found if unit or not field.unit else found[: -len(field.unit) - 1]


def plain(field: Field, gpu: Gpu, branch: float) -> str:
    """The value as the log has it."""
    return values.DEPRECATED if branch >= field.deprecated else gpu.told(lambda one: ask(field, one))


def ask(field: Field, gpu: Gpu) -> str:
    """The value with its unit.

    :raises NvmlError: there is none
    """
    if field.ask is None:
        raise NvmlError(nvml.NOT_SUPPORTED)
    return "{0} {1}".format(field.ask(gpu), field.unit).rstrip()


BY_NAME = {name: field for field in FIELDS for name in field.names.split(" ")}
