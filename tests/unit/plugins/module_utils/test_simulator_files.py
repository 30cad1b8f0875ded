# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small files as one wish: what is changed on a node, what is left alone, what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _simulator_files as simulator_files
from ansible_collections.labfleet.gpu.plugins.module_utils._simulator_files import (
    Change,
    File,
    FilesError,
    Wish,
    apply,
    changes,
    difference,
    pack,
    unpack,
)

BYTES = bytes(range(256))


def wish_below(top: Path) -> Wish:
    """A program, and a library of two files in its own directory with one below."""
    return Wish(
        files={
            "%s/sbin/program" % top: File(b"#!/bin/sh\n", 0o755),
            "%s/lib/own/a" % top: File("Gr\u00f6\u00dfe\n".encode("utf-8"), 0o644),
            "%s/lib/own/below/b" % top: File(BYTES, 0o644),
        },
        directories=["%s/lib/own" % top, "%s/lib/own/below" % top],
    )


def hold(wish: Wish) -> List[Tuple[str, str]]:
    """Make it so; what was done, as (name, what)."""
    found = changes(wish)
    for change in found:
        apply(wish, change)
    return [(os.path.basename(change.path), change.what) for change in found]


@pytest.fixture
def held(tmp_path: Path) -> Wish:
    """A wish that is fulfilled."""
    wish = wish_below(tmp_path)
    hold(wish)
    return wish


def test_a_wish_survives_the_way_to_the_node(tmp_path: Path) -> None:
    wish = wish_below(tmp_path)
    wish.absent.append("/gone")
    assert unpack(pack(wish)) == wish


