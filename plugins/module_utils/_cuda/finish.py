# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Everything after the packages: the default, the environment, the promise, the warnings. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .._lost_told import left_lost
from .._plan import Blocker, Plan, Step
from .._step_data import RemoveFile, WriteFile
from . import default, environment, refusals
from .state import MODULE_FILES, PROFILE_PATH, CudaState, Toolkit, package_lines, shown
from .wish import CudaWish


def plan(
    state: CudaState,
    wish: CudaWish,
    before: Sequence[Step],
    after: Optional[Sequence[Toolkit]] = None,
    versions: Optional[Mapping[str, str]] = None,
    warnings: Tuple[str, ...] = (),
    unpacked: Sequence[str] = (),
) -> Plan:
    """The whole plan, where the steps ``before`` lead to these toolkits and these package versions.

    ``unpacked`` are the packages that apt puts there, again or for the first time.
    """
    after = state.toolkits if after is None else after
    mended = any(name in state.lost or name in state.unmet for name in unpacked)
    chosen = default.choose(state, wish, after)
    if isinstance(chosen, Blocker):
        return Plan(blockers=(chosen,))
    was = {toolkit.path for toolkit in state.toolkits}
    paths = [toolkit.path for toolkit in after]
    moved = [toolkit.path for toolkit in after if toolkit not in state.toolkits]
    worked_on = [step.data.path for step in before if step.action in ("run-installer", "run-uninstaller")]
    switching = default.steps(state, chosen, after, moved, was.difference(paths), worked_on)
    if isinstance(switching, Blocker):
        return Plan(blockers=(switching,))
    around = environment.steps(state, wish, after, chosen.toolkit, bool(switching) or mended)
    steps = (*before, *switching, *around)
    return Plan(
        steps=steps,
        promise=_promise(state, chosen.toolkit, after, versions, around, unpacked) if steps else None,
        outlook={"default_kind": default.kind_after(state, after, chosen)} if steps else None,
        warnings=(*warnings, *_warnings(state, wish, after, chosen.toolkit)),
    )


def _warnings(
    state: CudaState, wish: CudaWish, after: Sequence[Toolkit], chosen: Optional[Toolkit]
) -> Tuple[str, ...]:
    return refusals.warnings(state, wish, after) + refusals.compat_warnings(state, wish, after, chosen)


def _promise(
    state: CudaState,
    chosen: Optional[Toolkit],
    after: Sequence[Toolkit],
    versions: Optional[Mapping[str, str]],
    around: Sequence[Step],
    unpacked: Sequence[str],
) -> Dict[str, Any]:
    there = state.versions() if versions is None else versions
    found: Dict[str, Any] = {
        "lost": left_lost(state.lost, state.unmet, there, unpacked),
        "toolkits": shown(after),
        "default": chosen.minor if chosen else None,
        "default_path": chosen.path if chosen else None,
    }
    if versions is not None:
        found["packages"] = package_lines(versions)
    files = {path for path, content in state.own_files.items() if content is not None}
    files.update(state.module_files)
    for step in around:
        if isinstance(step.data, WriteFile):
            files.add(step.data.path)
        elif isinstance(step.data, RemoveFile):
            files.discard(step.data.path)
    found["environment"] = PROFILE_PATH in files
    found["module_files"] = sorted(path for path in files if path.startswith(tuple(MODULE_FILES.values())))
    return found
