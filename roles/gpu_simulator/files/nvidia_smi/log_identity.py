# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a GPU, first part: from its name to its memory.

Elements, labels, order: nvidia-smi -q -x of an A100 (535.54.03), an RTX 3060 (570.124.04), an RTX 3080
(595.58.03) and an RTX 4000 (595.84), github influxdata/telegraf, plugins/inputs/nvidia_smi/testdata; of an
A100 (570.148.08), an H100 (580.105.08) and an L40S (595.91.07), github NVIDIA/k8s-test-infra,
tests/e2e/go/assertions/nvidiasmi/testdata/hardware. nvidia-smi -q of an A100 (535.129.03, public
transcript), of RTX A6000 (550.127.05) and H100 (565.57.01), github thamada/nvidia-smi; of an H100
(590.48.01), an L40S (595.80) and an RTX 2080 SUPER (610.57.04), github utkuozdemir/nvidia_gpu_exporter,
internal/captures; of an H100 (580.159.04, asked 2026-11-22). No log in XML of 610 is known: it is as that
of 595.
"""

from __future__ import annotations

from ctypes import c_uint
from typing import Tuple

from . import readings as r
from .gpu import Gpu
from .log_tree import Node, none, pair, renamed, same, several

BRANDS = {1: "Quadro", 2: "Tesla", 3: "NVS", 4: "Grid", 5: "GeForce", 6: "Titan", 12: "Quadro RTX"}
BRANDS.update({13: "NVIDIA RTX", 14: "NVIDIA", 15: "GeForce RTX", 16: "Titan RTX"})
ARCHITECTURES = {2: "Kepler", 3: "Maxwell", 4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere"}
ARCHITECTURES.update({8: "Ada Lovelace", 9: "Hopper", 10: "Blackwell"})
VIRTUALIZATION = {0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"}


def _hex(tag: str, label: str, ask: r.Ask, digits: int) -> Tuple[Node, Node]:
    """A number that text has with 0x and XML without."""
    prefixed = r.in_hex(ask, digits)
    return (Node(tag, "", lambda gpu: prefixed(gpu)[2:]), Node("", label, prefixed))


def _width(field: str) -> r.Ask:
    call = "nvmlDeviceGet{0}PcieLinkWidth".format(field)
    return lambda gpu: "{0}x".format(gpu.uint(call))


def _throughput(counter: int) -> r.Ask:
    return lambda gpu: "{0} KB/s".format(gpu.uint("nvmlDeviceGetPcieThroughput", c_uint(counter)))


def _bar1(name: str) -> r.Ask:
    return lambda gpu: "{0} MiB".format(r.bar1(name)(gpu))


def _board(gpu: Gpu) -> str:
    return "0x{0:x}".format(gpu.uint("nvmlDeviceGetBoardId"))


def _class(tag: str, label: str, name: str) -> Tuple[Node, Node]:
    ask = r.pci_class(name)
    return (
        Node(tag, "", lambda gpu: "{0:X}".format(ask(gpu)), since=550),
        Node("", label, r.in_hex(ask, 1), since=550),
    )


def _reason(tag: str, label: str, field: str) -> Tuple[str, str, str]:
    return ("clocks_event_reason_" + tag, label, "clocks_event_reasons." + field)


_HW_SLOWDOWN = _reason("hw_slowdown", "HW Slowdown", "hw_slowdown")
_HW_BELOW = (
    _reason("hw_thermal_slowdown", "HW Thermal Slowdown", "hw_thermal_slowdown"),
    _reason("hw_power_brake_slowdown", "HW Power Brake Slowdown", "hw_power_brake_slowdown"),
)
_ATOMIC = (
    ("atomic_caps_outbound", "Atomic Caps Outbound", none),
    ("atomic_caps_inbound", "Atomic Caps Inbound", none),
)
_PCI = (
    *_hex("pci_bus", "Bus", r.pci("bus"), 2),
    *_hex("pci_device", "Device", r.pci("device"), 2),
    *_hex("pci_domain", "Domain", r.pci("domain"), 4),
    *_class("pci_base_class", "Base Classcode", "base"),
    *_class("pci_sub_class", "Sub Classcode", "sub"),
    *_hex("pci_device_id", "Device Id", r.pci("device_id"), 8),
    Node("pci_bus_id", "Bus Id", "pci.bus_id"),
    *_hex("pci_sub_system_id", "Sub System Id", r.pci("subsystem_id"), 8),
    Node(
        "pci_gpu_link_info",
        "GPU Link Info",
        (
            Node(
                "pcie_gen",
                "PCIe Generation",
                several(
                    ("max_link_gen", "Max", "pcie.link.gen.max"),
                    ("current_link_gen", "Current", "pcie.link.gen.current"),
                    ("device_current_link_gen", "Device Current", "pcie.link.gen.gpucurrent"),
                    ("max_device_link_gen", "Device Max", "pcie.link.gen.gpumax"),
                    ("max_host_link_gen", "Host Max", "pcie.link.gen.hostmax"),
                ),
            ),
            Node(
                "link_widths",
                "Link Width",
                several(
                    ("max_link_width", "Max", _width("Max")),
                    ("current_link_width", "Current", _width("Curr")),
                ),
            ),
        ),
    ),
    Node(
        "pci_bridge_chip",
        "Bridge Chip",
        several(("bridge_chip_type", "Type", none), ("bridge_chip_fw", "Firmware", none)),
    ),
    *several(
        ("replay_counter", "Replays Since Reset", r.uint("nvmlDeviceGetPcieReplayCounter")),
        ("replay_rollover_counter", "Replay Number Rollovers", r.field(95)),
        ("tx_util", "Tx Throughput", _throughput(0)),
        ("rx_util", "Rx Throughput", _throughput(1)),
    ),
    *(Node(*row, since=565) for row in _ATOMIC),
    *(Node(*row, until=565) for row in reversed(_ATOMIC)),
)
_PLATFORM = (
    *renamed("chassis_serial_number", "RACK Serial Number", 580, "Chassis Serial Number", none),
    *renamed("slot_number", "Chassis Physical Slot Number", 580, "Slot Number", none),
    *renamed("tray_index", "Compute Slot Index", 580, "Tray Index", none),
    *renamed("host_id", "Node Index", 580, "Host ID", none),
    Node("peer_type", "Peer Type", none),
    Node("module_id", "Module Id", r.uint("nvmlDeviceGetModuleId")),
    Node("gpu_fabric_guid", "GPU Fabric GUID", none, since=570),
)

IDENTITY: Tuple[Node, ...] = (
    Node("product_name", "Product Name", "name"),
    Node("product_brand", "Product Brand", r.named(r.uint("nvmlDeviceGetBrand"), BRANDS)),
    Node(
        "product_architecture",
        "Product Architecture",
        r.named(r.uint("nvmlDeviceGetArchitecture"), ARCHITECTURES),
    ),
    Node("display_mode", "Display Mode", "display_mode"),
    Node("display_attached", "Display Attached", "display_attached", since=580),
    Node("display_active", "Display Active", "display_active"),
    Node("persistence_mode", "Persistence Mode", "persistence_mode"),
    Node("addressing_mode", "Addressing Mode", "addressing_mode"),
    Node("mig_mode", "MIG Mode", pair("mig", "mig.mode.current", "mig.mode.pending")),
    Node("mig_devices", "", same("")),
    Node("accounting_mode", "Accounting Mode", "accounting.mode", display=("ACCOUNTING",)),
    Node(
        *("accounting_mode_buffer_size", "Accounting Mode Buffer Size", "accounting.buffer_size"),
        display=("ACCOUNTING",),
    ),
    Node("driver_model", "Driver Model", pair("dm", none, none)),
    Node("serial", "Serial Number", "serial"),
    Node("uuid", "GPU UUID", "uuid"),
    Node("pdi", "GPU PDI", lambda gpu: "0x{0:x}".format(r.pdi(gpu)), since=580),
    Node("minor_number", "Minor Number", r.uint("nvmlDeviceGetMinorNumber")),
    Node("vbios_version", "VBIOS Version", "vbios_version"),
    Node("multigpu_board", "MultiGPU Board", r.either(r.uint("nvmlDeviceGetMultiGpuBoard"), "Yes", "No")),
    Node("board_id", "Board ID", _board),
    Node("board_part_number", "Board Part Number", r.text("nvmlDeviceGetBoardPartNumber")),
    Node("gpu_part_number", "GPU Part Number", none),
    Node("gpu_fru_part_number", "FRU Part Number", none),
    Node("gpu_module_id", "Module ID", r.uint("nvmlDeviceGetModuleId"), until=565),
    Node("platformInfo", "Platform Info", _PLATFORM, since=565),
    Node(
        "inforom_version",
        "Inforom Version",
        several(
            ("img_version", "Image Version", "inforom.img"),
            ("oem_object", "OEM Object", "inforom.oem"),
            ("ecc_object", "ECC Object", "inforom.ecc"),
            ("pwr_object", "Power Management Object", "inforom.pwr"),
        ),
    ),
    Node(
        "inforom_bbx_flush",
        "Inforom BBX Object Flush",
        several(
            ("latest_timestamp", "Latest Timestamp", none),
            ("latest_duration", "Latest Duration", none),
        ),
        since=535,
    ),
    Node("", "Inforom Time Data", several(("", "Time Run", none)), since=610),
    Node("gpu_operation_mode", "GPU Operation Mode", pair("gom", none, none)),
    Node(
        "gsp_firmware_version",
        "GSP Firmware Version",
        r.text("nvmlDeviceGetGspFirmwareVersion"),
        until=550,
        display=("GSP_FIRMWARE_VERSION",),
    ),
    Node("c2c_mode", "GPU C2C Mode", "c2c.mode", since=550),
    Node(
        "gpu_virtualization_mode",
        "GPU Virtualization Mode",
        (
            Node(
                "virtualization_mode",
                "Virtualization Mode",
                r.named(r.uint("nvmlDeviceGetVirtualizationMode"), VIRTUALIZATION),
            ),
            Node("host_vgpu_mode", "Host VGPU Mode", none),
            Node("vgpu_heterogeneous_mode", "vGPU Heterogeneous Mode", none, since=550),
        ),
    ),
    Node(
        "gpu_reset_status",
        "GPU Reset Status",
        several(
            ("reset_required", "Reset Required", "reset_status.reset_required"),
            (
                "drain_and_reset_recommended",
                "Drain and Reset Recommended",
                "reset_status.drain_and_reset_recommended",
            ),
        ),
        until=580,
    ),
    Node("gpu_recovery_action", "GPU Recovery Action", "gpu_recovery_action", since=565),
    Node(
        "gsp_firmware_version",
        "GSP Firmware Version",
        r.text("nvmlDeviceGetGspFirmwareVersion"),
        since=550,
        display=("GSP_FIRMWARE_VERSION",),
    ),
    Node("ibmnpu", "IBMNPU", several(("relaxed_ordering_mode", "Relaxed Ordering Mode", none))),
    Node("pci", "PCI", _PCI),
    Node("fan_speed", "Fan Speed", "fan.speed"),
    Node("performance_state", "Performance State", "pstate", display=("PERFORMANCE",)),
    Node(
        "clocks_event_reasons",
        "Clocks Event Reasons",
        (
            *several(
                _reason("gpu_idle", "Idle", "gpu_idle"),
                _reason(
                    "applications_clocks_setting",
                    "Applications Clocks Setting",
                    "applications_clocks_setting",
                ),
                _reason("sw_power_cap", "SW Power Cap", "sw_power_cap"),
                _HW_SLOWDOWN,
            ),
            *(Node(tag, "    " + label, field) for tag, label, field in _HW_BELOW),
            *several(
                _reason("sync_boost", "Sync Boost", "sync_boost"),
                _reason("sw_thermal_slowdown", "SW Thermal Slowdown", "sw_thermal_slowdown"),
                ("clocks_event_reason_display_clocks_setting", "Display Clock Setting", r.reason(0x100)),
            ),
        ),
        display=("PERFORMANCE",),
    ),
    Node(
        "clocks_event_reasons_counters",
        "Clocks Event Reasons Counters",
        several(
            *(
                (
                    "clocks_event_reasons_counters_" + tag,
                    label,
                    "clocks_event_reasons_counters." + field,
                )
                for tag, label, field in (
                    ("sw_power_cap", "SW Power Capping", "sw_power_cap"),
                    ("sync_boost", "Sync Boost", "sync_boost"),
                    ("sw_therm_slowdown", "SW Thermal Slowdown", "sw_thermal_slowdown"),
                    ("hw_therm_slowdown", "HW Thermal Slowdown", "hw_thermal_slowdown"),
                    ("hw_power_brake", "HW Power Braking", "hw_power_brake_slowdown"),
                )
            )
        ),
        since=580,
        display=("PERFORMANCE",),
    ),
    Node("sparse_operation_mode", "Sparse Operation Mode", none, since=550, display=("PERFORMANCE",)),
    Node(
        "fb_memory_usage",
        "FB Memory Usage",
        several(
            *((name, name.capitalize(), "memory." + name) for name in ("total", "reserved", "used", "free"))
        ),
        display=("MEMORY",),
    ),
    Node(
        "bar1_memory_usage",
        "BAR1 Memory Usage",
        several(*((name, name.capitalize(), _bar1(name)) for name in ("total", "used", "free"))),
        display=("MEMORY",),
    ),
    Node(
        "cc_protected_memory_usage",
        "Conf Compute Protected Memory Usage",
        several(
            *((name, name.capitalize(), "protected_memory." + name) for name in ("total", "used", "free"))
        ),
        display=("MEMORY",),
    ),
)