def test_everything_is_made_with_its_directories_and_modes_and_then_left_alone(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        assert hold(wish_below(tmp_path)) == [
            ("lib", "create"),
            ("own", "create"),
            ("below", "create"),
            ("sbin", "create"),
            ("a", "create"),
            ("b", "create"),
            ("program", "create"),
        ]
    finally:
        os.umask(old)
    modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in tmp_path.rglob("*")}
    assert modes == {
        **dict.fromkeys(("lib", "own", "below", "sbin", "program"), "0o755"),
        **dict.fromkeys("ab", "0o644"),
    }
    assert (tmp_path / "lib/own/below/b").read_bytes() == BYTES
    before = {path: path.stat() for path in tmp_path.rglob("*")}
    assert hold(wish_below(tmp_path)) == []
    assert {path: path.stat() for path in tmp_path.rglob("*")} == before


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"other"),
        lambda path: path.chmod(0o600),
        lambda path: path.chmod(0o4755),
        lambda path: path.unlink(),
        linked,
    ],
)
def test_a_file_that_is_not_as_wished_is_replaced_in_one_move(
    held: Wish, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "sbin/program"
    spoil(path)
    there = os.path.lexists(str(path))
    assert hold(held) == [("program", "replace" if there else "create")]
    assert path.read_bytes() == b"#!/bin/sh\n" and path.lstat().st_mode == 0o100755
    assert hold(held) == []


def test_who_has_the_old_file_open_keeps_it(held: Wish, tmp_path: Path) -> None:
    path = tmp_path / "lib/own/a"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        hold(held)
        assert reader.read() == b"old" and path.read_bytes() != b"old"


def test_what_a_killed_run_left_is_no_hindrance_and_does_not_stay(held: Wish, tmp_path: Path) -> None:
    for name in ("sbin/.program.new", "lib/own/.a.new"):
        (tmp_path / name).write_bytes(b"half")
    for name in ("sbin/program", "lib/own/a"):
        (tmp_path / name).unlink()
    hold(held)
    assert sorted(os.listdir(str(tmp_path / "sbin"))) == ["program"]
    assert sorted(os.listdir(str(tmp_path / "lib/own"))) == ["a", "below"]


def test_strangers_go_from_our_directories_and_stay_in_others(held: Wish, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").touch()
    for name in ("lib/own/old.py", "lib/own/below/old.py", "lib/beside", "sbin/beside"):
        (tmp_path / name).touch()
    (tmp_path / "lib/own/tree/below").mkdir(parents=True)
    (tmp_path / "lib/own/link").symlink_to(target)
    assert hold(held) == [("link", "remove"), ("old.py", "remove"), ("tree", "remove"), ("old.py", "remove")]
    assert (
        (target / "kept").exists()
        and (tmp_path / "lib/beside").exists()
        and (tmp_path / "sbin/beside").exists()
    )
    assert hold(held) == []


def test_a_directory_of_ours_has_its_mode_corrected_and_another_s_is_its_owner_s(
    held: Wish, tmp_path: Path
) -> None:
    (tmp_path / "lib/own").chmod(0o700)
    (tmp_path / "lib").chmod(0o700)
    assert hold(held) == [("own", "correct")]
    assert (tmp_path / "lib").stat().st_mode & 0o777 == 0o700


def test_what_is_to_be_absent_goes_with_all_that_is_in_it(held: Wish, tmp_path: Path) -> None:
    wish = Wish(absent=[str(tmp_path / name) for name in ("lib", "sbin/program", "nowhere/else")])
    assert hold(wish) == [("lib", "remove"), ("program", "remove")]
    assert os.listdir(str(tmp_path)) == ["sbin"]
    assert hold(wish) == []


def test_looking_changes_nothing(held: Wish, tmp_path: Path) -> None:
    (tmp_path / "lib/own/a").unlink()
    (tmp_path / "lib/own/old").touch()
    before = sorted(tmp_path.rglob("*"))
    found = changes(held)
    for change in found:
        difference(held, change)
    assert found and sorted(tmp_path.rglob("*")) == before


def test_a_file_in_the_way_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lib").write_text("mine", encoding="ascii")
    with pytest.raises(FilesError, match="lib is no directory, but must be one: move it away"):
        changes(wish_below(tmp_path))


def test_a_link_in_place_of_our_directory_is_refused(held: Wish, tmp_path: Path) -> None:
    linked(tmp_path / "lib/own")
    with pytest.raises(FilesError, match="own is no directory"):
        changes(held)


def test_a_link_above_is_followed(held: Wish, tmp_path: Path) -> None:
    linked(tmp_path / "sbin")
    assert changes(held) == []


def test_a_directory_in_the_way_of_a_file_is_refused(held: Wish, tmp_path: Path) -> None:
    (tmp_path / "sbin/program").unlink()
    (tmp_path / "sbin/program").mkdir()
    with pytest.raises(FilesError, match="program is a directory, but must be a file: move it away"):
        changes(held)


@pytest.mark.parametrize("gone", ["lib", "lib/own", "sbin/program"])
def test_nothing_is_both_wished_for_and_unwanted(tmp_path: Path, gone: str) -> None:
    wish = wish_below(tmp_path)
    wish.absent.append(str(tmp_path / gone))
    with pytest.raises(FilesError, match="leave one of them out"):
        changes(wish)
    wish.absent = [str(tmp_path / "lib/ow")]
    assert changes(wish)


def shown(wish: Wish, path: Path) -> List[Tuple[str, str]]:
    """Before and after of the one change to a path."""
    (change,) = [change for change in changes(wish) if change.path == str(path)]
    parts = difference(wish, change)
    assert (
        {part["before_header"] for part in parts} == {part["after_header"] for part in parts} == {str(path)}
    )
    return [(part["before"], part["after"]) for part in parts]


def test_a_difference_shows_content_and_mode(held: Wish, tmp_path: Path) -> None:
    own = "mode 0755, owner %d\n" % os.geteuid()
    program = tmp_path / "sbin/program"
    program.write_bytes(b"old\n")
    assert shown(held, program) == [("old\n", "#!/bin/sh\n")]
    program.write_bytes(b"#!/bin/sh\n")
    program.chmod(0o700)
    assert shown(held, program) == [("file, " + own.replace("0755", "0700"), "file, " + own)]
    program.unlink()
    assert shown(held, program) == [("", "#!/bin/sh\n"), ("", "file, " + own)]
    program.symlink_to("nowhere")
    assert shown(held, program)[1][0].startswith("link to nowhere, mode ")
    (tmp_path / "lib/own").chmod(0o700)
    assert shown(held, tmp_path / "lib/own") == [
        ("directory, " + own.replace("0755", "0700"), "directory, " + own)
    ]
    stranger = tmp_path / "lib/own/below/old"
    stranger.write_bytes(BYTES)
    (content, nothing), (_attributes, _nothing) = shown(held, stranger)
    assert content.startswith("256 bytes that are no text, SHA-256 40aff2e9d2d8922e") and nothing == ""


def test_another_user_s_file_is_replaced(held: Wish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator_files.os, "geteuid", lambda: os.getuid() + 1)
    assert Change(str(tmp_path / "sbin/program"), "replace") in changes(held)
    assert Change(str(tmp_path / "lib/own"), "correct") in changes(held)
