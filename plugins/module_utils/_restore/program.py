# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The program of the boot unit: the planners of this collection and what they need, in one file for Python.

It is made of the sources that are running, so it needs neither Ansible nor the collection on the node.
"""

from __future__ import annotations

import functools
import io
import os
import zipfile
from typing import Any

from .contents import CONTENTS

_ENTRY = "_restore.main"
_MAIN = "import sys\n\nfrom %s import main\n\nsys.exit(main())\n"


@functools.lru_cache(maxsize=None)
def program() -> bytes:
    """The file's content, the same for the same sources."""
    inside = __name__.split(".")[:-2]
    main = ".".join((*inside, _ENTRY))
    sources = {"__main__.py": (_MAIN % main).encode()}
    for name in CONTENTS:
        path = (*inside, *name.split("."))
        sources["/".join(path) + ".py"] = _source(name)
        for length in range(1, len(path)):
            sources["/".join((*path[:length], "__init__.py"))] = b""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for member in sorted(sources):
            archive.writestr(zipfile.ZipInfo(member), sources[member])
    return stream.getvalue()


def _source(name: str) -> bytes:
    """A module's text, from the collection's directory or from the archive that Ansible made of it."""
    above = os.path.dirname(os.path.dirname(__file__))
    loader: Any = __spec__.loader if __spec__ else None
    content: bytes = loader.get_data(os.path.join(above, *name.split(".")) + ".py")
    return content
