# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The boards that MIG layouts are known for, one row each with its source; mig.py says what a row means.

Memory and even names of profiles depend on the driver's release: what users write is matched with some
tolerance, and a node's own NVML always has the last word. Oldest drivers: MIG User Guide, deployment
considerations.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .mig import FOUR, FOUR_OF_TWELVE, SEVEN, SEVEN_HOPPER, Board, EngineCounts

_GUIDE = "NVIDIA MIG User Guide, supported profiles (R580 and later)"
_PARTED = "NVIDIA/mig-parted config-default.yaml"

_Engines = Tuple[Optional[EngineCounts], ...]


def _engines(*rows: str) -> _Engines:
    """Rows of copy, decoders, encoders, jpeg, ofa; "-" where nothing is recorded."""
    return tuple(None if row == "-" else EngineCounts(*map(int, row.split())) for row in rows)


_AMPERE = _engines(
    "1 0 0 0 0", "1 1 0 1 1", "1 1 0 0 0", "2 1 0 0 0", "3 2 0 0 0", "4 2 0 0 0", "7 5 0 1 1"
)  # fmt: skip
_A30 = _engines("1 1 0 0 0", "1 1 0 1 1", "2 2 0 0 0", "2 2 0 1 1", "4 4 0 1 1")
_HOPPER = _engines(
    "1 1 0 1 0", "1 1 0 1 1", "1 1 0 1 0", "2 2 0 2 0", "3 3 0 3 0", "4 4 0 4 0", "8 7 0 7 1"
)  # fmt: skip
# Captures and the guide disagree on B200; 3g, 4g and 7g were captured nowhere.
_B200 = _engines("2 1 0 1 0", "2 1 0 1 1", "2 1 0 1 0", "4 2 0 2 0", "-", "-", "-")
_RTX_PRO = _engines(
    "1 1 1 1 0", "1 1 1 1 1", "1 1 1 1 0", "1 4 4 4 1", "1 0 0 0 0",
    "2 2 2 2 0", "2 2 2 2 0", "2 4 4 4 1", "2 0 0 0 0", "4 4 4 4 1", "4 4 4 4 1",
)  # fmt: skip

_UNKNOWN: _Engines = (None,) * 7
_NOTHING: Tuple[Optional[int], ...] = (None,) * 7
_H100_SM = (16, 16, 26, 32, 60, 64, 132)
_H100_COMPUTE = (16, 32, 48, 64)

