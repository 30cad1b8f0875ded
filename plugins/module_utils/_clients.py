# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who uses a GPU, and what it takes to have them away for a change of the GPU. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from ._dataclass import dataclass
from ._plan import Blocker, Step
from ._questions import Client
from ._running import DAEMONS
from ._scalar import BadWish

#: Services that were stopped for a change and are to run again, and DRM if it was unloaded; gone after a
#: reboot, which starts them. One in a line, with the id of the process that could not start it, if one tried.
STOPPED = "/run/labfleet-gpu/stopped-services"
#: It ends all CUDA work of the node when it stops (fabricmanager.cfg, ABORT_CUDA_JOBS_ON_FM_EXIT, which is on
#: by default), and a GPU behind NVSwitches can only be reset while it runs: no change of one GPU stops it.
FABRIC_MANAGER = "nvidia-fabricmanager.service"
#: It keeps the driver initialized on all GPUs; without it a GPU that nobody uses forgets its settings.
PERSISTENCED = "nvidia-persistenced.service"
#: The driver's module for screens. With modeset, which newer drivers have on by default (NVIDIA's
#: open-gpu-kernel-modules, nvidia-drm-os-interface.c), it has GPUs open itself, and none of them can be reset
#: (NVIDIA/mig-parted#181, ComputeCanada/puppet-magic_castle#387). rmmod takes it alone; modprobe -r would
#: take idle modules below it too, and with nvidia the settings of all GPUs.
DRM = "nvidia_drm"
#: Neither stops for a change of one GPU: the persistence daemon lets go of a GPU whose persistence goes off.
STAYING = (PERSISTENCED, FABRIC_MANAGER)
#: What they run, which stays in a container too (the driver container of NVIDIA's GPU operator).
STAYING_COMMANDS = ("nvidia-persiste", "nv-fabricmanage")
#: Kinds of systemd's units that are no service (systemd.unit(5)).
_NO_SERVICES = (
    *(".socket", ".device", ".mount", ".automount", ".swap"),
    *(".target", ".path", ".timer", ".slice", ".scope"),
)


@dataclass(frozen=True)
class User:
    """A process that uses a GPU.

    ``unit``: the system service that it is in. ``daemon``: nobody's work, one of the driver's own daemons or
    of DCGM's that is a service. ``inside``: the container or pod that it is in, in words.
    ``whole``: NVML shows it on the GPU itself. ``instances``: ids of GPU instance and compute instance; the
    second is None where it has the GPU instance open and nothing in it.
    """

    client: Client
    unit: Optional[str] = None
    daemon: bool = False
    whole: bool = False
    instances: Tuple[Tuple[int, Optional[int]], ...] = ()
    inside: str = ""

    def __str__(self) -> str:
        return "%s%s" % (self.client, " in %s" % self.inside if self.inside else "")

    @property
    def computes(self) -> bool:
        """May it ask for a CUDA context? Daemons that only watch GPUs do not, wherever they run."""
        return not self.daemon and self.client.command not in DAEMONS

    def on(self, gpu_instance: Optional[int], compute_instance: Optional[int]) -> bool:
        return any(gi == gpu_instance and ci in (None, compute_instance) for gi, ci in self.instances)


def service_names(names: Optional[Sequence[str]]) -> Tuple[str, ...]:
    """The option gpu_services as names of units. Raises BadWish."""
    for name in names or ():
        if not name.strip() or name.endswith(_NO_SERVICES) or set(name) & set(" /*?["):
            raise BadWish("gpu_services has '%s', which names no service: write it as systemctl does." % name)
    return tuple(name if name.endswith(".service") else name + ".service" for name in names or ())


def agreed(users: Sequence[User], services: Sequence[str]) -> Tuple[User, ...]:
    """The users where there is consent to stop ``services``: who is in one counts as a daemon."""
    return tuple(replace(user, daemon=True) if user.unit in services else user for user in users)


def consenting(work: Sequence[User]) -> str:
    """What an admin can do about work that is in the way."""
    services = ", ".join(sorted({user.unit for user in work if user.unit}))
    end = "let them end"
    if any(user.inside for user in work):
        end += " (stop the container; a pod leaves when its DaemonSet or workload is kept off this node)"
    if not services:
        return end + ", or set disrupt_running_work: true"
    return end + ", set disrupt_running_work: true, or for services alone gpu_services: [%s]" % services


