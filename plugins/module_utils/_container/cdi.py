# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The CDI specification is that of the GPUs that are there, and stays so. Pure.

The toolkit's own service writes it from 1.18 on, at boot and when the driver changes, and it is that service
that is started here; what it does not see is a change of MIG devices. Before 1.18 the tool is run, into a
directory that outlives a reboot.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._catalog.container import REFRESHES_ITSELF
from .._catalog.versions import at_least
from .._plan import Step
from .._step_data import RemoveFile, WriteFile
from .json_text import dumped
from .spec import OWN, REFRESHED, Spec, parsed, stale
from .state import LINKS_PATH, ORDER_PATH, REFRESH, ContainerState, cdi_row, conf_kept, numbers, upstream
from .steps import EngineFile, Refresh
from .wish import CONTAINERD, DOCKER, ContainerWish

_ORDER = (
    "# Once MIG devices were restored, at boot (labfleet.gpu).\n[Unit]\nAfter=labfleet-gpu-restore.service\n"
)
#: Without these links a systemd that reloads takes the GPUs away from containers whose groups it manages.
#: Source: NVIDIA/nvidia-docker#1730, which has the rule
_LINKS = (
    "# Links in /dev/char, without which containers lose their GPUs when systemd reloads (labfleet.gpu).\n"
    'ACTION=="add", DEVPATH=="/bus/pci/drivers/nvidia", '
    'RUN+="/usr/bin/nvidia-ctk system create-dev-char-symlinks --create-all"\n'
)


@dataclass
class Specification:
    """What is to be done about it, and what is to be said. ``row``: as it will be, where that is known."""

    first: List[Step] = field(default_factory=list)
    last: List[Step] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    row: Optional[Dict[str, Any]] = None


def present(
    state: ContainerState, wish: ContainerWish, versions: Dict[str, str], record: Dict[str, Any]
) -> Specification:
    """``versions``: of the packages as they will be. ``record`` is what is kept for the way back."""
    found = Specification()
    if not wish.cdi:
        return found
    release = upstream(max(versions.values(), key=numbers, default="0"))
    service = at_least(release, REFRESHES_ITSELF)
    if service and state.own_files.get(ORDER_PATH) != _ORDER:
        order = WriteFile(ORDER_PATH, _ORDER)
        what = "order %s after what restores MIG at boot" % REFRESH
        found.first.append(Step("cdi", "write-file", what, "it does not see changes of MIG", order))
    if not state.host.gpus and not state.devices:
        return found
    specs = list(state.specs)
    if service and record.get("cdi") == OWN and any(spec.path == OWN for spec in specs):
        specs = [spec for spec in specs if spec.path != OWN]
        what, why = "remove %s" % OWN, "the toolkit's own service writes %s now" % REFRESHED
        del record["cdi"]
        data = EngineFile(OWN, "", 0o644, (0, 0), dumped(record, " "))
        found.last.append(Step("cdi", "write-engine-file", what, why, data))
    if state.refreshes and not service and any(spec.path == REFRESHED for spec in specs):
        specs = [spec for spec in specs if spec.path != REFRESHED]
        what, why = "remove %s" % REFRESHED, "the service that wrote it goes with this version"
        found.last.append(Step("cdi", "remove-file", what, why, RemoveFile(REFRESHED)))
    if wish.before.gone:
        return found
    kept = _theirs(state, service, record) and not wish.take_over
    coming = _coming(wish, specs)
    if coming and not kept:
        _refresh(found, state, service, record, "%s changed before" % coming)
        return found
    if state.devices is None:
        why = state.trouble or state.binding or "no driver is installed"
        found.warnings.append(
            "NVML cannot be asked (%s), so the CDI specification is neither judged nor written: a run with "
            "the driver loaded does that." % why.rstrip(".")
        )
        return found
    if not state.devices:
        return found
    path = REFRESHED if service else OWN
    mine = [spec for spec in specs if spec.path == path]
    names = {name: frozenset(each.files) for each in state.devices for name in (each.place, each.uuid)}
    others = [spec for spec in specs if spec not in mine or kept]
    own = [] if kept else [Spec(path, names, state.driver)]
    after = replace(state, specs=(*others, *own))
    reason = stale(specs, state.devices, state.driver)
    if reason and not kept and (not mine or stale(mine, state.devices, state.driver)):
        _refresh(found, state, service, record, reason)
        found.row = cdi_row(after)
    if after.stale():
        advice = "set take_over: true to have it replaced" if kept else "mend it"
        found.warnings.append(
            "A CDI specification that somebody else wrote is not that of the GPUs: %s. Remove it, or %s."
            % (after.stale(), advice)
        )
    return found


