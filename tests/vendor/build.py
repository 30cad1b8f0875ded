# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the tree of simulated vendor repositories that the lab serves over HTTP."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from labvendor.compile import BuildError
from labvendor.tree import DEFAULT_URL, Tree


def main() -> int:
    """Parse the arguments, build, say what was built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to be served")
    parser.add_argument(
        "--base-url",
        default=DEFAULT_URL,
        metavar="URL",
        help="where DIR will be served (default: %(default)s)",
    )
    parser.add_argument(
        "--kernel",
        action="append",
        metavar="RELEASE",
        help="kernel to offer headers and an image for; repeatable, the metapackages "
        "follow the last one (default: the running kernel)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keys and compiled parts (default: vendor-state beside --out)",
    )
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    tree = Tree(out, arguments.state or out.parent / "vendor-state", arguments.base_url.rstrip("/"))
    try:
        for line in tree.build(arguments.kernel or [os.uname().release]):
            print(line, flush=True)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
