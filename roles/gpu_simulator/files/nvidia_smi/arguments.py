# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: nvidia-smi(1), OPTIONS. A value follows as "-i 0", "-i=0", "--id=0" or "--id 0"."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from . import failures

# Name of the option here, whether it takes a value, and how it is written.
OPTIONS = (
    ("help", False, ("-h", "--help")),
    ("version", False, ("--version",)),
    ("list", False, ("-L", "--list-gpus")),
    ("query", False, ("-q", "--query", "-a")),
    ("xml", False, ("-x", "--xml-format")),
    ("display", True, ("-d", "--display")),
    ("id", True, ("-i", "--id")),
    ("file", True, ("-f", "--filename")),
    ("query-gpu", True, ("--query-gpu",)),
    ("query-compute-apps", True, ("--query-compute-apps",)),
    ("format", True, ("--format",)),
    ("help-query-gpu", False, ("--help-query-gpu",)),
    ("help-query-compute-apps", False, ("--help-query-compute-apps",)),
    ("persistence", True, ("-pm", "--persistence-mode")),
    ("ecc", True, ("-e", "--ecc-config")),
    ("compute", True, ("-c", "--compute-mode")),
    ("mig", True, ("-mig", "--multi-instance-gpu")),
    ("power", True, ("-pl", "--power-limit")),
    ("lock-gpu", True, ("-lgc", "--lock-gpu-clocks")),
    ("unlock-gpu", False, ("-rgc", "--reset-gpu-clocks")),
    ("lock-memory", True, ("-lmc", "--lock-memory-clocks")),
    ("unlock-memory", False, ("-rmc", "--reset-memory-clocks")),
    ("reset", False, ("-r", "--gpu-reset")),
)

# Of nvidia-smi mig.
MIG_OPTIONS = (
    ("help", False, ("-h", "--help")),
    ("id", True, ("-i", "--id")),
    ("gpu-instance", True, ("-gi", "--gpu-instance-id")),
    ("compute-instance", True, ("-ci", "--compute-instance-id")),
    ("default", False, ("-C", "--default-compute-instance")),
    ("lgip", False, ("-lgip", "--list-gpu-instance-profiles")),
    ("lgipp", False, ("-lgipp", "--list-gpu-instance-possible-placements")),
    ("lgi", False, ("-lgi", "--list-gpu-instances")),
    ("lcip", False, ("-lcip", "--list-compute-instance-profiles")),
    ("lci", False, ("-lci", "--list-compute-instances")),
    ("cgi", True, ("-cgi", "--create-gpu-instance")),
    ("cci", None, ("-cci", "--create-compute-instance")),
    ("dgi", False, ("-dgi", "--destroy-gpu-instance")),
    ("dci", False, ("-dci", "--destroy-compute-instance")),
)

# What the real program has and this one has not: said plainly, instead of "invalid".
NOT_SIMULATED = frozenset(
    (
        *("topo", "nvlink", "dmon", "pmon", "daemon", "replay", "drain", "c2c", "clocks", "encodersessions"),
        *(
            "fbcsessions",
            "vgpu",
            "compute-policy",
            "boost-slider",
            "power-hint",
            "base-clocks",
            "conf-compute",
        ),
        *(
            "gpm",
            "pci",
            "power-smoothing",
            "power-profiles",
            "rusd",
            "prm",
            "soc",
            "--dtd",
            "--debug",
            "--gom",
        ),
        *(
            "-p",
            "--reset-ecc-errors",
            "-B",
            "--list-excluded-gpus",
            "-col",
            "--columns",
            "-l",
            "--loop",
            "-lms",
            "--loop-ms",
        ),
        *("-u", "--unit", "-t", "--toggle-led", "-dm", "-fdm", "-vm", "--virt-mode", "-m", "--mode"),
        *("--query-supported-clocks", "--query-accounted-apps", "--query-retired-pages"),
        *("--query-remapped-rows", "-ac", "--applications-clocks", "-rac", "--reset-applications-clocks"),
        *("-am", "--accounting-mode", "-caa", "--clear-accounted-apps", "-sc", "--scope", "-cc"),
        *("--cuda-clocks", "-lmcd", "--lock-memory-clocks-deferred", "-rmcd", "-gtt", "--gpu-target-temp"),
        *("--reset-memory-clocks-deferred", "-den", "--dram-encryption", "--auto-boost-default"),
        *("--auto-boost-permission", "-eow", "--error-on-warning", "-lcipp"),
        *("--list-compute-instance-possible-placements",),
    )
)

Table = Tuple[Tuple[str, Optional[bool], Tuple[str, ...]], ...]


def parse(words: List[str], table: Table) -> Dict[str, str]:
    """Options by their names here; those without a value have an empty one.

    :raises Refused: an option that there is not, or a value too many or too few
    """
    known: Mapping[str, Tuple[str, Optional[bool]]] = {
        spelling: (name, value) for name, value, spellings in table for spelling in spellings
    }
    found: Dict[str, str] = {}
    rest = list(words)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in NOT_SIMULATED:
            raise failures.Refused(
                "The simulated nvidia-smi has no '{0}': 'nvidia-smi -h' lists what it has.".format(word), 255
            )
        if word not in known:
            raise failures.usage()
        name, takes = known[word]
        if takes and not equals:
            if not rest:
                raise failures.usage()
            value = rest.pop(0)
        elif takes is None and not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        elif takes is False and equals:
            raise failures.usage()
        if name in found:
            raise failures.usage()
        found[name] = value
    return found
