# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN from archives in the redistributable layout, in the toolkit of a booted node."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from proof import Result, proved, refused
from scenario import MIRROR, Fleet

CUDNN = "cudnn"
TOOLKIT = "/usr/local/cuda-12.4"
LIBRARY = f"{TOOLKIT}/lib64/libcudnn.so."
#: The linker's own notes, which say when each library was changed.
NOTES = "/var/cache/ldconfig/aux-cache"


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """Debian with the runtime of one toolkit, and no driver; the scenarios follow each other on it."""
    fleet.reset("node3")
    wish = {**MIRROR, "versions": ["12.4"], "components": "runtime"}
    done = fleet.task("node3", {"labfleet.gpu.cuda_toolkit": wish})
    assert not done.get("failed"), done["msg"]
    fleet.sh("node3", "ldconfig")
    fleet.lab("mark", "node3", "toolkit")
    return "node3"


def archive(fleet: Fleet, version: str, cuda: str = "12") -> dict[str, Any]:
    """Address and checksum of an archive, as its manifest has them."""
    base = f"{fleet.url}/compute/cudnn/redist/"
    with urllib.request.urlopen(f"{base}redistrib_{version}.json", timeout=20) as answer:
        found = json.load(answer)["cudnn"]["linux-x86_64"][f"cuda{cuda}"]
    return {"archive": base + found["relative_path"], "checksum": f"sha256:{found['sha256']}"}


def on_node(fleet: Fleet, node: str, version: str) -> dict[str, Any]:
    """An archive that was copied to the node."""
    found = archive(fleet, version)
    path = f"/srv/{found['archive'].rpartition('/')[2]}"
    fetch = "import sys, urllib.request as r; r.urlretrieve(*sys.argv[1:])"
    fleet.sh(node, f"python3 -c '{fetch}' {found['archive']} {path}")
    return {**found, "archive": path}


def copies(result: Result) -> dict[str, tuple[str, str]]:
    return {library: (each["version"], each["origin"]) for library, each in result["after"]["cudnn"].items()}


def changed_since(fleet: Fleet, node: str, mark: str) -> list[str]:
    """Lines of what changed, without what is of no account."""
    lines = fleet.lab("diff", node, "--since", mark, status=None).splitlines()
    return [line for line in lines if not line.startswith((NOTES, "/srv"))]


def test_an_archive_goes_into_one_toolkit(fleet: Fleet, node: str) -> None:
    found = archive(fleet, "9.5.1")
    done = proved(fleet, node, module=CUDNN, version="9.5.1", cuda="12", toolkit="12.4", **found)
    assert copies(done) == {LIBRARY + "9": ("9.5.1.17", "archive")}
    put = fleet.sh(node, f"cd {TOOLKIT}; find include/ lib64/ -name '*cudnn*' -printf '%M %u:%g %P %l\\n'")
    lines = [line.split() for line in put.splitlines()]
    assert {line[0] for line in lines} == {"-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"}
    assert {line[1] for line in lines} == {"root:root"} and len(lines) == 7 + 3 * 8
    assert fleet.sh(node, f"readlink {LIBRARY}9 {TOOLKIT}/lib64/libcudnn.so").split() == [
        "libcudnn.so.9.5.1",
        "libcudnn.so.9",
    ]
    assert fleet.sh(node, "ldconfig -p | grep -c 'libcudnn.so.9 '") == "1", "the linker knows it"


def test_another_archive_takes_its_place_and_leaves_nothing_of_it(fleet: Fleet, node: str) -> None:
    found = on_node(fleet, node, "8.9.7")
    done = proved(fleet, node, module=CUDNN, version="8.9.7", cuda="12", toolkit=TOOLKIT, **found)
    assert copies(done) == {LIBRARY + "8": ("8.9.7.29", "archive")}
    assert fleet.sh(node, f"ls {TOOLKIT}/lib64 | grep -c 'so.9' || true") == "0"


def test_absent_leaves_the_toolkit_as_it_was(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDNN, state="absent", toolkit="12.4")
    assert copies(done) == {}
    assert changed_since(fleet, node, "toolkit") == []


def test_a_wrong_checksum_leaves_the_node_as_it_was(fleet: Fleet, node: str) -> None:
    wrong = {"checksum": "sha256:" + "0" * 64}
    wish: dict[str, Any] = {"version": "9.5.1", "cuda": "12", "toolkit": "12.4"}
    there = {**on_node(fleet, node, "9.5.1"), **wrong}
    said = refused(fleet, node, module=CUDNN, **wish, **there)
    assert "The archive is not what its checksum says" in said, said
    fetched = {**MIRROR, **wish, **archive(fleet, "9.5.1"), **wrong}
    failed = fleet.task(node, {f"labfleet.gpu.{CUDNN}": fetched})
    assert failed["failed"] and "thrown away" in failed["msg"], failed["msg"]
    assert changed_since(fleet, node, "toolkit") == []


