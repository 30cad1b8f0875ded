# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""One look at a host that needs nothing: observe and plan, without anything that a change takes.

What it says is what _converge.py would say, word for word. Where there is more to say (a step, a question, a
refusal, a reboot, anything that goes wrong) it says only that, and the whole module is asked.
"""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ._command import CommandError, Commands, Once
from ._component import Part, told
from ._effects import Context, write_bytes
from ._host import Files, observe_host
from ._later import Further
from ._report import result_of

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


#: The components that are looked at, and what the result has beside them.
Looked = Tuple[Sequence[Part], Dict[str, Any]]
#: Keeps the module's code, with the function that writes a file.
Keeping = Callable[[Callable[[str, bytes], None]], None]


def tell(module: AnsibleModule, looking: Callable[[], Looked], keep: Optional[Keeping] = None) -> None:
    """The result of a module that only looks. ``looking`` raises Further where that is not enough."""
    # All of it goes with the process, a quarter of a second later: to look for garbage before that, and once
    # more at the end, takes a twelfth of the time.
    gc.disable()
    commands, files = Once(module), Files()
    try:
        parts, more = looking()
        found = at_rest(commands, files, parts, module.check_mode)
    except Further:
        found = None
    if found is None:
        module.exit_json(changed=False, at_rest=False)
        return
    # Not before: a run that is refused leaves nothing behind.
    if keep is not None and not module.check_mode:
        keep(partial(write_bytes, Context(commands, files, [])))
    for warning in found.pop("warnings"):
        module.warn(warning)
    gc.freeze()
    module.exit_json(at_rest=True, **more, **found)


def at_rest(
    commands: Commands, files: Files, parts: Sequence[Part], check_mode: bool
) -> Optional[Dict[str, Any]]:
    """The result of a run that has nothing to do, its warnings included; None where there is more to it."""
    try:
        warnings = _look(commands, files, parts)
    except (Further, CommandError, OSError):
        return None
    if warnings is None:
        return None
    reports = {part.component.name: part.report(check_mode) for part in parts}
    return dict(result_of(reports, False, check_mode), warnings=list(dict.fromkeys(warnings)))


def _look(commands: Commands, files: Files, parts: Sequence[Part]) -> Optional[List[str]]:
    """Observe and plan all parts. What they warn of; None where one of them is not at rest."""
    host = observe_host(files)
    known: Dict[str, Mapping[str, Any]] = {}
    warnings: List[str] = []
    for part in parts:
        part.before = part.state = part.component.observe(commands, files, host)
        plan = part.plan = part.component.plan(part.state, part.component.informed(part.wish, known), {})
        if plan.steps or plan.questions or plan.blockers or plan.needs or plan.replan or plan.reboot_reasons:
            return None
        known[part.component.name] = told(part)
        warnings += plan.warnings
    return warnings
