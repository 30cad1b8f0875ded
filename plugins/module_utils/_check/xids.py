# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The row of Xids: what the kernel log says of each GPU since the node started. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

from .._catalog.xids import FATAL, PROGRAM, meaning
from .driver import NODE
from .node import CheckState, Log
from .row import FAILED, OK, SKIPPED, WARNED, Row, many
from .wish import CheckWish

#: "NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python3, GPU has fallen off the bus.", with the id of a MIG
#: instance behind the address where there is one; older drivers leave "PCI:" out.
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2})[^)]*\): (\d+)(.*)")
#: "nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 12028, Non-fatal, Link 36 ..." (Fabric Manager User Guide).
_SXID = re.compile(r"SXid \(PCI:([0-9a-fA-F:.]+)\): (\d+), (Non-fatal|Fatal)?")
#: What kernel_log.py keeps of the log.
INTERESTING = re.compile(r"\bS?Xid \(")
#: Of each kind: address, number, line.
_Found = Dict[str, List[Tuple[int, str]]]
_ACCEPT = "; if it is dealt with, reboot, or list it in accepted_xids"


def xids(state: CheckState, wish: CheckWish) -> List[Row]:
    """One row for each GPU, for each GPU that is gone and left an Xid, and for switches."""
    name, log = "xids", state.log or Log()
    if log.trouble:
        return [
            Row(name, NODE, SKIPPED, "the kernel log cannot be read: %s" % log.trouble, "set become: true")
        ]
    since = 0 if wish.xid_hours is None else log.now - int(wish.xid_hours * 3600e6)
    lines = [text for at, text in log.lines if at >= since]
    found, switches = _by_address(lines), _of_switches(lines)
    subjects = {gpu.address.rpartition(".")[0]: str(gpu) for gpu in state.gpus}
    subjects.update({place: "GPU at %s.0" % place for place in found if place not in subjects})
    complete = log.whole or since > 0
    rows = [_judged(subjects[place], found.get(place, []), wish, complete) for place in sorted(subjects)]
    rows += [_switch(place, seen, wish) for place, seen in sorted(switches.items())]
    return rows or [_judged(NODE, [], wish, complete)]


def _place(text: str) -> str:
    """The address as sysfs has it, without function: 0000:3b:00."""
    domain, _colon, rest = text.lower().partition(":")
    return "%04x:%s" % (int(domain, 16), rest)


def _by_address(lines: List[str]) -> _Found:
    found: _Found = {}
    for line in lines:
        match = _XID.search(line)
        if match:
            found.setdefault(_place(match.group(1)), []).append((int(match.group(2)), match.group(3)))
    return found


def _of_switches(lines: List[str]) -> _Found:
    found: _Found = {}
    for line in lines:
        match = _SXID.search(line)
        if match:
            found.setdefault(match.group(1), []).append((int(match.group(2)), match.group(3) or ""))
    return found


def _judged(subject: str, seen: List[Tuple[int, str]], wish: CheckWish, complete: bool) -> Row:
    name = "xids"
    left = [(number, text) for number, text in seen if number not in wish.accepted_xids]
    grave = {number: meaning(number, text) for number, text in left}
    for number, text in left:
        if meaning(number, text)[0] == FATAL:
            grave[number] = meaning(number, text)
    fatal = [number for number, found in grave.items() if found[0] == FATAL]
    if fatal:
        what = grave[fatal[0]][2] + _ACCEPT
        return Row(name, subject, FAILED, _named(left, fatal, grave), what)
    look = [number for number, found in grave.items() if found[0] != PROGRAM]
    if look:
        return Row(name, subject, WARNED, _named(left, look, grave), grave[look[0]][2])
    of_programs = "%s of programs (%s)" % (many(len(left), "Xid"), _numbers(left)) if left else "no Xid"
    accepted = len(seen) - len(left)
    said = of_programs + (", %d accepted" % accepted if accepted else "")
    if not complete:
        reason = "%s as far back as the kernel log goes, which is not to the start of the node" % said
        return Row(name, subject, WARNED, reason, "have the journal keep more, or reboot before you trust it")
    return Row(name, subject, OK, said)


def _named(seen: List[Tuple[int, str]], numbers: List[int], grave: Dict[int, Tuple[str, str, str]]) -> str:
    said = []
    for number in numbers:
        times = sum(each == number for each, _text in seen)
        said.append("Xid %d%s: %s" % (number, " (%d times)" % times if times > 1 else "", grave[number][1]))
    return "; ".join(said)


def _numbers(seen: List[Tuple[int, str]]) -> str:
    return ", ".join(str(number) for number in sorted({number for number, _text in seen}))


def _switch(place: str, seen: List[Tuple[int, str]], wish: CheckWish) -> Row:
    name, subject = "xids", "NVSwitch at %s" % place
    left = [(number, kind) for number, kind in seen if number not in wish.accepted_xids]
    if not left:
        return Row(name, subject, OK, "%s, all accepted" % many(len(seen), "SXid"))
    fatal = [(number, kind) for number, kind in left if kind == "Fatal"]
    if fatal:
        what = "reboot the node; if it comes back, have the baseboard examined" + _ACCEPT
        return Row(name, subject, FAILED, "fatal SXid %s" % _numbers(fatal), what)
    return Row(name, subject, WARNED, "SXid %s, not fatal" % _numbers(left), "watch it")
