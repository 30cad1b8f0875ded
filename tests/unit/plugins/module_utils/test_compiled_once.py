# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out of a zip file is compiled once, and is otherwise what it would be without that."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _compiled_once

#: A package with a module, a package in it with a relative import, and one that fails when it is run.
SOURCES = {
    "pack/__init__.py": "",
    "pack/one.py": "from .inner import two\nNAME = two.NAME\n",
    "pack/inner/__init__.py": "",
    "pack/inner/two.py": "NAME = __name__\n",
    "pack/broken.py": "\nraise ValueError('as it says')\n",
}
#: Counts the compilations of what is imported before and after compile_once(), and tells what was imported.
PROGRAM = """
import json, sys, traceback
sys.path.insert(0, sys.argv[1])
counted = {}
def audit(event, given):
    if event == "compile" and "pack" in str(given[1]):
        name = str(given[1]).split(".zip/")[-1]
        counted[name] = counted.get(name, 0) + 1
sys.addaudithook(audit)
import pack.compiled_once as it
if sys.argv[2] == "once":
    it.compile_once()
    it.compile_once()
import pack.one, pack.inner.two
try:
    import pack.broken
except ValueError:
    trace = traceback.format_exc()
try:
    import pack.nowhere
except ImportError as exc:
    lacking = str(exc)
print(json.dumps({
    "counted": counted, "name": pack.one.NAME, "file": pack.one.__file__, "package": pack.inner.__path__[0],
    "inner": pack.inner.__file__, "trace": trace, "lacking": lacking, "hooks": len(sys.path_hooks),
}))
"""


def imported(folder: Path, how: str) -> Dict[str, Any]:
    archive = folder / "payload.zip"
    with zipfile.ZipFile(archive, "w") as handle:
        for name, source in SOURCES.items():
            handle.writestr(name, source)
        handle.write(_compiled_once.__file__, "pack/compiled_once.py")
    words = [sys.executable, "-c", PROGRAM, str(archive), how]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


def test_once_instead_of_twice(tmp_path: Path) -> None:
    usual, once = imported(tmp_path, "usual"), imported(tmp_path, "once")
    counts = [
        {each["counted"][name] for name in ("pack/one.py", "pack/inner/two.py")} for each in (usual, once)
    ]
    assert counts[1] == {1}
    if counts[0] == {1}:
        pytest.fail("zipimport compiles once by itself now: _compiled_once.py can go")
    same = ("name", "file", "inner", "package", "trace", "lacking")
    assert [once[name] for name in same] == [usual[name] for name in same]
    assert once["file"].endswith("payload.zip/pack/one.py") and 'broken.py", line 2' in once["trace"]
    assert once["hooks"] == usual["hooks"] + 1


def test_beside_files_it_does_nothing() -> None:
    hooks = list(sys.path_hooks)
    _compiled_once.compile_once()
    assert sys.path_hooks == hooks
