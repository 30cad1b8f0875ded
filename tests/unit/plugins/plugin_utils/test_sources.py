# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of sources is another one as soon as anything of them is."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.labfleet.gpu.plugins.plugin_utils.sources import sources_digest


def test_every_change_shows(tmp_path: Path) -> None:
    (tmp_path / "_part").mkdir()
    first, second = tmp_path / "one.py", tmp_path / "_part/two.py"
    first.write_text("A = 1\n")
    second.write_text("B = 2\n")
    seen = [sources_digest(tmp_path)]
    assert seen == [sources_digest(tmp_path)]
    second.write_text("B = 3\n")
    seen.append(sources_digest(tmp_path))
    second.rename(tmp_path / "_part/three.py")
    seen.append(sources_digest(tmp_path))
    first.write_text("A = 1\n\n")
    seen.append(sources_digest(tmp_path))
    first.unlink()
    seen.append(sources_digest(tmp_path))
    assert len(set(seen)) == 5


def test_it_is_of_module_utils() -> None:
    assert len(sources_digest()) == 64 and sources_digest() != sources_digest(Path(__file__).parent)


def test_what_is_no_file_is_no_source(tmp_path: Path) -> None:
    seen = sources_digest(tmp_path)
    (tmp_path / ".#_plan.py").symlink_to("somebody@example:4711")
    (tmp_path / "folder.py").mkdir()
    assert sources_digest(tmp_path) == seen
