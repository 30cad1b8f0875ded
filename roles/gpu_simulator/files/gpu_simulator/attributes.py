# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a GPU: where each is kept and what it may hold (docs/design/nvml.md)."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional

from .boards import nearest
from .tree import SimulatorError

HARDWARE, DRIVER = "hardware", "driver"

NUMBER = r"0x[0-9a-fA-F]+|[0-9]+"
KINDS = {
    "text": r"[^\n]*",
    "number": NUMBER,
    "signed": r"-?[0-9]+",
    "switch": r"[01]",
    "numbers": r"(?:(?:{0})(?: (?:{0}))*)?".format(NUMBER),
    "lines": r"(?:(?:{0})(?:\n(?:{0}))*)?".format(NUMBER),
    "capability": r"[0-9]+\.[0-9]+",
    "uuid": r"(?:GPU-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "bus id": r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]",
    "ids": r"[0-9a-f]{4}:[0-9a-f]{4}",
    "class": r"[0-9a-f]{6}",
    "architecture": r"kepler|maxwell|pascal|volta|turing|ampere|ada|hopper|blackwell",
    "brand": r"quadro|tesla|nvs|grid|geforce|titan|nvidia|quadro_rtx|nvidia_rtx|geforce_rtx|titan_rtx",
    "mig order": r"lower|upper",
    "mig policy": r"board|ascending|descending|adversarial",
    "cpus": r"[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*",
    "bus ids": r"[0-9a-f:.]*(?: [0-9a-f:.]+)*",
}

_TABLE = """
hardware text    name serial board_part_number vbios_version inforom_image_version inforom_oem_version
hardware text    inforom_ecc_version inforom_power_version
hardware uuid    uuid
hardware architecture architecture
hardware brand   brand
hardware capability cuda_capability
hardware bus_id  pci_bus_id
hardware ids     pci_device_id pci_subsystem_id
hardware class   pci_class
hardware switch  multi_gpu_board
hardware number  board_id module_id cores memory_bus_width_bits memory_mib memory_reserved_mib bar1_mib
hardware number  power_limit_default_mw power_limit_min_mw power_limit_max_mw
hardware signed  temperature_shutdown_c temperature_slowdown_c temperature_gpu_max_c temperature_memory_max_c
hardware signed  temperature_shutdown_tlimit_c temperature_slowdown_tlimit_c
hardware signed  temperature_gpu_max_tlimit_c temperature_memory_max_tlimit_c
hardware number  clock_graphics_boost_max_mhz event_types_supported accounting_buffer_size inforom_checksum
hardware number  pdi encoder_capacity_percent utilization_period_us
hardware numbers performance_states ecc_aggregate_sram_sources
hardware number  ecc_aggregate_sram_parity
hardware switch  ecc_sram_threshold_exceeded repair_channel_pending repair_tpc_pending repair_impossible
hardware number  fan_count clock_graphics_max_mhz clock_sm_max_mhz clock_memory_max_mhz clock_video_max_mhz
hardware number  clock_graphics_app_default_mhz clock_memory_app_default_mhz clocks_event_reasons_supported
hardware numbers clock_memory_supported_mhz clock_graphics_supported_mhz
hardware switch  ecc_mode_current ecc_mode_pending ecc_mode_default mig_mode_current mig_mode_pending
hardware switch  ecc_needs_reboot
hardware lines   retired_pages_single_bit retired_pages_double_bit
hardware switch  retired_pages_pending remapped_pending remapped_failure
hardware number  remapped_correctable remapped_uncorrectable mig_device_max
hardware number  remapped_correctable_inactive remapped_uncorrectable_inactive
hardware mig_order mig_id_order
hardware mig_policy mig_placement_policy
hardware number  mig_reset_status
hardware switch  mig_device_files
hardware numbers remapped_histogram
hardware number  pcie_gen_max pcie_gen_device_max pcie_width_max
hardware number  nvlink_version nvlink_count nvlink_speed_mbps nvlink_remote_type
hardware bus_ids nvlink_remote_pci_bus_ids
driver   text    gsp_firmware_version
driver   number  minor_number memory_used_mib bar1_used_mib power_limit_mw power_mw energy_mj
driver   signed  temperature_c temperature_memory_c temperature_margin_c numa_node
driver   number  fan_speed_percent utilization_gpu utilization_memory utilization_encoder utilization_decoder
driver   number  utilization_jpeg utilization_ofa
driver   number  clock_graphics_mhz clock_sm_mhz clock_memory_mhz clock_video_mhz
driver   number  clock_graphics_app_mhz clock_memory_app_mhz clocks_event_reasons performance_state
driver   number  compute_mode
driver   numbers clocks_locked_gpu_mhz clocks_locked_memory_mhz
driver   switch  persistence_mode accounting_mode display_mode display_active
driver   number  virtualization_mode recovery_action addressing_mode power_source power_memory_mw
driver   number  cc_protected_mib memory_numa_node ecc_volatile_sram_parity
driver   switch  c2c_enabled
driver   number  violation_power_ns violation_thermal_ns violation_sync_boost_ns violation_board_limit_ns
driver   number  violation_low_utilization_ns violation_reliability_ns violation_app_clocks_ns
driver   number  violation_base_clocks_ns
driver   number  clocks_event_sw_thermal_ns clocks_event_hw_thermal_ns clocks_event_hw_power_brake_ns
driver   number  pcie_replay_rollovers pcie_recoveries pcie_correctable_errors pcie_naks_received
driver   number  pcie_naks_sent pcie_receiver_errors pcie_bad_tlps pcie_bad_dllps pcie_non_fatal_errors
driver   number  pcie_fatal_errors pcie_unsupported_requests pcie_lcrc_errors pcie_lane_errors
driver   number  pcie_tx_bytes pcie_rx_bytes
driver   number  pcie_gen pcie_width pcie_replays pcie_tx_kbps pcie_rx_kbps
driver   number  nvlink_active_mask fabric_state fabric_status fabric_clique_id fabric_health_mask
driver   numbers nvlink_replay_errors nvlink_recovery_errors nvlink_crc_flit_errors nvlink_crc_data_errors
driver   uuid    fabric_cluster_uuid
driver   cpus    cpu_affinity
"""

