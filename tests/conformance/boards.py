# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boards for the tests: hardware values and the driver's first state, each board with its source.

A value that its source does not give is left out, so that the board shows NOT_SUPPORTED there.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Board:
    """Attribute files by home: what survives a reboot, and what the driver keeps."""

    hardware: dict[str, object]
    driver: dict[str, object] = field(default_factory=dict)


def _zero_ecc(counter: str) -> dict[str, object]:
    return {
        f"ecc_{counter}_{kind}_{place}": 0
        for kind in ("corrected", "uncorrected")
        for place in ("dram", "sram")
    }


# nvidia-smi -q -x of an A100-SXM4-80GB with driver 535.54.03 (MIG mode here off):
# github influxdata/telegraf@b27263146617, plugins/inputs/nvidia_smi/testdata/a100-sxm4-v12.xml.
# Compute capability: developer.nvidia.com/cuda-gpus. Remapped rows and their histogram: the values
# of a new board in the same form as testdata/rtx-4000-sff-ada-v13.xml of the same repository.
A100 = Board(
    hardware={
        "name": "NVIDIA A100-SXM4-80GB",
        "uuid": "GPU-513536b6-7d19-9063-b049-1e69664bb298",
        "serial": "1650522003820",
        "board_part_number": "692-2G506-0212-002",
        "vbios_version": "92.00.36.00.02",
        "inforom_image_version": "G506.0212.00.01",
        "inforom_oem_version": "2.0",
        "inforom_ecc_version": "6.16",
        "architecture": "ampere",
        "brand": "nvidia",
        "cuda_capability": "8.0",
        "pci_bus_id": "0000:01:00.0",
        "pci_device_id": "10de:20b2",
        "pci_subsystem_id": "10de:147f",
        "pci_class": "030200",
        "board_id": "0x100",
        "multi_gpu_board": 0,
        "module_id": 4,
        "memory_mib": 81920,
        "memory_reserved_mib": 869,
        "bar1_mib": 131072,
        "power_limit_default_mw": 500000,
        "power_limit_min_mw": 100000,
        "power_limit_max_mw": 500000,
        "temperature_shutdown_c": 92,
        "temperature_slowdown_c": 89,
        "temperature_gpu_max_c": 85,
        "temperature_memory_max_c": 95,
        "clock_graphics_max_mhz": 1410,
        "clock_sm_max_mhz": 1410,
        "clock_memory_max_mhz": 1593,
        "clock_video_max_mhz": 1290,
        "clock_graphics_app_default_mhz": 1275,
        "clock_memory_app_default_mhz": 1593,
        "clock_memory_supported_mhz": 1593,
        "clock_graphics_supported_mhz": "1410 1395 1380 1365 1350",
        "pcie_gen_max": 4,
        "pcie_gen_device_max": 4,
        "pcie_width_max": 16,
        "ecc_mode_current": 1,
        "ecc_mode_pending": 1,
        "ecc_mode_default": 1,
        **_zero_ecc("aggregate"),
        "remapped_correctable": 0,
        "remapped_uncorrectable": 0,
        "remapped_pending": 0,
        "remapped_failure": 0,
        "remapped_histogram": "640 0 0 0 0",
        "mig_mode_current": 0,
        "mig_mode_pending": 0,
        "mig_device_max": 7,
    },
    driver={
        "minor_number": 0,
        "gsp_firmware_version": "535.54.03",
        "memory_used_mib": 50,
        "bar1_used_mib": 1,
        "power_limit_mw": 500000,
        "power_mw": 67030,
        "energy_mj": 123456789,
        "temperature_c": 27,
        "temperature_memory_c": 44,
        "utilization_gpu": 17,
        "utilization_memory": 3,
        "utilization_encoder": 0,
        "utilization_decoder": 5,
        "clock_graphics_mhz": 1275,
        "clock_sm_mhz": 1275,
        "clock_memory_mhz": 1593,
        "clock_video_mhz": 1275,
        "clock_graphics_app_mhz": 1275,
        "clock_memory_app_mhz": 1593,
        "clocks_event_reasons": "0x1",
        "clocks_event_reasons_supported": "0x1ff",
        "performance_state": 0,
        "persistence_mode": 0,
        "accounting_mode": 0,
        "compute_mode": 0,
        "display_mode": 1,
        "display_active": 0,
        "virtualization_mode": 0,
        **_zero_ecc("volatile"),
        "pcie_gen": 4,
        "pcie_width": 16,
        "pcie_replays": 0,
        "pcie_tx_kbps": 4000,
        "pcie_rx_kbps": 0,
        "numa_node": 1,
        "cpu_affinity": "0-3,66-67",
        "recovery_action": 0,
    },
)