BOARDS = (
    Board(
        "a100-40gb", "A100-SXM4-40GB, A100-PCIE-40GB, A800-40GB",
        _GUIDE + "; " + _PARTED + " (PCI ids). Profile 20 since R470, 15 since R525, 4g with 3g since R510.",
        "ampere", (0x20B0, 0x20B1, 0x20F1, 0x20F6, 0x20BD), "450.80.02", 40960, SEVEN,
        (5, 5, 10, 10, 20, 20, 40), (4864, 4864, 9856, 9856, 19968, 19968, 40192),
        (14, 14, 14, 28, 42, 56, 98), (14, 28, 42, 56), None, _AMPERE,
    ),
    Board(
        "a100-80gb", "A100-SXM4-80GB, A100-PCIE-80GB, A800-80GB",
        _GUIDE + "; capture in NVIDIA/mig-parted#97. Profile 15 since R525.",
        "ampere", (0x20B2, 0x20B5, 0x20F3, 0x20F5), "450.80.02", 81920, SEVEN,
        (10, 10, 20, 20, 40, 40, 80), (9728, 9728, 19968, 19968, 40192, 40192, 80896),
        (14, 14, 14, 28, 42, 56, 98), (14, 28, 42, 56), None, _AMPERE,
    ),
    Board(
        "a30-24gb", "A30",
        "public capture on driver 535.183.01; " + _GUIDE + ". 2g+me since R525, 1g+me since R470.",
        "ampere", (0x20B7,), "460.73.01", 24576, FOUR,
        (6, 6, 12, 12, 24), (5952, 5952, 11968, 11968, 24000),
        (14, 14, 28, 28, 56), (None, None, None, None), None, _A30,
    ),
    Board(
        "h100-80gb-sxm", "H100 SXM5 80GB, H800",
        "public captures of -lgip and -lgipp; " + _GUIDE + "; go-nvml#146 (compute profile 7)",
        "hopper", (0x2330, 0x2324), "525.85.12", 81559, SEVEN_HOPPER,
        (10, 10, 20, 20, 40, 40, 80), (9984, 9984, 20096, 20096, 40448, 40448, 81152),
        _H100_SM, _H100_COMPUTE, 26, _HOPPER,
    ),
    Board(
        "h100-80gb-pcie", "H100 PCIe 80GB, H800 PCIe",
        "log in kubernetes-sigs/dra-driver-nvidia-gpu#1018; " + _GUIDE,
        "hopper", (0x2331, 0x2322), "525.85.12", 81559, SEVEN_HOPPER,
        (10, 10, 20, 20, 40, 40, 80), _NOTHING,
        (None, None, None, None, None, None, 114), (None, None, None, None), None, _HOPPER,
    ),
    Board(
        "h100-94gb-nvl", "H100 NVL 94GB, H100 SXM 94GB, H800 NVL",
        "public capture on driver 560.35.03; NVIDIA/gpu-operator#903; " + _GUIDE,
        "hopper", (0x2321, 0x233A, 0x2339), "525.85.12", 95830, SEVEN_HOPPER,
        (12, 12, 24, 24, 47, 47, 94), (11008, 11008, 22144, 22144, 47488, 47488, 95360),
        _H100_SM, _H100_COMPUTE, 26, _HOPPER,
    ),
    # mig-parted groups 20B6 with this board by its memory; that chip is of another architecture.
    Board(
        "h100-96gb-gh200", "H100 96GB, GH200 480GB (96GB HBM3)",
        "public capture on GH200; " + _GUIDE + "; " + _PARTED,
        "hopper", (0x233D, 0x2342), "525.85.12", 97871, SEVEN_HOPPER,
        (12, 12, 24, 24, 48, 48, 96), (11264, 11264, 23552, 23552, 47616, 47616, 95232),
        _H100_SM, _H100_COMPUTE, 26, _HOPPER, captured=False,
    ),
    Board(
        "h20-96gb", "H20 SXM 96GB",
        "NVIDIA AI Enterprise vGPU reference (profiles and counts); " + _PARTED + ". Ids, placements and"
        " engines are those of the family.",
        "hopper", (0x2329,), "535.161.07", None, SEVEN_HOPPER,
        (12, 12, 24, 24, 48, 48, 96), _NOTHING,
        (None, None, None, None, None, None, 78), (None, None, None, None), None, _HOPPER, captured=False,
    ),
    Board(
        "h200-141gb", "H200 SXM 141GB, H200 NVL",
        "capture in NVIDIA/mig-parted#120; " + _GUIDE + "; GoogleCloudPlatform/container-engine-accelerators",
        "hopper", (0x2335, 0x233B), "550.90.07", 143771, SEVEN_HOPPER,
        (18, 18, 35, 35, 71, 71, 141), (16384, 16384, 33024, 33024, 71168, 71168, 143104),
        _H100_SM, _H100_COMPUTE, 26, _HOPPER,
    ),
    Board(
        "gh200-144gb", "GH200 144G HBM3e",
        "captures in NVIDIA/mig-parted#139 and gpu-operator#1057; " + _PARTED,
        "hopper", (0x2348,), None, None, SEVEN_HOPPER,
        (18, 18, 36, 36, 72, 72, 144), (17920, 17920, 36096, 36096, None, None, None),
        _H100_SM, _H100_COMPUTE, 26, _HOPPER, captured=False,
    ),
    Board(
        "b200-180gb", "B200 180GB",
        "captures in NVIDIA/mig-parted#166 and #187, gpu-operator#1242 and #1351; " + _GUIDE,
        "blackwell", (0x2901,), "570.133.20", None, SEVEN,
        (23, 23, 45, 45, 90, 90, 180), (20992, 20992, 45312, 45312, None, None, None),
        (18, 18, 30, 36, None, None, None), (18, 36, 54, 72), None, _B200,
    ),
    Board(
        "gb200-186gb", "GB200",
        "captures in NVIDIA/gpu-operator#1303 (1g.24gb) and NVIDIA/mig-parted#227 (1g.23gb); " + _PARTED,
        "blackwell", (0x2941,), "570.133.20", None, SEVEN,
        (23, 23, 47, 47, 93, 93, 186), (22528, 22528, 46592, 46592, None, None, None),
        (18, 18, 32, 38, None, None, None), (18, 36, 54, 72), None, _B200, captured=False,
    ),
    Board(
        "b300-269gb", "B300",
        _PARTED + "; aws/sagemaker-hyperpod-cli#403. Ids and placements are those of the family.",
        "blackwell", (0x3182,), "580.82.07", None, SEVEN,
        (34, 34, 67, 67, 135, 135, 269), _NOTHING, _NOTHING, (None, None, None, None), None, _UNKNOWN,
        captured=False,
    ),
    Board(
        "gb300-278gb", "GB300",
        _PARTED + ". Ids and placements are those of the family; oldest driver: DGX Station GB300.",
        "blackwell", (0x31C2,), "595.58.03", None, SEVEN,
        (35, 35, 70, 70, 139, 139, 278), _NOTHING, _NOTHING, (None, None, None, None), None, _UNKNOWN,
        captured=False,
    ),
    Board(
        "rtx-pro-6000-96gb", "RTX PRO 6000 Blackwell Server, Workstation, Max-Q",
        "public capture of -lgip and -lgipp on a Server Edition; bigstack-oss/cubecos#312;"
        " GoogleCloudPlatform/container-engine-accelerators#563; " + _GUIDE,
        "blackwell", (0x2BB5, 0x2BB1, 0x2BB4), "575.51.03", 97887, FOUR_OF_TWELVE,
        (24, 24, 24, 24, 24, 48, 48, 48, 48, 96, 96), (24192,) * 5 + (48512,) * 4 + (97408,) * 2,
        (46,) * 5 + (94,) * 4 + (188,) * 2, (None, None, None, None), None, _RTX_PRO,
    ),
    *(
        Board(
            name, model, source, "blackwell", devices, driver,
            reason="neither its profile ids nor its placements are recorded",
        )
        for name, model, source, devices, driver in (
            ("rtx-pro-5000-48gb", "RTX PRO 5000 Blackwell 48GB", _GUIDE, (0x2BB3,), "575.57.08"),
            ("rtx-pro-4500-32gb", "RTX PRO 4500 Blackwell 32GB", _GUIDE, (), "575.64"),
            ("thor-igpu", "Jetson Thor (GB10B)", _GUIDE, (), "595"),
        )
    ),
    *(
        Board(name, model, "not in the list of supported GPUs of the " + _GUIDE, reason="it has no MIG")
        for name, model in (
            ("l4", "L4"), ("l40", "L40"), ("l40s", "L40S"), ("t4", "T4"), ("v100", "V100"), ("a10", "A10"),
            ("a40", "A40"), ("a2", "A2"), ("rtx-a6000", "RTX A6000"),
        )
    ),
)  # fmt: skip


def board_named(name: str) -> Optional[Board]:
    """The board of an id such as "a100-40gb"."""
    return next((board for board in BOARDS if board.id == name), None)


def board_of(device: int) -> Optional[Board]:
    """The board of a PCI device id."""
    return next((board for board in BOARDS if device in board.devices), None)
