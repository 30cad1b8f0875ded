# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sources this collection would send to a node."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible_collections.labfleet.gpu.plugins.module_utils import _later


def sources_digest(top: Path = Path(str(_later.__file__)).parent) -> str:
    """SHA-256, in hexadecimal digits, over all modules below a folder, which is module_utils."""
    found = hashlib.sha256()
    for path in sorted(top.rglob("*.py")):
        if not path.is_file():  # an editor's lock, a link to nowhere
            continue
        content = path.read_bytes()
        found.update(f"{path.relative_to(top)} {len(content)}\n".encode() + content)
    return found.hexdigest()
