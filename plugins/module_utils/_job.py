# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A change that goes on without its connection, and tells how far it is.

Where there are steps, the module forks: the parent answers at once with the job's directory, the child
applies the plan in a session of its own. A driver upgrade that cuts the network, or an admin who closes the
laptop, does not cut dpkg. The action plugin reads ``progress`` and ``result`` from the directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from typing import Any, Collection, Dict, NoReturn

from ansible.module_utils.common.parameters import remove_values

from ._plan import Step

#: Set by the action plugin: it knows how to follow a job. Without it the module applies its plan itself.
VARIABLE = "LABFLEET_GPU_JOB"
_PARENT = "/run"
_PREFIX = "labfleet-gpu-job-"
#: Seconds for which an ended job is kept: whoever follows it may have lost the connection for a while.
_KEPT = 3600


def wanted() -> bool:
    """Did the caller say that it can follow a job?"""
    return os.environ.get(VARIABLE) == "1"


class Job:
    """The child's side: where it writes how far it is.

    What the caller reads here does not pass Ansible's own masking: ``secrets`` are masked in all of it.
    """

    def __init__(self, directory: str, secrets: Collection[str] = ()):
        self.directory = directory
        self.secrets = secrets

    def progress(self, step: Step, number: int, total: int) -> None:
        """Tell how far it is. What cannot be told (no room left in /run) is no reason to stop halfway."""
        shown = remove_values(step.shown(), self.secrets)
        line = json.dumps(dict(shown, number=number, total=total))
        path = os.path.join(self.directory, "progress")
        with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    def finish(self, result: Dict[str, Any]) -> NoReturn:
        """Leave the result, whole or not at all, and end."""
        path = os.path.join(self.directory, "result")
        with open(path + ".part", "w", encoding="utf-8") as handle:
            json.dump(remove_values(result, self.secrets), handle)
        os.rename(path + ".part", path)
        raise SystemExit(0)


def start(module_result: Any, secrets: Collection[str] = ()) -> Job:
    """Fork. The parent calls ``module_result(directory, pid)``, which ends it; the child returns a Job."""
    for name in _stale():
        shutil.rmtree(name, ignore_errors=True)
    # The child outlives the archive that Ansible loads modules from: what it may need later is loaded now.
    import ansible.module_utils.urls  # noqa: F401  # pylint: disable=unused-import

    directory = tempfile.mkdtemp(prefix=_PREFIX, dir=_PARENT)
    with open(os.path.join(directory, "progress"), "w", encoding="utf-8"):
        pass
    pid = os.fork()
    if pid == 0:
        os.setsid()
        _become_silent(os.path.join(directory, "log"))
        return Job(directory, secrets)
    with open(os.path.join(directory, "pid"), "w", encoding="utf-8") as handle:
        handle.write("%d\n" % pid)
    module_result(directory, pid)
    raise RuntimeError("the module went on after it had answered")


def _stale() -> Any:
    """Directories of jobs that ended long ago and that nobody followed to the end."""
    for name in os.listdir(_PARENT):
        if not name.startswith(_PREFIX):
            continue
        path = os.path.join(_PARENT, name)
        try:
            with open(os.path.join(path, "pid"), encoding="utf-8") as handle:
                os.kill(int(handle.read()), 0)
        except ProcessLookupError:
            # Writing the result was the last change to the directory.
            with contextlib.suppress(OSError):
                if time.time() - os.stat(path).st_mtime > _KEPT:
                    yield path
        except (OSError, ValueError):
            continue


def _become_silent(log: str) -> None:
    """The connection must be able to close: nothing of it stays open here."""
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (null, output):
        if descriptor > 2:
            os.close(descriptor)
