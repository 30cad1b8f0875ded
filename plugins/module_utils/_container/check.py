# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The container that shows the GPUs: due once for each image, engine, driver, toolkit and devices. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from .._plan import Step
from .state import ContainerState, package_lines
from .steps import Check
from .wish import DOCKER, PODMAN, ContainerWish

PASSED, SKIPPED, DUE = "passed", "skipped", "due"


def note(
    state: ContainerState, wish: ContainerWish, engine: str, versions: Mapping[str, str]
) -> Dict[str, Any]:
    """What is kept of a container that showed all devices."""
    return {
        "image": wish.check_image,
        "engine": engine,
        "result": PASSED,
        "driver_version": state.driver,
        "packages": package_lines(versions),
        "devices": [each.uuid for each in state.devices or ()],
    }


def engine_for(state: ContainerState, wish: ContainerWish) -> Optional[str]:
    """containerd has no command of its own that goes by its CRI configuration."""
    from_wish = wish.engines or tuple(state.engines)
    fit = [name for name in (PODMAN, DOCKER) if name in from_wish and name in state.engines]
    fit = [name for name in fit if not state.engines[name].unfit]
    return next((name for name in fit if name == PODMAN or state.engines[name].active), None)


def skipped(state: ContainerState, wish: ContainerWish) -> str:
    """Why no container is run, in a phrase; "" if one can be."""
    if not state.devices:
        return "no GPU can be seen here, or none that a container could have"
    return "" if engine_for(state, wish) else "neither Podman nor a running Docker is here"


def row(state: ContainerState, wish: ContainerWish) -> Optional[Dict[str, Any]]:
    """What is told of it, None where none is wished for."""
    if not wish.check_image:
        return None
    why = skipped(state, wish)
    if why:
        return {"image": wish.check_image, "result": SKIPPED, "why": why}
    wanted = note(state, wish, engine_for(state, wish) or "", state.versions())
    if state.checked == wanted:
        return wanted
    return {"image": wish.check_image, "result": DUE}


def steps(
    state: ContainerState, wish: ContainerWish, versions: Mapping[str, str], changes: bool
) -> List[Step]:
    """The step that runs it, after all others. ``changes``: there are others."""
    engine = engine_for(state, wish)
    if not wish.check_image or not engine or skipped(state, wish) or wish.before.gone:
        return []
    wanted = note(state, wish, engine, versions)
    if state.checked == wanted and not changes:
        return []
    why = "what a container gets changes" if changes else "no container has shown these GPUs since"
    uuids = tuple(each.uuid for each in state.devices or ())
    data = Check(engine, wish.check_image, uuids, wanted)
    what = "run nvidia-smi in a container of %s with %s" % (wish.check_image, engine)
    return [Step("check", "run-container", what, why, data)]