# nvidia-smi -q -x of a Tesla T4 with driver 515.105.01: same repository, testdata/tesla-t4.xml.
T4 = Board(
    hardware={
        "name": "Tesla T4",
        "uuid": "GPU-d37e67a5-91dd-3774-a5cb-99096249601a",
        "serial": "1320000000001",
        "vbios_version": "90.04.84.00.06",
        "architecture": "turing",
        "brand": "nvidia",
        "cuda_capability": "7.5",
        "pci_bus_id": "0000:02:1e.0",
        "pci_device_id": "10de:1eb8",
        "pci_subsystem_id": "10de:12a2",
        "memory_mib": 15360,
        "memory_reserved_mib": 388,
        "power_limit_default_mw": 70000,
        "power_limit_min_mw": 60000,
        "power_limit_max_mw": 70000,
        "temperature_slowdown_c": 93,
        "clock_graphics_max_mhz": 1590,
        "ecc_mode_current": 1,
        "ecc_mode_pending": 1,
        **_zero_ecc("aggregate"),
        "retired_pages_single_bit": "",
        "retired_pages_double_bit": "",
        "retired_pages_pending": 0,
    },
    driver={
        "minor_number": 1,
        "memory_used_mib": 1032,
        "power_limit_mw": 70000,
        "power_mw": 26780,
        "temperature_c": 40,
        "utilization_gpu": 0,
        "utilization_memory": 0,
        "performance_state": 0,
        "persistence_mode": 0,
        "compute_mode": 0,
        "virtualization_mode": 1,
        "numa_node": 0,
        **_zero_ecc("volatile"),
    },
)

# nvidia-smi -q -x of an RTX 4000 SFF Ada with driver 595.84: same repository,
# testdata/rtx-4000-sff-ada-v13.xml. ECC is there and off; MIG is not there.
ADA = Board(
    hardware={
        "name": "NVIDIA RTX 4000 SFF Ada Generation",
        "uuid": "GPU-37037c3f-65c8-ec4d-24a9-420204ad8026",
        "architecture": "ada",
        "brand": "nvidia_rtx",
        "cuda_capability": "8.9",
        "pci_bus_id": "0000:06:00.0",
        "pci_device_id": "10de:27b0",
        "pci_subsystem_id": "10de:16fa",
        "pci_class": "030000",
        "memory_mib": 20475,
        "memory_reserved_mib": 460,
        "power_limit_min_mw": 30000,
        "power_limit_max_mw": 70000,
        "fan_count": 1,
        "ecc_mode_current": 0,
        "ecc_mode_pending": 0,
        **_zero_ecc("aggregate"),
    },
    driver={
        "minor_number": 2,
        "temperature_c": 38,
        "temperature_margin_c": 49,
        "fan_speed_percent": 30,
        "power_limit_mw": 70000,
        "power_mw": 8440,
        "utilization_gpu": 0,
        "utilization_memory": 37,
        "persistence_mode": 1,
        "compute_mode": 0,
        "numa_node": 1,
        **_zero_ecc("volatile"),
    },
)

# H100 SXM5 on an NVSwitch board. Name and ids: README of NVIDIA/open-gpu-kernel-modules 595.45.04;
# memory: NVIDIA MIG user guide; 18 links of NVLink 4: NVIDIA H100 data sheet and nvml.h.
H100 = Board(
    hardware={
        "name": "NVIDIA H100 80GB HBM3",
        "uuid": "GPU-1b2c3d4e-0000-4000-8000-0000000000a1",
        "architecture": "hopper",
        "brand": "nvidia",
        "cuda_capability": "9.0",
        "pci_bus_id": "0001:9b:00.0",
        "pci_device_id": "10de:2330",
        "pci_subsystem_id": "10de:16c1",
        "memory_mib": 81559,
        "mig_mode_current": 0,
        "mig_mode_pending": 0,
        "mig_device_max": 7,
        "nvlink_version": 6,
        "nvlink_count": 18,
        "nvlink_speed_mbps": 26562,
        "nvlink_remote_type": 2,
        "nvlink_capabilities": "0x2f",
        "nvlink_remote_pci_bus_ids": " ".join(f"0000:0{5 + link % 4}:00.0" for link in range(18)),
    },
    driver={
        "minor_number": 3,
        "temperature_c": 31,
        "nvlink_active_mask": "0x3fffe",
        "nvlink_replay_errors": " ".join(str(link) for link in range(18)),
        "nvlink_recovery_errors": " ".join("0" for _turn in range(18)),
        "nvlink_crc_flit_errors": " ".join(str(10 * link) for link in range(18)),
        "nvlink_crc_data_errors": " ".join("0" for _turn in range(18)),
        "fabric_state": 3,
        "fabric_status": 0,
        "fabric_clique_id": 7,
        "fabric_cluster_uuid": "00112233-4455-6677-8899-aabbccddeeff",
        "fabric_health_mask": "0xaa",
    },
)
