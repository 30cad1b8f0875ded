# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the program of a driver version: one executable file, a Python zip application.

Use: pack.py VERSION FILE
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

HEAD = b"#!/usr/bin/python3 -IS\n"
START = """import sys
from nvidia_smi.main import main
sys.exit(main(sys.argv[1:], {0!r}))
"""


def pack(version: str, target: Path) -> None:
    """Write the program. The same sources make the same bytes."""
    parts = {
        "nvidia_smi/" + path.name: path.read_text(encoding="utf-8")
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if path.name != Path(__file__).name
    }
    parts["__main__.py"] = START.format(version)
    with open(str(target), "wb") as out:
        out.write(HEAD)
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in parts.items():
                archive.writestr(zipfile.ZipInfo(name), text)
    target.chmod(0o755)


if __name__ == "__main__":
    pack(sys.argv[1], Path(sys.argv[2]))