_ECC_PLACES = (
    "dram",
    "sram",
    "l1_cache",
    "l2_cache",
    "register_file",
    "texture_memory",
    "texture_shm",
    "cbu",
)

# Fixed by the slot and the board; the next boot would undo a change.
FIXED = ("uuid", "pci_bus_id", "pci_device_id", "pci_subsystem_id", "pci_class")


class Attribute(NamedTuple):
    """One attribute file.

    :ivar home: ``hardware`` (survives a reboot) or ``driver`` (ends with it)
    :ivar kind: a key of KINDS
    """

    name: str
    home: str
    kind: str


def _known() -> Dict[str, Attribute]:
    found: List[Attribute] = []
    for line in _TABLE.strip().splitlines():
        home, kind, *names = line.split()
        found += [Attribute(name, home, kind.replace("_", " ")) for name in names]
    for kind in ("corrected", "uncorrected"):
        for place in _ECC_PLACES:
            found.append(Attribute("ecc_aggregate_{0}_{1}".format(kind, place), HARDWARE, "number"))
            found.append(Attribute("ecc_volatile_{0}_{1}".format(kind, place), DRIVER, "number"))
    return {attribute.name: attribute for attribute in found}


KNOWN = _known()


def named(name: str) -> Attribute:
    """The attribute of that name.

    :raises SimulatorError: no such attribute; the text names the nearest
    """
    if name not in KNOWN:
        raise SimulatorError(
            "There is no attribute '{0}'{1}; docs/design/nvml.md lists them.".format(
                name, nearest(name, list(KNOWN))
            )
        )
    return KNOWN[name]


def problem(attribute: Attribute, value: str) -> Optional[str]:
    """Why a value cannot be that attribute's, in words; None if it can."""
    if re.fullmatch(KINDS[attribute.kind], value):
        return None
    return "'{0}' is no value for '{1}', which takes a {2}".format(value, attribute.name, attribute.kind)
