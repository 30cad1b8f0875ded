# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi mig -lgip -lgipp -lgi -lcip -lci.

Captures: lists of the MIG User Guide (A100), of an H100 80GB (stackhpc/ansible-slurm-appliance), of A100s
with 510.47.03 and 580.126.09.
"""

from __future__ import annotations

from typing import Iterator, List, Tuple

from . import mig, nvml
from .gpu import Gpu
from .nvml import NvmlError

Pairs = List[Tuple[Gpu, mig.Instance]]
Triples = List[Tuple[Gpu, mig.Instance, mig.Instance]]


class Frame:
    """A box of lines, each so many characters wide inside."""

    def __init__(self, width: int, *head: str) -> None:
        self.width = width
        self.rule = "+" + "-" * (width + 2) + "+"
        self.lines = [self.rule, *map(self._line, head), "|" + "=" * (width + 2) + "|"]

    def _line(self, text: str) -> str:
        return "| {0:<{1}} |".format(text, self.width)

    def row(self, *texts: str) -> None:
        self.lines += [*map(self._line, texts), self.rule]


def gpu_profiles(gpus: List[Gpu], names: int) -> Iterator[str]:
    """-lgip

    :param names: the width of the column of names
    """
    gap = " " * (names - 3)
    frame = Frame(
        names + 59,
        "GPU instance profiles:",
        "GPU   Name" + gap + "ID    Instances   Memory     P2P    SM    DEC   ENC",
        " " * (names + 13) + "Free/Total   GiB              CE    JPEG  OFA",
    )
    for gpu in gpus:
        for profile in mig.gpu_profiles(gpu):
            info = profile.info
            frame.row(
                "{0:>3}  MIG {1:<{2}}{3:>3}     {4:<11}{5:<11}{6:<7}{7:<7}{8:<6}{9}".format(
                    *(gpu.index, profile.name, names - 3, profile.id),
                    *("{0}/{1}".format(_room(gpu, profile), info.most), "%.2f" % (info.memory_mib / 1024)),
                    *("Yes" if info.p2p else "No", info.sms, info.decoder, info.encoder),
                ),
                "{0}{1:<6}{2:<6}{3}".format(" " * (names + 44), info.copy, info.jpeg, info.ofa),
            )
    yield from frame.lines


def _room(gpu: Gpu, profile: mig.Profile) -> int:
    """How many more fit; none out of MIG mode, where NVML does not say."""
    try:
        return mig.room(gpu, profile)
    except NvmlError as error:
        if error.code != nvml.NOT_SUPPORTED:
            raise
        return 0


def gpu_placements(gpus: List[Gpu]) -> Iterator[str]:
    """-lgipp"""
    for gpu in gpus:
        for profile in mig.gpu_profiles(gpu):
            found = mig.placements(gpu, profile)
            yield "GPU {0:>2} Profile ID {1:>2} {2} {{{3}}}:{4}".format(
                *(gpu.index, profile.id, "Placements:" if len(found) > 1 else "Placement :"),
                *(",".join(str(start) for start, _size in found), found[0][1]),
            )


def gpu_instances(instances: Pairs, names: int) -> Iterator[str]:
    """-lgi"""
    frame = Frame(
        names + 37,
        "GPU instances:",
        "GPU   Name" + " " * (names - 3) + "Profile  Instance   Placement",
        " " * (names + 9) + "ID       ID       Start:Size",
    )
    for gpu, one in instances:
        frame.row(
            "{0:>3}  MIG {1:<{2}}{3:>3}{4:>9}{5:>11}:{6}".format(
                *(gpu.index, one.profile.name, names - 1, one.profile.id, one.id),
                *(one.info.placement.start, one.info.placement.size),
            )
        )
    yield from frame.lines


def compute_profiles(parents: Pairs) -> Iterator[str]:
    """-lcip"""
    frame = Frame(
        84,
        "Compute instance profiles:",
        "GPU     GPU       Name             Profile  Instances   Exclusive       Shared",
        "      Instance                       ID     Free/Total     SM       DEC   ENC   OFA",
        "        ID                                                          CE    JPEG",
    )
    for gpu, parent in parents:
        for profile in mig.compute_profiles(gpu, parent):
            info = profile.info
            room = "{0}/{1}".format(mig.compute_room(gpu, parent, profile), info.most)
            frame.row(
                "{0:>3}{1:>7}       MIG {2:<15}{3:>3}{4}     {5:<14}{6:<10}{7:<6}{8:<6}{9}".format(
                    *(gpu.index, parent.id, profile.name, profile.id),
                    *("*" if info.slices == parent.profile.info.slices else " ", room),
                    *(info.sms, info.decoder, info.encoder, info.ofa),
                ),
                "{0}{1:<6}{2}".format(" " * 69, info.copy, info.jpeg),
            )
    yield from frame.lines


def compute_instances(found: Triples, placed: bool) -> Iterator[str]:
    """-lci

    :param placed: whether placements are shown
    """
    frame = Frame(
        66 if placed else 53,
        "Compute instances:",
        "GPU     GPU       Name             Profile   Instance" + ("   Placement" if placed else ""),
        "      Instance                       ID        ID" + ("       Start:Size" if placed else ""),
        "        ID",
    )
    for gpu, parent, one in found:
        text = "{0:>3}{1:>7}       MIG {2:<15}{3:>3}{4:>10}".format(
            gpu.index, parent.id, one.profile.name, one.profile.id, one.id
        )
        place = one.info.placement
        frame.row(text + ("{0:>11}:{1}".format(place.start, place.size) if placed else ""))
    yield from frame.lines
