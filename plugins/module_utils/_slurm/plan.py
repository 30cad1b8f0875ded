# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From a Slurm node as it is to what is wished for it: a pure function."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from .._asking import foretold
from .._dataclass import dataclass
from .._plan import Blocker, Plan, Step
from .._step_data import WriteFile
from . import device_files, gres_file, names, node_line
from .devices import grouped
from .drained import not_drained
from .node import Conf, SlurmState
from .reads import unread
from .started import Started
from .wish import SlurmWish

_UNKNOWN = "NVML cannot be asked yet, so it is not known what Slurm would be told."
_NUMBERS = (
    "%s has no ConstrainDevices=yes: without NVML Slurm tells jobs the numbers of their devices, which CUDA "
    "takes for numbers of GPUs; only jobs that are kept to their device files find their MIG device"
)
#: AutoDetect for one node alone came with 20.11 (its RELEASE_NOTES), MIG with 21.08 (slurm's gres.html).
_FOR_A_NODE, _FOR_MIG = "20.11", "21.08"
RECONFIGURE, RESTART_CTLD, RESTART_D = "reconfigure-slurm", "restart-slurmctld", "restart-slurmd"


@dataclass(frozen=True)
class WriteConf(WriteFile):
    """A new version of a file, empty if it is to go; and what is owed after that.

    ``again`` makes the new version of a text that others wrote meanwhile, None where that takes a new plan.
    """

    owed: Tuple[str, ...] = ()
    again: Callable[[Optional[str]], Optional[str]] = lambda text: None


@dataclass(frozen=True)
class Daemon:
    """What a restart is for: the node, its GPUs as slurmctld should list them, and the UUIDs slurmd finds.

    ``lines``: the file whose device files slurmd is to have, "" where it finds them itself.
    """

    node: str
    gpus: Optional[Tuple[str, ...]]
    found: Optional[Tuple[str, ...]]
    listed: Tuple[str, ...] = ()
    lines: str = ""
    files: FrozenSet[str] = frozenset()
    started: Started = Started()


