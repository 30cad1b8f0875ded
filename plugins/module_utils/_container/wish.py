# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of the container toolkit: options checked for sense, without looking at any host."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._scalar import BadWish, scalar
from .._wishes import fingerprint, standing

__all__ = ["ARGUMENTS", "BadWish", "ContainerWish", "informed", "standing", "wish_from"]

DOCKER, CONTAINERD, PODMAN = "docker", "containerd", "podman"
ENGINES = (DOCKER, CONTAINERD, PODMAN)


@dataclass(frozen=True)
class Before:
    """What the same run does before this, as far as the specification depends on it.

    ``driver`` will be installed, and ``loaded`` is one that the run loads, None where it does not. ``gone``:
    it leaves no driver. ``divides``: it changes MIG devices. ``changes``: it has any steps for these.
    """

    driver: Optional[str] = None
    loaded: Optional[str] = None
    gone: bool = False
    divides: bool = False
    changes: bool = False


@dataclass(frozen=True)
class ContainerWish:
    #: One to three numbers; None: what is there, else the newest.
    version: Optional[str] = None
    state: str = "present"
    update: bool = False
    hold: Optional[bool] = None
    #: None: those that are there.
    engines: Optional[Tuple[str, ...]] = None
    default_runtime: Optional[bool] = None
    cdi: bool = True
    #: The image of a container that shows the GPUs, None for no such container.
    check_image: Optional[str] = None
    repository_url: Optional[str] = None
    repository_key_url: Optional[str] = None
    repository_key_fingerprint: Optional[str] = None
    take_over: bool = False
    disrupt_running_work: bool = False
    before: Before = Before()

    @property
    def present(self) -> bool:
        return self.state == "present"


#: The options that container_toolkit takes.
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "version": {"type": "raw"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "update": {"type": "bool", "default": False},
    "hold": {"type": "bool"},
    "engines": {"type": "list", "elements": "str", "default": ["auto"]},
    "default_runtime": {"type": "bool"},
    "cdi": {"type": "bool", "default": True},
    "check_image": {"type": "str"},
    "repository_url": {"type": "str"},
    "repository_key_url": {"type": "str", "no_log": False},
    "repository_key_fingerprint": {"type": "str", "no_log": False},
    "take_over": {"type": "bool", "default": False},
    "disrupt_running_work": {"type": "bool", "default": False},
}
#: The phases of a run for MIG in which devices come and go; a mode that was only pending is taken back too.
_DIVIDING = ("mode", "destroy", "create")
_VERSION = re.compile(r"\d+(?:\.\d+){0,2}\Z")


def wish_from(options: Mapping[str, Any]) -> ContainerWish:
    """The wish in these module options. Raises BadWish."""
    version = None
    if options.get("version") not in (None, ""):
        version = scalar("version", options["version"])
        if not _VERSION.match(version):
            raise BadWish('version is \'%s\': write for example "1.17" or "1.17.8".' % version)
    wish = ContainerWish(
        version=version,
        state=options["state"],
        update=bool(options["update"]),
        hold=options.get("hold"),
        engines=_engines(options["engines"]),
        default_runtime=options.get("default_runtime"),
        cdi=bool(options["cdi"]),
        check_image=options.get("check_image") or None,
        repository_url=options.get("repository_url"),
        repository_key_url=options.get("repository_key_url"),
        repository_key_fingerprint=fingerprint(options.get("repository_key_fingerprint")),
        take_over=bool(options["take_over"]),
        disrupt_running_work=bool(options["disrupt_running_work"]),
    )
    if not wish.present and (wish.version or wish.update or wish.hold or wish.check_image):
        raise BadWish(
            "version, update, hold and check_image are for a toolkit that is to be there: they do not go "
            "with absent."
        )
    if wish.check_image and wish.check_image.startswith("-"):
        raise BadWish("check_image is '%s', which is no name of an image." % wish.check_image)
    return wish


def _engines(names: Any) -> Optional[Tuple[str, ...]]:
    wrong = [name for name in names if name not in (*ENGINES, "auto")]
    if wrong or ("auto" in names and len(names) > 1):
        raise BadWish("engines is %s: write auto, or some of %s." % (", ".join(names), ", ".join(ENGINES)))
    return None if "auto" in names else tuple(name for name in ENGINES if name in names)


def informed(wish: ContainerWish, others: Mapping[str, Mapping[str, Any]]) -> ContainerWish:
    """What the same run does to the driver and to MIG before this changes the specification."""
    driver, steps = others.get("driver", {}), others.get("driver", {}).get("steps", ())
    dividing = others.get("mig", {}).get("steps", ())
    version = driver.get("version")
    before = Before(
        driver=version,
        loaded=driver.get("loaded_version") if any(step.action == "load-modules" for step in steps) else None,
        gone=bool(steps) and version is None,
        divides=any(step.phase in _DIVIDING and getattr(step.data, "switches", True) for step in dividing),
        changes=bool(steps or dividing),
    )
    return replace(wish, before=before)
