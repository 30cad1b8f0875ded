# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Commands that may hang in the driver, with a deadline.

timeout(1) would not do: it waits for its child, and one that hangs in the kernel cannot be killed. Between us
and the command is a process that leaves such a child behind, and has its output to itself, so that nobody
waits for the end of that either.
"""

from __future__ import annotations

import sys
from typing import List, Sequence

#: What a command ends with whose deadline has passed, as of timeout(1).
HUNG = 124
#: For Python, with the seconds and the command.
PROGRAM = """\
import os, signal, subprocess, sys
seconds, argv = float(sys.argv[1]), sys.argv[2:]
pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
try:
    child = subprocess.Popen(argv, start_new_session=True, **pipes)
except OSError as exc:
    print("%s: %s" % (argv[0], exc.strerror))
    sys.exit(127)
try:
    said, _ = child.communicate(timeout=seconds)
    status = child.returncode if child.returncode >= 0 else 128 - child.returncode
except subprocess.TimeoutExpired:
    os.killpg(child.pid, signal.SIGKILL)
    said, status = b"'%s' did not end within %g seconds\\n" % (" ".join(argv).encode(), seconds), 124
sys.stdout.buffer.write(said)
sys.stdout.flush()
os._exit(status)
"""


def within(seconds: float, argv: Sequence[str]) -> List[str]:
    """The command line that runs ``argv`` for at most so many seconds, and ends with HUNG where it hangs."""
    return [sys.executable, "-I", "-c", PROGRAM, "%g" % seconds, *argv]
