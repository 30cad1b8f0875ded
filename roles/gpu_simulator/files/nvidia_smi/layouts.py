# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables look like, by driver branch. A layout holds from the first branch in which it was captured.

Captures: A100-PCIE-40GB, 510.47.03; Tesla T4, 535.183.01; H100 80GB HBM3, 565.57.01 (github
thamada/nvidia-smi); A100-SXM4-40GB in MIG mode, 580.126.09; H100 in and out of MIG mode, 590.48.01, and
RTX 2080 SUPER, 610.57.04 (github utkuozdemir/nvidia_gpu_exporter, internal/captures). MIG devices of 510,
and the narrow lists of "mig" of 450: NVIDIA MIG User Guide.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Tuple


class Layout(NamedTuple):
    """Widths and texts of the summary table."""

    since: int
    banner: str
    divider: str  # what the line below the banner begins with
    gpu_head: Tuple[str, ...]
    gpu_rows: Tuple[str, ...]
    name_width: int
    memory: str  # how much is used of how much, and what stands there if that is not told
    no_memory: str
    mig_head: Tuple[str, ...]
    mig_rows: Tuple[str, ...]
    blank: str  # between the tables
    process_head: Tuple[str, ...]
    process_row: str
    process_width: int  # of the name

    @property
    def width(self) -> int:
        return len(self.process_head[0])


_WIDE_ROWS = (
    "|{index:>4}  {name:<27}    {persistence:<4}|   {bus:>16} {display:>3} |{ecc:>21} |",
    "|{fan:>4}  {heat:>4}    {state:<3}{draw:>15} / {limit:>5} |{memory}|{load:>8} {mode:>12} |",
    "|{none:41}|{none:24}|{mig:>21} |",
)
_WIDE_HEAD = (
    "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |",
    "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |",
    "|                                         |                        |               MIG M. |",
)
_WIDE_MIG = (
    "| GPU  GI  CI  MIG |{0:>33} |        Vol|        Shared         |",
    "|      ID  ID  Dev |{1:>33} | SM     Unc| CE ENC  DEC  OFA  JPG |",
    "|                  |                                  |        ECC|                       |",
)
_MIG_FIRST = (
    "|{gpu:>3}{gi:>5}{ci:>4}{device:>4}  |{memory}|{sms:>3}{ecc:>7} |{copy:>3}{encoder:>4}{decoder:>5}"
)
_MIG_FIRST += "{ofa:>5}{jpeg:>5} |"
_MIG_SECOND = "|                  |{bar1}|           |                       |"
_PROCESS = "|{gpu:>5}   {gi:<3}  {ci:<3}"


def _mig(memory: str, bar1: str) -> Tuple[str, ...]:
    return _MIG_FIRST.replace("{memory}", memory), _MIG_SECOND.replace("{bar1}", bar1)


