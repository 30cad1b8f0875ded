# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What Slurm calls the kinds of GPUs and of MIG devices. Pure.

Source: slurm's src/plugins/gpu/nvml/gpu_nvml.c (26.05): a name of NVML in small letters with "_" for blanks;
of a MIG device what is before the first "-" of its GPU's, "_" and the profile, as in nvidia_a100_1g.5gb.
Before 23.11 the profile was made of slices and memory alone, without "1c." and "+me". A Type in slurm.conf
needs only be a part of that (slurm's gres.html, MIG management), so a profile alone will do there too.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

#: The choices of the option types, the default first.
STYLES = ("profile", "autodetect")
_MAKER = "nvidia_"


def of_gpu(style: str, name: str) -> str:
    """The Type of a GPU that is not divided."""
    found = _small(name)
    if style == "autodetect" or not found.startswith(_MAKER):
        return found
    return found[len(_MAKER) :]


def of_mig_device(style: str, gpu_name: str, profile: str) -> str:
    """The Type of a MIG device; ``profile`` is that of its compute instance."""
    if style == "autodetect":
        return "%s_%s" % (_small(gpu_name).partition("-")[0], _small(profile))
    return _small(profile)


def _small(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def entries(types: Sequence[str]) -> Tuple[str, ...]:
    """How many there are of each, in the order of their first, as Gres= of a NodeName line lists them."""
    counts: Dict[str, int] = {}
    for each in types:
        counts[each] = counts.get(each, 0) + 1
    return tuple("gpu:%s:%d" % pair for pair in counts.items())


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Do two lists of entries say the same? slurmctld adds sockets to its own, as in gpu:a100:2(S:0-1)."""
    return sorted(map(_bare, one)) == sorted(map(_bare, other))


def _bare(entry: str) -> str:
    return entry.partition("(")[0].strip().lower()


def split(gres: str) -> List[str]:
    """The entries of a Gres= value; none for (null). Commas in parentheses, as in (S:0,2), part nothing."""
    found, depth, word = [], 0, ""
    for letter in gres.strip("\"' ") + ",":
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(word)
            word = ""
        else:
            word += letter
    return [each for each in found if each and each.lower() not in ("(null)", "n/a")]


def for_gpus(gres: Sequence[str]) -> Tuple[str, ...]:
    return tuple(each for each in gres if is_gpu(each))


def is_gpu(entry: str) -> bool:
    return entry.partition(":")[0].partition("(")[0].strip().lower() == "gpu"
