# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""One check: look, end leftovers by consent and look again, tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NoReturn

from .._command import CommandError, Commands
from .._effects import Context, EffectError
from .._host import Files, observe_host
from .._lock import HostLock, LockError
from .leftovers import shown
from .node import CheckState, summary
from .observe import ask_nvml, observe
from .plan import plan
from .row import counted, failed, in_a_sentence
from .rows import judged
from .wish import CheckWish

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

#: How long a run that has steps waits for another one on the node, in seconds.
_LOCK_TIMEOUT = 900.0


def check(module: AnsibleModule, wish: CheckWish, fail: bool, files: Files) -> NoReturn:
    """Check the node and end the module with its result. ``fail``: as a failure if a row failed."""
    commands, host = Commands(module), observe_host(files)
    context = Context(commands, files, [])
    state = before = observe(commands, files, host, wish)
    steps = plan(state, wish).steps
    done = 0
    trouble = ""
    if steps and not module.check_mode:
        from .apply import ACTIONS

        try:
            with HostLock(_LOCK_TIMEOUT):
                for step in steps:
                    done += 1
                    ACTIONS[step.action](context, step.data)
        except (CommandError, EffectError, LockError) as exc:
            trouble = "%s. " % str(exc).rstrip(".")
        except OSError as exc:
            trouble = "%s: %s. " % (exc.filename or "The node", exc.strerror or exc)
        state = ask_nvml(commands, files, host, state, wish)
    result = _told(before, state, wish)
    result["changed"] = bool(done or (module.check_mode and steps))
    result["steps"] = [step.shown() for step in steps]
    result["msg"] = trouble + result["msg"]
    for warning in context.warnings:
        module.warn(warning)
    if trouble or (fail and result["failed_rows"]):
        module.fail_json(**result)
    module.exit_json(**result)
    raise RuntimeError("the module went on after its result")


def _told(before: CheckState, state: CheckState, wish: CheckWish) -> Dict[str, Any]:
    rows = judged(state, wish)
    processes: List[Dict[str, Any]] = [shown(each, wish.leftover_minutes) for each in state.holders]
    return {
        "before": summary(before),
        "after": summary(state),
        "rows": [row.shown() for row in rows],
        "failed_rows": [row.shown() for row in failed(rows)],
        "summary": counted(rows),
        "processes": processes,
        "msg": in_a_sentence(rows),
    }