def plan(state: SlurmState, wish: SlurmWish, _answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none."""
    if wish.present and (state.binding or state.trouble):
        return foretold(state, Plan(), _UNKNOWN)
    file = gres_file.parse(state.gres.text or "", wish.node)
    gpus = entries(state, wish)
    blockers = [*unread(state, wish), *_devices(state, wish), *_file(state, wish, file), *_line(state, wish)]
    if blockers:
        return Plan(blockers=tuple(blockers))
    written = _written(state, wish, file, gpus)
    owed, why = _owed(state, wish, bool(written), any(conf is state.conf for conf, _text in written))
    steps = [
        *_prepared(state, wish),
        *_writing(state, wish, written, owed),
        *_daemons(state, wish, gpus, owed, why),
    ]
    if (written or owed) and not _only_failed(state, bool(written), owed):
        blocked = not_drained(state, wish.node)
        if blocked:
            return Plan(blockers=(blocked,))
    now = summary(state, wish)
    promise = {
        key: value
        for key, value in (
            ("lines", list(_lines(state, wish) or ()) if wish.present else []),
            ("slurm_conf_gres", list(gpus) if wish.slurm_conf else None),
        )
        if value != now[key] and not (key == "slurm_conf_gres" and names.same(now[key] or (), value or ()))
    }
    return Plan(
        steps=tuple(steps),
        promise={**now, **promise},
        warnings=_warnings(state, wish, gpus, bool(steps)),
        reasons=tuple({each.why: None for each in steps}),
    )


# what is to be


def _lines(state: SlurmState, wish: SlurmWish) -> Tuple[str, ...]:
    """The lines of our block."""
    found = grouped(state.devices, wish.types)
    if wish.autodetect:
        told = ["#   %s %s" % (kind, ",".join(each.files)) for kind, each in found]
        return ("NodeName=%s AutoDetect=nvml" % wish.node, "# What NVML has here, for people's eyes:", *told)
    return tuple(
        "NodeName=%s AutoDetect=off Name=gpu Type=%s %s=%s"
        % (wish.node, kind, "MultipleFiles" if len(each.files) > 1 else "File", ",".join(each.files))
        for kind, each in found
    )


def entries(state: SlurmState, wish: SlurmWish) -> Tuple[str, ...]:
    """The Gres= entries for the node's GPUs."""
    if not wish.present:
        return ()
    return names.entries([kind for kind, _device in grouped(state.devices, wish.types)])


def _written(
    state: SlurmState, wish: SlurmWish, file: gres_file.GresFile, gpus: Sequence[str]
) -> List[Tuple[Conf, str]]:
    """The files that change, with their new text."""
    found = []
    new = file.with_block(wish.node, _lines(state, wish) if wish.present else None)
    ours = file.ours == _lines(state, wish) and not file.foreign if wish.present else file.ours is None
    if not ours:
        found.append((state.gres, new))
    if state.conf and state.conf.text is not None:
        line = node_line.find(state.conf.text, wish.node)
        text = node_line.with_gpus(state.conf.text, line, gpus) if line else state.conf.text
        if text != state.conf.text:
            found.append((state.conf, text))
    return found


def _again(state: SlurmState, wish: SlurmWish, which: str, text: Optional[str]) -> Optional[str]:
    """The new version of one of the files, "gres" or "conf", of another text; None where that is refused."""
    conf: Conf = getattr(state, which)
    changes: Dict[str, Any] = {which: replace(conf, text=text)}
    newest = replace(state, **changes)
    file = gres_file.parse(newest.gres.text or "", wish.node)
    if _file(newest, wish, file) or _line(newest, wish):
        return None
    written = {each.path: new for each, new in _written(newest, wish, file, entries(newest, wish))}
    return written.get(conf.path, text or "")


# what stands against it


def _devices(state: SlurmState, wish: SlurmWish) -> List[Blocker]:
    found = device_files.blockers(state.missing, state.modprobe) if wish.present else []
    divided = any(each.profile for each in state.devices)
    needed = _FOR_MIG if divided else _FOR_A_NODE
    if wish.present and state.version and _release(state.version) < _release(needed):
        lacks = "MIG devices" if divided else "AutoDetect for one node, which each line has"
        what = "Slurm here is %s, which does not know %s" % (state.version, lacks)
        found.append(
            Blocker(what, wish.node, "upgrade Slurm to %s or later, slurmctld before slurmd" % needed)
        )
    if wish.present and wish.autodetect and state.controller.has_nvml is False:
        found.append(
            Blocker(
                "Slurm has no gpu_nvml.so here, and slurmd does not start with AutoDetect=nvml then",
                wish.node,
                "install slurm-wlm-nvml-plugin, or set autodetect: 'off'",
            )
        )
    return found


def _release(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _file(state: SlurmState, wish: SlurmWish, file: gres_file.GresFile) -> List[Blocker]:
    """Lines of others about our GPUs."""
    if not (wish.present and file.foreign):
        return []
    shared = [each for each in file.foreign if each.shared]
    if shared:
        return [
            Blocker(
                "%s has a line for the GPUs of this node and of others" % wish.path,
                "; ".join(map(str, shared)),
                "take %s out of it" % wish.node,
            )
        ]
    if wish.take_over:
        return []
    return [
        Blocker(
            "%s has lines of its own for the GPUs of this node" % wish.path,
            "; ".join(map(str, file.foreign)),
            "remove them, or set take_over: true to have that done",
        )
    ]


def _line(state: SlurmState, wish: SlurmWish) -> List[Blocker]:
    if state.conf is None:
        return []
    line = node_line.find(state.conf.text or "", wish.node)
    if line and not line.shared:
        return []
    if line is None and not wish.present:
        return []
    wanted = node_line.words(wish.node, entries(state, wish))
    if line is None:
        what = "slurm_conf is %s, which has no line for this node" % wish.slurm_conf
        return [Blocker(what, wish.node, "add '%s', with what else the node has" % wanted)]
    if names.same(names.for_gpus(line.gres), entries(state, wish)):
        return []
    what = "slurm_conf is %s, where one line is for this node and others" % wish.slurm_conf
    return [Blocker(what, "NodeName=" + line.nodes, "give the node a line of its own: '%s ...'" % wanted)]


# the steps


def _owed(state: SlurmState, wish: SlurmWish, changed: bool, line: bool) -> Tuple[Tuple[str, ...], str]:
    """Which daemons are to read their configuration anew, and why."""
    owed, why = set(state.owed), "an earlier run was cut off before that"
    if changed:
        owed.add(RESTART_D)
        why = "Slurm reads it when it starts"
    if line:
        owed.add(RESTART_CTLD if state.slurmctld == "active" else RECONFIGURE)
    uuids = _uuids(state, wish)
    if not owed and uuids is not None and state.found is not None and uuids != state.found:
        owed.add(RESTART_D)
        why = "the MIG devices are not those that slurmd found when it started"
    if state.slurmd == "failed" and not owed and wish.present and state.devices:
        owed.add(RESTART_D)
        why = "slurmd failed, as it does where device files of gres.conf are missing"
    if state.slurmd not in ("active", "failed"):
        owed.discard(RESTART_D)
    if state.controller.trouble:
        owed.discard(RECONFIGURE)
    return tuple(each for each in (RESTART_CTLD, RECONFIGURE, RESTART_D) if each in owed), why


def _prepared(state: SlurmState, wish: SlurmWish) -> List[Step]:
    """What slurmd needs besides its files; that takes nothing from anybody, drained or not."""
    divided = wish.present and any(each.profile for each in state.devices)
    # Without systemd there is no unit to add to.
    now = state.drop_in if state.slurmd else device_files.DROP_IN_TEXT if divided else None
    return device_files.steps(state.missing, divided, now)


def _only_failed(state: SlurmState, changed: bool, owed: Sequence[str]) -> bool:
    """A slurmd that is to run again takes nothing from anybody."""
    return state.slurmd == "failed" and not changed and tuple(owed) == (RESTART_D,)


def _writing(
    state: SlurmState, wish: SlurmWish, written: Sequence[Tuple[Conf, str]], owed: Tuple[str, ...]
) -> List[Step]:
    steps = []
    for conf, text in written:
        if wish.backup and conf.text is not None:
            copy = WriteFile(conf.path + "~", conf.text, conf.mode)
            what = "keep %s as %s" % (conf.path, copy.path)
            steps.append(Step("files", "write-file", what, "backup is set", copy))
        what = "write %s" % conf.path if text else "remove %s, which has nothing else" % conf.path
        why = "it is to say which GPUs %s has" % wish.node
        again = partial(_again, state, wish, "conf" if conf is state.conf else "gres")
        data = WriteConf(conf.path, text, conf.mode, owed, again)
        steps.append(Step("files", "write-slurm-file", what, why, data))
    return steps


def _daemons(
    state: SlurmState, wish: SlurmWish, gpus: Tuple[str, ...], owed: Sequence[str], why: str
) -> List[Step]:
    data = Daemon(
        wish.node,
        gpus if wish.slurm_conf else None,
        _uuids(state, wish),
        listed=gpus,
        lines=wish.path if wish.present and not wish.autodetect else "",
        files=frozenset(file for each in state.devices for file in each.files),
        started=state.started,
    )
    what: Dict[str, str] = {
        RESTART_CTLD: "restart slurmctld, which is on this node",
        RECONFIGURE: "have slurmctld read its configuration anew (scontrol reconfigure)",
        RESTART_D: "restart slurmd",
    }
    return [Step("daemons", each, what[each], why, data) for each in owed]


def _uuids(state: SlurmState, wish: SlurmWish) -> Optional[Tuple[str, ...]]:
    """What slurmd remembers of the devices themselves: nothing without NVML."""
    if not (wish.present and wish.autodetect):
        return None
    return tuple(sorted(each.uuid or "" for each in state.devices))


# what is said


def _warnings(state: SlurmState, wish: SlurmWish, gpus: Sequence[str], changes: bool) -> Tuple[str, ...]:
    found = ["%s: it is left out." % each for each in state.silent]
    if not wish.present:
        return tuple(found)
    if changes:
        found += ["%s is in MIG mode without MIG devices: Slurm is not told of it." % e for e in state.empty]
        if not wish.autodetect and not state.constrained and any(each.profile for each in state.devices):
            found.append(_NUMBERS % wish.path.replace("gres.conf", "cgroup.conf") + ".")
    seen = state.controller
    if not changes and "INVALID" in seen.state.upper():
        found.append("slurmctld takes %s for invalid: 'slurmd -G' tells what slurmd finds." % wish.node)
    if seen.gpus_counted is False and gpus:
        found.append("slurm.conf does not count GPUs: add GresTypes=gpu on the controller and on all nodes.")
    if seen.state and not state.conf and not names.same(names.for_gpus(seen.gres), gpus):
        found.append(
            "slurmctld has Gres=%s for %s: put '%s' into slurm.conf on the controller and on all nodes, "
            "then restart slurmctld." % (",".join(seen.gres) or "(null)", wish.node, words(state, wish))
        )
    return tuple(found)


def words(state: SlurmState, wish: SlurmWish) -> str:
    return node_line.words(wish.node, entries(state, wish))


def summary(state: SlurmState, wish: SlurmWish) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    block = gres_file.parse(state.gres.text or "", wish.node).ours
    line = node_line.find(state.conf.text or "", wish.node) if state.conf else None
    return {
        "driver_version": state.driver,
        "pynvml": not state.binding,
        "node_name": wish.node,
        "path": wish.path,
        "lines": list(block or ()),
        "node_line": words(state, wish),
        "slurm_conf_gres": list(names.for_gpus(line.gres)) if line else ([] if state.conf else None),
        "gres": [
            {"type": kind, "profile": each.profile or None, "files": list(each.files), "uuid": each.uuid}
            for kind, each in grouped(state.devices, wish.types)
        ],
    }
