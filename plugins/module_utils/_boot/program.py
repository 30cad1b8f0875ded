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
from typing import Tuple

#: Loaded by name here so that Ansible's packaging of a module carries it.
from . import main as _main

_MAIN = "import sys\n\nfrom %s import main\n\nsys.exit(main())\n"
#: All that ``main`` imports, directly or not, below module_utils; a test compares. Packages come with it.
CONTENTS: Tuple[str, ...] = tuple(
    """
    _asked _asking _boot.apply _boot.kept _boot.main _boot.plan _boot.program _boot.state _boot.stored
    _boot.unit _catalog.cuda _catalog.gpus _catalog.mig _catalog.mig_boards _catalog.versions _clients
    _clients_away _clients_seen _command _component _converge _download _driver_seen _effects _fetch
    _gpu_notes _gpu_setter _gpu_values _host _job _lock _mig.apply _mig.ask _mig.boards _mig.capacity
    _mig.change _mig.component _mig.kinds _mig.module_wish _mig.names _mig.nearest _mig.node _mig.observe
    _mig.options _mig.pack _mig.plan _mig.plan_gpu _mig.remembered _mig.settings_back _mig.solve _mig.state
    _mig.steps _mig.targets _mig.wish _mig.yaml_text _nvml _nvml_calls _openpgp _packages _plan _questions
    _report _resets _running _scalar _settings.apply _settings.ask _settings.change _settings.component
    _settings.limits _settings.node _settings.observe _settings.plan _settings.plan_gpu _settings.remembered
    _settings.wish _sources _survey _targets _together _toolkit_trees _volatile _workspace
    """.split()  # noqa: SIM905 (eighty names, one to a line, would hide the rest of this file)
)


@functools.lru_cache(maxsize=None)
def program() -> bytes:
    """The file's content, the same for the same sources."""
    inside = _main.__name__.split(".")[:-2]
    sources = {"__main__.py": (_MAIN % _main.__name__).encode()}
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
    content: bytes = __spec__.loader.get_data(os.path.join(above, *name.split(".")) + ".py")
    return content
