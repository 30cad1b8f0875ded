# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""How slurmd is started on a node, and so whence it takes its configuration.

Source: slurm's slurmd.c, _establish_configuration: --conf-server or SLURM_CONF_SERVER have it fetch all files
from slurmctld; else it reads the slurm.conf of -f or SLURM_CONF, or the one it was built with, and gres.conf
beside that.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from .._dataclass import dataclass
from .._host import Files

#: What systemd is asked of the unit, besides its state.
PROPERTIES = "ActiveState,ExecStart,Environment,EnvironmentFiles"
_ARGV = re.compile(r"^ExecStart=\{.*?argv\[\]=(.*?) ;", re.MULTILINE)
_REFERENCE = re.compile(r"\$\{?(\w+)\}?\Z")


@dataclass(frozen=True)
class Started:
    """``server``: whence it fetches its files, or where it keeps what it fetched; ``conf``: its slurm.conf.

    Both are "" where nothing says so. One that read its files anew has SLURM_CONF=DIR/conf-cache/slurm.conf.
    """

    program: str = "slurmd"
    server: str = ""
    conf: str = ""
    #: Options and variables with which slurmd -G reads the same files.
    options: Tuple[str, ...] = ()


def started(files: Files, unit: str) -> Started:
    """``unit``: what systemctl show says of slurmd.service. A process counts for more than what is to be."""
    words, variables = _of_unit(files, unit)
    for running, its_own in _running(files):
        words, variables = running or words, {**variables, **its_own}
    conf = _value(words, "-f", "") or variables.get("SLURM_CONF", "")
    node = _value(words, "-N", "")
    cached = os.path.basename(os.path.dirname(conf)) == "conf-cache"
    return Started(
        program=words[0] if words and words[0].startswith("/") else "slurmd",
        server=_value(words, "", "--conf-server")
        or variables.get("SLURM_CONF_SERVER", "")
        or (conf if cached else ""),
        conf=conf,
        options=(*(("-f", conf) if conf else ()), *(("-N", node) if node else ())),
    )


def _value(words: Sequence[str], short: str, long: str) -> str:
    for number, word in enumerate(words):
        if word in (short, long):
            return (*words, "")[number + 1]
        if long and word.startswith(long + "="):
            return word[len(long) + 1 :]
        if short and word.startswith(short):
            return word[len(short) :]
    return ""


def _running(files: Files) -> Iterator[Tuple[List[str], Dict[str, str]]]:
    """Words and variables of a slurmd that runs."""
    for pid in files.names("/proc"):
        if pid.isdigit() and (files.text("/proc", pid, "comm") or "").strip() == "slurmd":
            words = (files.text("/proc", pid, "cmdline") or "").rstrip("\0").split("\0")
            pairs = (files.text("/proc", pid, "environ") or "").split("\0")
            yield [each for each in words if each], _pairs(pairs)
            return


def _of_unit(files: Files, unit: str) -> Tuple[List[str], Dict[str, str]]:
    """Words and variables that its unit gives it."""
    lines = [line.partition("=") for line in unit.splitlines()]
    variables = _pairs(word for key, _is, value in lines if key == "Environment" for word in _split(value))
    for key, _is, value in lines:
        if key == "EnvironmentFiles":
            text = files.text(value.partition(" (")[0]) or ""
            variables.update(_pairs(_assignments(text)))
    found = _ARGV.search(unit)
    return list(_expanded(found.group(1).split() if found else (), variables)), variables


def _assignments(text: str) -> Iterator[str]:
    """Those of an EnvironmentFile, systemd.exec(5), without their quotes."""
    for line in text.replace("\\\n", " ").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name[:1] not in "#;":
            yield name + equals + " ".join(_split(value))


def _expanded(words: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    for word in words:
        reference = _REFERENCE.match(word)
        yield from _split(variables.get(reference.group(1), "")) if reference else (word,)


def _pairs(words: Iterable[str]) -> Dict[str, str]:
    parts = (word.partition("=") for word in words)
    return {name: value for name, equals, value in parts if equals}


def _split(text: str) -> List[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