def keep_drm(drm: Optional[Sequence[User]], which: str, consent: bool) -> Tuple[Blocker, ...]:
    """Why DRM cannot be away for a change of the GPUs ``which``, if it cannot.

    ``drm``: who uses it, None where it holds no GPUs.
    """
    work = [user for user in drm or () if not user.daemon]
    if consent or not work:
        return ()
    what = "The module %s holds all GPUs, and cannot be unloaded while it is used" % DRM
    used = "%s; %s is used by %s" % (which, DRM, "; ".join(map(str, work)))
    return (Blocker(what, used, consenting(work)),)


@dataclass(frozen=True)
class Dependent:
    """A running service that systemd stops with another. ``watches``: as DCGM's exporter, nobody's work."""

    unit: str
    watches: bool = False


#: Of each service: those that systemd stops with it.
Dependents = Sequence[Tuple[str, Tuple[Dependent, ...]]]


def keep_dependents(
    leaving: Sequence[User], dependents: Dependents, services: Sequence[str], which: str, consent: bool
) -> Tuple[Blocker, ...]:
    """Why services cannot stop for the GPUs ``which``: others would with them, and nobody agreed to that.

    ``services``: those that may stop. Who is ``leaving`` itself was asked for already.
    """
    units = {user.unit for user in leaving if user.unit}
    found: Dict[str, str] = {}
    for unit, others in dependents if not consent else ():
        for other in others if unit in units else ():
            if not other.watches and other.unit not in (*units, *services):
                found.setdefault(other.unit, unit)
    if not found:
        return ()
    along = ", ".join("%s with %s" % pair for pair in sorted(found.items()))
    advice = "name them in gpu_services: [%s], or set disrupt_running_work: true" % ", ".join(sorted(found))
    what = "Services would stop that use no GPU which is to change"
    return (Blocker(what, "%s; systemd stops %s" % (which, along), advice),)


@dataclass(frozen=True)
class Units:
    """System services, by name, and DRM."""

    names: Tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """Processes that are to end."""

    clients: Tuple[Client, ...]


def away(
    leaving: Sequence[User],
    stopped: Sequence[str],
    staying: Sequence[str] = (),
    dependents: Dependents = (),
    unload: bool = False,
) -> Tuple[List[Step], List[Step]]:
    """The steps before a change, and those after it.

    Users leave: their services stop and start again, with the ``dependents`` that systemd stops with each;
    daemons without one stay. What an earlier run ``stopped`` starts too. Services that are ``staying`` as
    they are do neither. ``unload``: DRM goes last and is back first.
    """
    units = {user.unit for user in leaving if user.unit} - set(staying)
    along = {other.unit for unit, others in dependents if unit in units for other in others}
    along -= units | set(staying)
    loose = {user.client for user in leaving if not user.unit and not user.daemon}
    clients = tuple(sorted(loose, key=lambda each: each.pid))
    all_back = {*units, *along, *stopped} - set(staying)
    module = (DRM,) if unload or DRM in all_back else ()
    back = (*module, *sorted(all_back - {DRM}))
    before, why = [], "they use GPUs that are to change"
    if units:
        what = "stop %s" % ", ".join(sorted(units))
        if along:
            what += ", and %s, which systemd stops with that" % ", ".join(sorted(along))
        before.append(Step("work", "stop-gpu-services", what, why, Units(back)))
    if clients:
        what = "end %s" % ", ".join(str(client) for client in clients)
        before.append(
            Step("work", "end-gpu-work", what, why + ", and disrupt_running_work is set", Work(clients))
        )
    if unload:
        why = "with modeset it holds all GPUs, and one of them is to be reset"
        before.append(Step("work", "unload-nvidia-drm", "unload %s" % DRM, why, Units(module)))
    if not back:
        return before, []
    why = "they were stopped for the change"
    if not units:
        why = "a run before this stopped them, and was cut off or could not start them"
        if unload and back == module:
            why = "it was unloaded for the change"
    services = back[len(module) :]
    words = ["load %s" % DRM] if module else []
    words += ["start %s" % ", ".join(services)] if services else []
    return before, [Step("work", "start-gpu-services", " and ".join(words), why, Units(back))]