def test_an_archive_for_another_cuda_is_refused(fleet: Fleet, node: str) -> None:
    found = archive(fleet, "9.10.2", cuda="11")
    said = refused(fleet, node, module=CUDNN, version="9.10", toolkit="12.4", **found)
    assert "The archive is for another CUDA" in said, said
    said = refused(fleet, node, module=CUDNN, version="9.10", cuda="11", toolkit="12.4", **found)
    assert "does not go into a toolkit of another CUDA" in said, said


def test_one_that_somebody_copied_is_told_and_left_alone(fleet: Fleet, node: str) -> None:
    """As guides have it: cp into include and lib64."""
    path = on_node(fleet, node, "9.5.1")["archive"]
    fleet.sh(
        node,
        f"mkdir /srv/out && tar -xf {path} -C /srv/out --strip-components 1 && mkdir -p {TOOLKIT}/include"
        f" && cp /srv/out/include/cudnn*.h {TOOLKIT}/include && cp -P /srv/out/lib/libcudnn* {TOOLKIT}/lib64"
        f" && ldconfig",
    )
    there = fleet.task(node, {f"labfleet.gpu.{CUDNN}": {**MIRROR, "version": "9", "cuda": "12"}})
    assert not there["changed"] and copies(there) == {LIBRARY + "9": ("9.5.1", "hand")}, there
    wish: dict[str, Any] = {"version": "9.10.2", "cuda": "12", "toolkit": "12.4"}
    found = archive(fleet, "9.10.2")
    said = refused(fleet, node, module=CUDNN, **wish, **found)
    assert "Somebody copied a cuDNN into this toolkit" in said and "9.5.1" in said, said
    done = proved(fleet, node, module=CUDNN, **wish, **found, take_over=True)
    assert copies(done) == {LIBRARY + "9": ("9.10.2.21", "archive")}
    assert fleet.sh(node, f"find {TOOLKIT}/ -name '*cudnn*9.5*'") == ""


def test_a_file_that_somebody_changed_stays_and_is_told(fleet: Fleet, node: str) -> None:
    fleet.sh(node, f"echo '/* ours */' >> {TOOLKIT}/include/cudnn.h")
    wish = {**MIRROR, "state": "absent"}
    done = fleet.task(node, {f"labfleet.gpu.{CUDNN}": wish})
    assert done["changed"] and any("include/cudnn.h" in line for line in done["warnings"]), done
    assert fleet.sh(node, f"find {TOOLKIT}/ -name '*cudnn*'") == f"{TOOLKIT}/include/cudnn.h"
    fleet.sh(node, f"rm -r {TOOLKIT}/include")
    assert changed_since(fleet, node, "toolkit") == []


def test_what_is_in_a_toolkit_that_goes_is_taken_away_after_it(fleet: Fleet, node: str) -> None:
    """The packages take the links to their directories with them, and leave what is not theirs."""
    found = archive(fleet, "9.5.1")
    more = {**MIRROR, "versions": ["12.8"], "components": "runtime"}
    assert not fleet.task(node, {"labfleet.gpu.cuda_toolkit": more}).get("failed")
    wish: dict[str, Any] = {"version": "9.5.1", "cuda": "12", "toolkit": "all"}
    both = proved(fleet, node, module=CUDNN, **wish, **found)
    assert len(copies(both)) == 2
    gone = {**MIRROR, "versions": ["12.8"], "state": "absent"}
    assert not fleet.task(node, {"labfleet.gpu.cuda_toolkit": gone}).get("failed")
    left = proved(fleet, node, module=CUDNN, **wish, **found)
    assert copies(left) == {LIBRARY + "9": ("9.5.1.17", "archive")}
    assert fleet.sh(node, "ls -d /usr/local/cuda-12.8 2>/dev/null || true") == ""
    proved(fleet, node, module=CUDNN, state="absent")


def test_the_role_copies_the_archive_from_the_controller_when_it_is_needed(
    fleet: Fleet, node: str, tmp_path: Path
) -> None:
    found = archive(fleet, "9.10.2")
    here = tmp_path / found["archive"].rpartition("/")[2]
    urllib.request.urlretrieve(found["archive"], here)
    path = f"/srv/{here.name}"
    wish = {"version": "9.10", "archive": path, "archive_from": str(here), "checksum": found["checksum"]}
    play = {
        "hosts": node,
        "gather_facts": False,
        "become": True,
        "vars": {f"cudnn_{name}": value for name, value in wish.items()},
        "roles": ["labfleet.gpu.cudnn"],
    }
    (fleet.work / "role.yml").write_text(json.dumps([play]))
    foretold = fleet.playbook(fleet.work / "role.yml", "--check")
    assert foretold.recap[node]["changed"] == 1 and foretold.rc == 0, foretold.output
    first = fleet.playbook(fleet.work / "role.yml")
    assert first.rc == 0 and first.recap[node]["changed"] == 2, first.output
    fleet.sh(node, f"rm {path}")
    again = fleet.playbook(fleet.work / "role.yml")
    assert again.rc == 0 and again.recap[node]["changed"] == 0, again.output
    assert fleet.sh(node, f"ls {path} 2>/dev/null || true") == "", "it is not copied for nothing"
