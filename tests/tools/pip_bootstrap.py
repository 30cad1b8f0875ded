# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give ansible-test's private environments a pip from the interpreter's own ensurepip.

ansible-test downloads a bootstrap script for that unless its cache has one; ansible_test.py puts this
file there. It is called with the options for pip and the packages to install, pip itself among them.
"""

from __future__ import annotations

import subprocess
import sys

OF_THE_BOOTSTRAP_SCRIPT = ("--no-setuptools", "--no-wheel")


def main() -> int:
    """Install pip, then let it install what was asked for; the exit status of pip."""
    arguments = [word for word in sys.argv[1:] if word not in OF_THE_BOOTSTRAP_SCRIPT]
    subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
    return subprocess.call([sys.executable, "-m", "pip", "install"] + arguments)


if __name__ == "__main__":
    sys.exit(main())
