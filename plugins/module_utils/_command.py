# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The only place that runs commands: argument lists, a fixed locale, one way to fail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, Optional, Sequence, Tuple

from ._dataclass import dataclass

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

#: Messages that we read must not depend on the admin's language; nothing may ask or restart services.
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "C",
    "DEBIAN_FRONTEND": "noninteractive",
    "NEEDRESTART_SUSPEND": "1",
    "APT_LISTCHANGES_FRONTEND": "none",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


@dataclass(frozen=True)
class Completed:
    """What a command left behind."""

    argv: Sequence[str]
    rc: int
    out: str
    err: str

    def tail(self, lines: int = 12) -> str:
        """The last lines of what it said, errors last."""
        text = "\n".join(part.rstrip() for part in (self.out, self.err) if part.strip())
        return "\n".join(text.splitlines()[-lines:])


def run_command(argv: Sequence[str], environment: Dict[str, str]) -> Tuple[int, str, str]:
    """Exit status, output and errors, as of an AnsibleModule, for a program that runs without Ansible.

    Raises OSError where there is no such program.
    """
    import subprocess

    done = subprocess.run(  # pylint: disable=ansible-bad-function
        list(argv),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class CommandError(Exception):
    """A command failed: the message says what was attempted and what the command answered."""

    def __init__(self, attempt: str, completed: Completed):
        self.attempt = attempt
        self.completed = completed
        super().__init__(
            "Failed to %s: '%s' ended with %d. It said: %s"
            % (attempt, " ".join(completed.argv), completed.rc, completed.tail() or "nothing")
        )


class Commands:
    """Runs commands on the managed node on behalf of a module."""

    def __init__(self, module: AnsibleModule):
        self._module = module

    def run(self, argv: Sequence[str], environment: Optional[Dict[str, str]] = None) -> Completed:
        """Run and return whatever came of it, success or not; a program that is not there ends with 127."""
        env = dict(ENVIRONMENT, **(environment or {}))
        rc, out, err = self._module.run_command(
            list(argv),
            environ_update=env,
            check_rc=False,
            handle_exceptions=False,
            expand_user_and_vars=False,
        )
        return Completed(tuple(argv), rc, out, err)

    def attempt(
        self, what: str, argv: Sequence[str], environment: Optional[Dict[str, str]] = None
    ) -> Completed:
        """Run and raise :class:`CommandError` ("Failed to <what>") unless it ends with 0."""
        completed = self.try_run(argv, environment)
        if completed.rc != 0:
            raise CommandError(what, completed)
        return completed

    def try_run(self, argv: Sequence[str], environment: Optional[Dict[str, str]] = None) -> Completed:
        try:
            return self.run(argv, environment)
        except OSError as exc:
            return Completed(tuple(argv), 127, "", "%s: %s" % (argv[0], exc.strerror or exc))


class Once(Commands):
    """Runs each command once, for a look in which nothing changes: several components ask dpkg the same."""

    def __init__(self, module: AnsibleModule):
        super().__init__(module)
        self._known: Dict[Tuple[Tuple[str, ...], Tuple[Tuple[str, str], ...]], Completed] = {}

    def run(self, argv: Sequence[str], environment: Optional[Dict[str, str]] = None) -> Completed:
        """What the command answered, now or the first time."""
        key = (tuple(argv), tuple(sorted((environment or {}).items())))
        if key not in self._known:
            self._known[key] = super().run(argv, environment)
        return self._known[key]
