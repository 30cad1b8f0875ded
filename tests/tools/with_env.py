# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one command in one of the environments.

Use: with_env.py [--root] ENVIRONMENT COMMAND [ARGUMENT...]
"""

from __future__ import annotations

import os
import subprocess
import sys

import environments
import interpreters
from context import command_as_root, environ_for, prefix_for_root


def main(words: list[str]) -> None:
    """Become the command; returns only with an error."""
    as_root = words[0] == "--root"
    if as_root:
        words = words[1:]
    prefix = prefix_for_root() if as_root else []
    if prefix is None:
        sys.exit("The lab boots machines: run this as root, or as a user who may use sudo.")
    try:
        environ = environ_for((words[0],), interpreters.find())
    except environments.Unavailable as missing:
        sys.exit(str(missing))
    except subprocess.CalledProcessError as error:
        sys.exit(f"An environment could not be made ({error}): the lines above say why.")
    command = command_as_root(prefix, environ, words[1:])
    os.chdir(interpreters.ROOT)
    os.execvpe(command[0], command, environ)


if __name__ == "__main__":
    main(sys.argv[1:])
