# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code that is kept is used for the sources that it was made of, by the Python that made it, or not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterable, Sequence

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _byte_code, _later

PACKAGE = "ansible_collections/labfleet/gpu/plugins/module_utils"
OURS = {"_byte_code.py": _byte_code, "_later.py": _later}
#: A look that needs a module beside it, one in a package, and one that nobody sent.
LOOK = """
from ._deep import inner
from ._beside import WORD
from ._later import Further, later
def look(module):
    try:
        later(__name__, "._deep.absent")
    except Further as exc:
        module["further"] = str(exc)
    module.update(word=WORD, inner=inner.NAME, count=inner.counted(), file=__spec__.name)
"""
SOURCES = {
    "_stack_at_rest.py": LOOK,
    "_beside.py": "WORD = 'first'\n",
    "_deep/__init__.py": "",
    "_deep/inner.py": (
        "from dataclasses import dataclass, fields\nfrom .._beside import WORD\nNAME = __name__\n"
        "@dataclass\nclass Two:\n    a: int\n    b: str = WORD\n"
        "def counted():\n    return len(fields(Two))\n"
    ),
}
#: argv: the archive, the file to keep code in, what to do, the digest, and changes of sys for this run.
PROGRAM = """
import json, os, sys
archive, path, what, sources, changes = sys.argv[1:]
sys.path.insert(0, archive)
vars(sys).update(json.loads(changes))
compiled = []
sys.addaudithook(lambda event, given: compiled.append(str(given[1])) if event == "compile" else None)
import ansible_collections.labfleet.gpu.plugins.module_utils._byte_code as it
it.PATH, it._ROOT = path, os.geteuid()
if what == "look as another":
    it._ROOT += 1
elif what == "look at another's":
    it._ROOT += 1
    os.geteuid = lambda: it._ROOT
def write(path, content):
    with open(path, "wb") as stream:
        stream.write(content)
told = {}
if what == "keep":
    it.keep(sources, write)
elif what == "elsewhere":
    it._ROOT += 1
    it.keep(sources, write)
else:
    del compiled[:]
    look = it.kept_look(sources)
    if look is not None:
        look(told)
        told["compiled"] = [name for name in compiled if "module_utils" in name]
print(json.dumps(told))
"""


