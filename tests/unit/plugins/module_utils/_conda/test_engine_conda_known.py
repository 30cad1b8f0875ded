# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""engine: conda: records that the dry run does not tell, from what several versions leave on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import known
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.dry_run import NoAnswer
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.program import solve
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.programs import AskDryRun, Program
from ansible_collections.labfleet.gpu.tests.unit.support import recorded_conda as recorded

FOLDER = recorded.FORGE + "/linux-64"
STEM = "libzlib-1.3.2-h25fd6f3_2"
ROW = {"name": "libzlib", "version": "1.3.2", "build": "h25fd6f3_2", "depends": [], "md5": "d" * 32}
REPODATA = {"info": {"subdir": "linux-64"}, "packages": {}, "packages.conda": {STEM + ".conda": ROW}}
# The keys of states are those of conda's RepodataState and of mamba's.
STATE = {"etag": '"1"', "mod": "", "cache_control": "public, max-age=30", "mtime_ns": 1, "size": 2}

#: A conda that has one package in a cache of its .condarc, of which it thus tells no FETCH.
CONDA = """#!/bin/sh
case $1 in
info) echo '{"pkgs_dirs": ["'$CONDA_PKGS_DIRS'", "%(cache)s"]}' ;;
*) cat %(said)s ;;
esac
"""


def write(path: Path, told: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("497deca9.json", {**REPODATA, "_url": FOLDER}),
        ("497deca9.state.json", {**STATE, "url": FOLDER}),
        ("497deca9.info.json", {**STATE, "url": FOLDER}),
        ("497deca9.info.json", {**STATE, "url": "https://ada:geheim@" + FOLDER[len("https://") :] + "/"}),
        ("497deca9.state.json", {"url": FOLDER + "/repodata.json.zst", "file_size": 2, "has_zst": {}}),
    ],
)
def test_where_repodata_came_from(tmp_path: Path, name: str, told: Any) -> None:
    write(tmp_path / "cache/497deca9.json", REPODATA)
    write(tmp_path / "cache" / name, told)
    # Another folder has a package of the same name: the one that is asked for counts.
    write(tmp_path / "cache/09cdf8bf.json", {**REPODATA, "_url": "https://c.example/linux-64"})
    found = known.of_folder(known.repodata(str(tmp_path))[STEM], FOLDER)
    assert found and found["url"].endswith("/linux-64/" + STEM + ".conda")
    assert "conda.anaconda.org" in found["url"] and found["md5"] == "d" * 32


def test_repodata_from_nowhere_is_not_taken(tmp_path: Path) -> None:
    write(tmp_path / "cache/497deca9.json", REPODATA)
    write(tmp_path / "cache/497deca9.info.json", STATE)
    (tmp_path / "cache/cut.json").write_text('{"packages": {', encoding="utf-8")
    assert known.repodata(str(tmp_path)) == {}


@pytest.mark.parametrize(("folder", "there"), [(FOLDER, True), ("https://c.example/linux-64", False)])
def test_what_a_cache_of_the_owner_has(tmp_path: Path, folder: str, there: bool) -> None:
    record = {**ROW, "url": "%s/%s.conda" % (folder, STEM), "sha256": "e" * 64, "subdir": "linux-64"}
    write(tmp_path / "pkgs" / STEM / "info/repodata_record.json", record)
    (tmp_path / "said").write_text(recorded.MAMBA_1, encoding="utf-8")
    conda = tmp_path / "conda"
    conda.write_text(CONDA % {"cache": tmp_path / "pkgs", "said": tmp_path / "said"}, encoding="utf-8")
    conda.chmod(0o755)
    question = AskDryRun(Program("conda", "26.7.0", str(conda)), "", ("libzlib",))
    if there:
        (found,) = solve(question, {}, "")
        assert (found["url"], found["sha256"]) == (record["url"], "e" * 64)
    else:
        with pytest.raises(NoAnswer, match="does not tell where libzlib.* comes from"):
            solve(question, {}, "")
