# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Plans of those who ask NVML, while it cannot be asked: what is needed first, and to be expected. Pure."""

from __future__ import annotations

from typing import Optional, Protocol, Tuple

from ._dataclass import dataclass
from ._plan import Blocker, Plan, Step


class Asking(Protocol):
    """A state that tells whether NVML answers."""

    @property
    def driver(self) -> Optional[str]:
        """The version that is loaded, or installed."""

    @property
    def trouble(self) -> str:
        """Why NVML could not be asked, "" if it was."""

    @property
    def binding(self) -> str:
        """What is wrong with pynvml, "" if nothing is."""

    @property
    def offered(self) -> Optional[str]:
        """Where a pynvml for this node lies, if the controller sent one."""

    @property
    def tools(self) -> str:
        """Where that then goes."""


#: How a refusal begins that is for want of an answer of NVML.
NO_ANSWER = "NVML cannot be asked"


@dataclass(frozen=True)
class Binding:
    """A file that the controller sent, and where it goes."""

    source: str
    path: str


def foretold(asking: Asking, found: Plan, note: str) -> Plan:
    """What is to be expected before NVML can be asked, and what is needed for that.

    A wish that seems impossible is told, not refused. ``note`` says what the forecast goes by.
    """
    needs, first = _needs(asking), _tools(asking)
    said = tuple("It seems that this will be refused: %s." % blocker for blocker in found.blockers)
    warnings = (note, *found.warnings, *said)
    outlook = found.foretold() or None
    if first and not needs:
        # NVML has the last word, and can be asked after this.
        return Plan(first, outlook=outlook, warnings=warnings, reasons=(asking.binding,), replan=True)
    return Plan(
        first + found.steps,
        needs=needs,
        outlook=outlook,
        warnings=warnings,
        passing=found.passing,
        reasons=found.reasons,
    )


def _tools(asking: Asking) -> Tuple[Step, ...]:
    """The controller's nvidia-ml-py is put into place, if it sent one."""
    if not (asking.binding and asking.offered):
        return ()
    what = "put nvidia-ml-py into %s" % asking.tools
    data = Binding(asking.offered, asking.tools + "/pynvml.py")
    return (Step("tools", "bring-pynvml", what, _short(asking.binding), data),)


def _needs(asking: Asking) -> Tuple[Blocker, ...]:
    """What no step of ours brings: a loaded driver, and nvidia-ml-py where the controller has none."""
    needs = []
    if asking.binding and not asking.offered:
        needs.append(
            Blocker(
                "%s: %s" % (NO_ANSWER, _short(asking.binding)),
                "Python on this node",
                "install nvidia-ml-py beside Ansible on the controller, which then brings it, or on the node",
            )
        )
    if asking.trouble or asking.driver is None:
        needs.append(
            Blocker(
                NO_ANSWER + (asking.trouble and ": " + asking.trouble.rstrip(".")),
                "driver %s" % asking.driver if asking.driver else "no driver",
                "have a driver installed and loaded (nvidia_driver does that)",
            )
        )
    return tuple(needs)


def _short(trouble: str) -> str:
    """What is wrong, without the advice behind it."""
    return trouble.partition(": ")[0]