def archive(folder: Path, sources: Dict[str, str], name: str = "sent.zip") -> Path:
    """As Ansible packs a module: our own two files and these."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as sent:
        for depth in range(5):
            sent.writestr("%s/__init__.py" % PACKAGE.rsplit("/", depth)[0], "")
        for file, module in OURS.items():
            sent.write(str(module.__file__), "%s/%s" % (PACKAGE, file))
        for file, text in sources.items():
            sent.writestr("%s/%s" % (PACKAGE, file), text)
    return path


def run(
    sent: Path, path: Path, what: str, sources: str = "these", flags: Sequence[str] = (), **changes: Any
) -> Dict[str, Any]:
    """What the program tells. ``sources`` stands for those of which there is the digest; "" for none."""
    digest = hashlib.sha256(sources.encode()).hexdigest() if sources else "as-of-today"
    words = [sys.executable, *flags, "-c", PROGRAM, str(sent), str(path), what, digest, json.dumps(changes)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    told: Dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Path:
    path = tmp_path / "code"
    assert run(archive(tmp_path, SOURCES, "all.zip"), path, "keep") == {}
    path.chmod(0o644)
    return path


@pytest.fixture(name="light")
def _light(tmp_path: Path) -> Path:
    return archive(tmp_path, {})


def test_a_look_without_sources_is_the_look(kept: Path, light: Path) -> None:
    package = PACKAGE.replace("/", ".")
    assert run(light, kept, "look") == {
        "word": "first",
        "inner": package + "._deep.inner",
        "count": 2,
        "file": package + "._stack_at_rest",
        "further": package + "._deep.absent",
        "compiled": [],
    }


@pytest.mark.parametrize(
    "sources, changes",
    [
        ("other", {}),
        ("these", {"hexversion": 0x02070000}),
        ("these", {"flags": ("-O",)}),
    ],
    ids=["other sources", "another Python", "without assertions"],
)
def test_it_is_not_used_for_anything_else(
    kept: Path, light: Path, sources: str, changes: Dict[str, Any]
) -> None:
    assert run(light, kept, "look", sources, **changes) == {}


def spoilt(content: bytes) -> Iterable[bytes]:
    yield b""
    yield content[:40]
    yield content[:-1]
    yield content + b"\0"
    for place in (0, 40, 70, len(content) // 2, len(content) - 1):
        yield content[:place] + bytes((content[place] ^ 1,)) + content[place + 1 :]


def test_a_file_that_is_not_whole_is_not_used(kept: Path, light: Path) -> None:
    whole = kept.read_bytes()
    for content in spoilt(whole):
        kept.write_bytes(content)
        assert run(light, kept, "look") == {}, content[:80]
    kept.write_bytes(whole)
    assert run(light, kept, "look")["word"] == "first"


@pytest.mark.parametrize("who", ["look as another", "look at another's"])
def test_nor_by_others_than_root_nor_what_is_of_others(kept: Path, light: Path, who: str) -> None:
    assert run(light, kept, who) == {}


def test_nothing_is_kept_or_used_under_a_text_that_is_no_digest(tmp_path: Path, light: Path) -> None:
    path = tmp_path / "code"
    sent = archive(tmp_path, SOURCES, "all.zip")
    run(sent, path, "keep", "")
    assert not path.exists() and run(light, path, "look", "") == {}


def test_what_cannot_be_compiled_is_not_kept_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "code"
    assert run(archive(tmp_path, {"_stack_at_rest.py": "def"}), path, "keep") == {} and not path.exists()


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_nor_one_that_others_may_write(kept: Path, light: Path, mode: int) -> None:
    kept.chmod(mode)
    assert run(light, kept, "look") == {}


@pytest.mark.parametrize("depth", [1, 2])
def test_nor_one_in_a_folder_to_which_others_may_write(
    kept: Path, light: Path, tmp_path: Path, depth: int
) -> None:
    folder = kept.parents[depth - 1]
    folder.chmod(0o777)
    before = kept.stat().st_mtime_ns
    assert run(light, kept, "look") == {}
    run(archive(tmp_path, SOURCES, "all.zip"), kept, "keep")
    assert kept.stat().st_mtime_ns == before, "what is not used is not written"
    folder.chmod(0o755)
    assert run(light, kept, "look")["word"] == "first"


def test_nor_one_that_a_link_leads_to(kept: Path, light: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(kept)
    assert run(light, link, "look") == {}
    folder = tmp_path / "folder"
    folder.symlink_to(kept.parent)
    assert run(light, folder / kept.name, "look") == {}


def test_others_than_root_keep_nothing(tmp_path: Path) -> None:
    path = tmp_path / "code"
    run(archive(tmp_path, SOURCES), path, "elsewhere")
    assert not path.exists()


def test_nor_does_a_look_that_was_not_sent_by_ansible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_byte_code, "_ROOT", os.geteuid())
    monkeypatch.setattr(_byte_code, "PATH", str(tmp_path / "code"))
    _byte_code.keep("a" * 64, lambda path, content: pytest.fail(path))


def test_new_sources_take_the_place_of_the_old(kept: Path, light: Path, tmp_path: Path) -> None:
    before = kept.stat().st_mtime_ns
    run(archive(tmp_path, SOURCES, "all.zip"), kept, "keep")
    assert kept.stat().st_mtime_ns == before, "what is right is not written again"
    newer = dict(SOURCES, **{"_beside.py": "WORD = 'second'\n"})
    run(archive(tmp_path, newer, "newer.zip"), kept, "keep", "newer")
    assert run(light, kept, "look", "newer")["word"] == "second"
    assert run(light, kept, "look") == {}


def test_where_nothing_can_be_written_nothing_is_lost(tmp_path: Path, light: Path) -> None:
    path = tmp_path / "nowhere/code"
    assert run(archive(tmp_path, SOURCES, "all.zip"), path, "keep") == {}
    assert run(light, path, "look") == {} and not path.parent.exists()