def _theirs(state: ContainerState, service: bool, record: Dict[str, Any]) -> bool:
    """Has somebody else a file where ours goes?"""
    return not service and record.get("cdi") != OWN and state.specification.text is not None


def _coming(wish: ContainerWish, specs: List[Spec]) -> str:
    """What the same run changes that the specifications do not tell of, in words."""
    loaded = wish.before.loaded
    driver = loaded is not None and not any(spec.driver == loaded for spec in specs)
    return " and ".join(["the driver"] * driver + ["MIG devices"] * wish.before.divides)


def _refresh(
    found: Specification, state: ContainerState, service: bool, record: Dict[str, Any], reason: str
) -> None:
    path = REFRESHED if service else OWN
    if _theirs(state, service, record):
        record["former_cdi"] = state.specification.kept()
    if not service:
        record["cdi"] = OWN
    data = Refresh(path, service, state.devices or (), dumped(record, " ") if record else "")
    what = "write the CDI specification %s" % path
    found.last.append(Step("cdi", "refresh-cdi", what, reason, data))


def links(state: ContainerState, chosen: Tuple[str, ...]) -> List[Step]:
    """Device files that containers get have links in /dev/char, now and after a boot."""
    if not ({DOCKER, CONTAINERD} & set(chosen)):
        return []
    why = "containers lose their GPUs without them when systemd reloads"
    steps = []
    if state.own_files.get(LINKS_PATH) != _LINKS:
        what = "have links in /dev/char made with the driver"
        steps.append(Step("links", "write-file", what, why, WriteFile(LINKS_PATH, _LINKS)))
    if state.unlinked:
        what = "link %d device files in /dev/char" % len(state.unlinked)
        steps.append(Step("links", "link-devices", what, why, state.unlinked))
    return steps


def absent(state: ContainerState) -> List[Step]:
    """What we, or the packages that go, wrote. What was in the place of ours comes back."""
    paths = [REFRESHED] if state.refreshes else []
    paths += [OWN] if state.record.get("cdi") == OWN else []
    why = "state: absent is wished"
    there = {spec.path for spec in state.specs}
    former = state.record.get("former_cdi")
    if former and (OWN in paths or state.specification.text is None):
        paths = [path for path in paths if path != OWN]
    else:
        former = None
    steps = [
        Step("cdi", "remove-file", "remove %s" % path, why, RemoveFile(path))
        for path in paths
        if path in there
    ]
    if former:
        conf = conf_kept(OWN, former)
        data = EngineFile(OWN, conf.text or "", conf.mode, conf.owner)
        steps.append(Step("cdi", "write-engine-file", "write %s back as it was before" % OWN, why, data))
    return steps


def left(state: ContainerState, steps: Sequence[Step]) -> Tuple[Spec, ...]:
    """The specifications after these steps."""
    removed = {step.data.path for step in steps if isinstance(step.data, RemoveFile)}
    written = [step.data for step in steps if isinstance(step.data, EngineFile) and step.data.path == OWN]
    new = [parsed(data.path, data.content) for data in written]
    stays = [spec for spec in state.specs if spec.path not in removed and not (new and spec.path == OWN)]
    return (*stays, *(spec for spec in new if spec))