_R510 = Layout(
    since=0,
    banner="| NVIDIA-SMI {smi:<13}Driver Version: {driver:<13}CUDA Version: {cuda:<8} |",
    divider="|",
    gpu_head=(
        "| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |",
        "| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |",
        "|                               |                      |               MIG M. |",
    ),
    gpu_rows=(
        "|{index:>4}  {name:<18}  {persistence:<5}| {bus:>16} {display:>3} |{ecc:>21} |",
        "|{fan:>4}  {heat:>4}    {state:<3}{draw:>6} / {limit:>4} |{memory}|{load:>8} {mode:>12} |",
        "|{none:31}|{none:22}|{mig:>21} |",
    ),
    name_width=18,
    memory="{used:>10} / {total:>8} ",
    no_memory="{0:>21} ".format("N/A"),
    mig_head=(
        "| GPU  GI  CI  MIG |         Memory-Usage |        Vol|         Shared        |",
        "|      ID  ID  Dev |           BAR1-Usage | SM     Unc| CE  ENC  DEC  OFA  JPG|",
        "|                  |                      |        ECC|                       |",
    ),
    mig_rows=_mig("{used:>10} / {total:>8} ", "{bar1_used:>10} / {bar1_total:>8} "),
    blank=" " * 77,
    process_head=(
        "|  GPU   GI   CI        PID   Type   Process name                  GPU Memory |",
        "|        ID   ID                                                   Usage      |",
    ),
    process_row=_PROCESS + "{pid:>10}{kind:>7}   {name:<28}{used:>12} |",
    process_width=28,
)
_R535 = _R510._replace(
    since=535,
    banner="| NVIDIA-SMI {smi:<23}Driver Version: {driver:<13}CUDA Version: {cuda:<8} |",
    gpu_head=(
        "| GPU  Name                 Persistence-M | Bus-Id        Disp.A | Volatile Uncorr. ECC |",
        "| Fan  Temp   Perf          Pwr:Usage/Cap |         Memory-Usage | GPU-Util  Compute M. |",
        "|                                         |                      |               MIG M. |",
    ),
    gpu_rows=(
        "|{index:>4}  {name:<27}    {persistence:<4}| {bus:>16} {display:>3} |{ecc:>21} |",
        "|{fan:>4}  {heat:>4}    {state:<3}{draw:>16} / {limit:>4} |{memory}|{load:>8} {mode:>12} |",
        "|{none:41}|{none:22}|{mig:>21} |",
    ),
    name_width=27,
    blank=" " * 87,
    process_head=(
        "|  GPU   GI   CI        PID   Type   Process name                            GPU Memory |",
        "|        ID   ID                                                             Usage      |",
    ),
    process_row=_PROCESS + "{pid:>10}{kind:>7}   {name:<38}{used:>12} |",
    process_width=38,
)
_R565 = Layout(
    since=550,
    banner="| NVIDIA-SMI {smi:<23}Driver Version: {driver:<15}CUDA Version: {cuda:<8} |",
    divider="|",
    gpu_head=_WIDE_HEAD,
    gpu_rows=_WIDE_ROWS,
    name_width=27,
    memory="{used:>11} / {total:>9} ",
    no_memory="{0:>21}   ".format("N/A"),
    mig_head=tuple(row.format("Memory-Usage", "BAR1-Usage") for row in _WIDE_MIG),
    mig_rows=_mig("{used:>20} / {total:>8}    ", "{bar1_used:>20} / {bar1_total:>8}  "),
    blank=" " * 89,
    process_head=(
        "|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |",
        "|        ID   ID                                                               Usage      |",
    ),
    process_row=_PROCESS + "{pid:>10}{kind:>7}   {name:<38}{used:>14} |",
    process_width=38,
)
_R580 = _R565._replace(
    since=580,
    divider="+",
    mig_head=tuple(row.format("Shared Memory-Usage", "Shared BAR1-Usage") for row in _WIDE_MIG),
    mig_rows=_mig("{used:>19} / {total:>8}    ", "{bar1_used:>19} / {bar1_total:>8}    "),
    blank="",
    process_head=(
        "|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |",
        "|        ID   ID                                                               Usage      |",
    ),
    process_row=_PROCESS + "{pid:>16}{kind:>7}   {name:<32}{used:>14} |",
    process_width=32,
)
_R610 = _R580._replace(
    since=610, banner="| NVIDIA-SMI {smi:<23}KMD Version: {driver:<14}CUDA UMD Version: {cuda:<8} |"
)
LAYOUTS = (_R610, _R580, _R565, _R535, _R510)
# How wide the column of names is in the lists of "mig".
NAMES = ((580, 18), (510, 16), (0, 13))


def branch(version: str) -> int:
    """580 of 580.126.09."""
    found = re.match(r"[0-9]+", version)
    return int(found.group()) if found else 0


def release(version: str) -> float:
    """580.126 of 580.126.09: the third number makes no difference to what is written."""
    found = re.match(r"([0-9]+)\.([0-9]+)", version)
    return int(found.group(1)) + int(found.group(2)) / 1000 if found else 0.0


def has(number: float, since: float, until: float, r580: float) -> bool:
    """Whether a release has what came with one branch and went with another.

    :param r580: since when R580 has it, which went on beside the branches after it
    """
    return since <= number < until or r580 <= number < 581


def layout(version: str) -> Layout:
    """The table's layout of a driver version."""
    number = branch(version)
    return next(one for one in LAYOUTS if one.since <= number)


def names(version: str) -> int:
    """The width of names in the lists of "mig"."""
    number = branch(version)
    return next(width for since, width in NAMES if since <= number)
