# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to planners' questions: what apt prints, read; keys fetched; space measured."""

from __future__ import annotations

import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _questions as q
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands, Completed
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import normal_uri, stanzas
from ansible_collections.labfleet.gpu.plugins.module_utils._survey import Survey
from ansible_collections.labfleet.gpu.plugins.module_utils._workspace import (
    AptWorkspace,
    _concerns,
    _problems,
    _why_not,
    parse_madison,
    parse_simulation,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import DATA, text
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

FINGERPRINT = "1BCB5414F3457F045E11522584240FE321877A2A"
KEY = DATA / "keys/throwaway.asc"


def test_madison_with_and_without_padding() -> None:
    assert parse_madison(text("outputs/madison.txt")) == {
        "nvidia-dkms-580-open": (
            q.Offer("580.95.05-0ubuntu1", "http://mirror.example.org/compute/cuda/repos/ubuntu2404/x86_64/"),
            q.Offer("580.65.06-0ubuntu1", "http://mirror.example.org/compute/cuda/repos/ubuntu2404/x86_64/"),
        ),
        "linux-headers-amd64": (
            q.Offer("6.1.192-2", "http://mirror.example.org/debian-security/"),
            q.Offer("6.1.176-1", "http://mirror.example.org/debian/"),
        ),
        "dkms": (q.Offer("3.0.10-8+deb12u1", "http://mirror.example.org/debian/"),),
    }


def test_madison_says_nothing() -> None:
    assert parse_madison("") == {}
    assert parse_madison("N: Unable to locate package nvidia-dkms-999\n") == {}


def test_a_simulated_installation() -> None:
    installs, removals = parse_simulation(text("outputs/apt_get_s_install.txt"))
    assert installs == (
        q.Change("dkms", "", "3.0.10-8+deb12u1"),
        q.Change("sudo", "", "1.9.13p3-1+deb12u4"),
        q.Change("linux-libc-dev", "6.1.187-1", "6.1.192-2"),
        q.Change("libnvidia-ml1", "535.183.01-1", "535.247.01-1~deb12u1"),
        q.Change("libnvidia-compute-580", "", "580.95.05-0ubuntu1"),
    )
    assert removals == (
        q.Change("nvidia-dkms-570-open", "570.133.20-0ubuntu1", ""),
        q.Change("nvidia-utils-570", "570.133.20-0ubuntu1", ""),
    )


def test_a_simulated_purge() -> None:
    installs, removals = parse_simulation(text("outputs/apt_get_s_purge.txt"))
    assert installs == ()
    assert [change.name for change in removals] == ["build-essential", "g++", "gcc"]


@pytest.fixture
def survey(tree: Tree) -> Iterator[Survey]:
    with module() as ansible_module, Survey(Commands(ansible_module), tree.files) as open_survey:
        yield open_survey


@pytest.fixture
def server() -> Iterator[str]:
    """An HTTP server that has the test key, a page that is none, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            bodies = {
                "/key.pub": KEY.read_bytes(),
                "/noted.pub": b"Our key:\n" + KEY.read_bytes() + b"More words.\n",
                "/two.pub": KEY.read_bytes() * 2,
                "/page": b"<html>It works</html>",
                "/long": bytes(1024 * 1024 + 1),
            }
            body = bodies.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_HEAD(self) -> None:
            self.send_response(
                {"/page": 200, "/silent": 200, "/no-head": 405, "/signed": 403}.get(self.path, 404)
            )
            if self.path == "/page":
                self.send_header("Content-Length", "21")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """No noise among the results."""

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield "http://127.0.0.1:%d" % httpd.server_port
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.mark.parametrize("spelt", [FINGERPRINT, FINGERPRINT.lower(), " ".join(FINGERPRINT)])
def test_the_right_key(survey: Survey, server: str, spelt: str) -> None:
    assert survey.answer(q.AskKey(server + "/key.pub", spelt)) == q.Key(KEY.read_text(encoding="utf-8"))


def test_only_what_was_checked_is_written(survey: Survey, server: str) -> None:
    answer = survey.answer(q.AskKey(server + "/noted.pub", FINGERPRINT))
    assert answer == q.Key(KEY.read_text(encoding="utf-8"))


def test_a_key_file(survey: Survey) -> None:
    assert isinstance(survey.answer(q.AskKey("file://%s" % KEY, FINGERPRINT)), q.Key)


@pytest.mark.parametrize(
    "path, fingerprint, words",
    [
        ("/key.pub", "A" * 40, "has the fingerprint " + FINGERPRINT + ", expected is " + "A" * 40),
        ("/two.pub", FINGERPRINT, "holds 2 keys and must hold only the expected one"),
        ("/page", FINGERPRINT, "is not an OpenPGP public key"),
        ("/nothing", FINGERPRINT, "answered 404"),
        ("/long", FINGERPRINT, "is longer than"),
    ],
)
def test_keys_that_cannot_be_used(
    survey: Survey, server: str, path: str, fingerprint: str, words: str
) -> None:
    answer = survey.answer(q.AskKey(server + path, fingerprint))
    assert isinstance(answer, q.Trouble)
    assert words in answer.what and server + path in answer.what


@pytest.mark.parametrize(
    "url, words",
    [
        ("http://127.0.0.1:1/key.pub", "cannot be reached"),
        ("file:///nowhere/key.pub", "cannot be"),
        ("ftp://mirror.example.org/key.pub", "is not an http, https or file URL"),
    ],
)
def test_servers_that_cannot_be_asked(survey: Survey, url: str, words: str) -> None:
    answer = survey.answer(q.AskKey(url, FINGERPRINT))
    assert isinstance(answer, q.Trouble)
    assert answer.what.startswith("the repository's key cannot be fetched: " + url)
    assert words in answer.what


def test_files_on_servers_and_on_the_node(survey: Survey, server: str, tree: Tree) -> None:
    assert survey.answer(q.AskFile(server + "/page")) == q.FileThere(21)
    assert survey.answer(q.AskFile(server + "/silent")) == q.FileThere(None)
    assert survey.answer(q.AskFile(server + "/no-head")) == q.FileThere(None)
    assert survey.answer(q.AskFile(server + "/signed")) == q.FileThere(None)
    assert "answered 404" in survey.answer(q.AskFile(server + "/nothing")).what
    assert "not an http, https or file URL" in survey.answer(q.AskFile("ftp://server/file")).what
    path = tree.write("/srv/a.run", "12345")
    assert survey.answer(q.AskFile("/srv/a.run")) == q.FileThere(5)
    assert survey.answer(q.AskFile("file://%s" % path)) == q.FileThere(5)
    assert survey.answer(q.AskFile("/srv/b.run")) == q.Trouble("/srv/b.run is not there")


def test_space_of_paths_that_are_not_there_yet(survey: Survey, tree: Tree) -> None:
    tree.write("/usr/bin/true")
    answer = survey.answer(q.AskSpace(("/usr", "/var/lib/dkms")))
    assert set(answer.free) == {"/usr", "/var/lib/dkms"}
    for mount, free in answer.free.values():
        assert os.path.ismount(mount) and free > 0
    assert answer.free["/usr"][0] == answer.free["/var/lib/dkms"][0]


def test_an_unknown_question_is_an_error_of_ours(survey: Survey) -> None:
    with pytest.raises((TypeError, AttributeError)):
        survey.answer("how are you?")


def test_what_update_complains_of_without_its_marks() -> None:
    problems = _problems(text("outputs/apt_get_update_problems.txt"))
    assert len(problems) == 3
    assert problems[0].startswith("GPG error: http://mirror.example.org/compute/")
    assert problems[1].endswith("InRelease' is not signed.")
    assert problems[2].startswith("Failed to fetch http://other.example.org/")


@pytest.mark.parametrize(
    "line, uri",
    [
        ("GPG error: http://m.example.org/x86_64  InRelease: The following signatures couldn't be", "x86_64"),
        (
            "An error occurred during the signature verification. The repository is not updated and the "
            "previous index files will be used. GPG error: http://m.example.org/debian sid InRelease: BADSIG",
            "debian",
        ),
        ("The repository 'http://m.example.org/x86_64  InRelease' is not signed.", "x86_64"),
        (
            "The repository 'http://m.example.org/debian bookworm Release' does not have a Release file.",
            "debian",
        ),
        (
            "The repository 'http://m.example.org/debian sid Release' does no longer have a Release file.",
            "debian",
        ),
        ("Failed to fetch http://m.example.org/debian/dists/bookworm/InRelease  Could not connect", "debian"),
        ("Failed to fetch http://m.example.org/x86_64/Packages.gz  Hash Sum mismatch", "x86_64"),
        ("Failed to fetch http://m.example.org/x86_64/./InRelease  404  Not Found", "x86_64"),
    ],
)
def test_what_makes_a_source_unusable(line: str, uri: str) -> None:
    assert _concerns(line, {normal_uri("http://m.example.org/" + uri)})
    for other in ("deb", "debian-security", "x86", "x86_64/sub", "x86_64-2", ""):
        # A server may hold an archive at its root, and others below.
        if other or "/dists/" in line or "fetch" not in line:
            assert not _concerns(line, {normal_uri("http://m.example.org/" + other)}), other


@pytest.mark.parametrize(
    "line",
    [
        "http://m.example.org/debian/dists/bookworm/InRelease: Key is stored in legacy trusted.gpg keyring "
        "(/etc/apt/trusted.gpg), see the DEPRECATION section in apt-key(8) for details.",
        "Target Packages (main/binary-amd64/Packages) is configured multiple times in x.list:1",
        "http://m.example.org/debian/dists/bookworm/InRelease: Signature by key 1B uses weak algorithm",
    ],
)
def test_other_warnings_do_not(line: str) -> None:
    assert not _concerns(line, {"http://m.example.org/debian/"})


def test_why_apt_cannot_install() -> None:
    done = Completed(("apt-get",), 100, text("outputs/apt_get_unmet.txt"), "E: Unable to correct problems.\n")
    assert _why_not(done) == (
        "nvidia-headless-580-open : Depends: nvidia-dkms-580-open but it is not going to be installed; "
        "Depends: nvidia-headless-no-dkms-580-open but it is not installable; Unable to correct problems."
    )


def test_why_without_any_explanation() -> None:
    assert _why_not(Completed(("apt-get",), 100, "1\n2\n3\n4\n5\n", "")) == "2\n3\n4\n5"


STATUS = """\
Package: nvidia-utils-580
Status: hold ok installed
Version: 580.95.05-0ubuntu1

Package: nvidia-utils-580-extra
Status: hold ok installed

Package: libstdc++6
Status: hold ok installed
"""


def test_holds_are_lifted_in_a_copy_of_dpkgs_status(tree: Tree) -> None:
    original = tree.write("/var/lib/dpkg/status", STATUS)
    with module() as ansible_module:
        workspace = AptWorkspace(Commands(ansible_module), tree.files, ())
        try:
            copy = Path(workspace._status_without_holds(["nvidia-utils-580", "libstdc++6"]))
            found = [stanza["status"] for stanza in stanzas(copy.read_text(encoding="utf-8"))]
        finally:
            workspace.remove()
    assert found == ["install ok installed", "hold ok installed", "install ok installed"]
    assert original.read_text(encoding="utf-8") == STATUS
    assert not copy.parent.exists()


def test_a_workspace_has_the_nodes_sources_and_ours_over_them(tree: Tree) -> None:
    ours = "/etc/apt/sources.list.d/labfleet-gpu-nvidia.sources"
    key = "/etc/apt/keyrings/labfleet-gpu-nvidia.asc"
    tree.write("/etc/apt/sources.list.d/ubuntu.sources", "theirs")
    tree.write(ours, "old")
    tree.write("/var/lib/apt/lists/lock", "")
    tree.write("/var/lib/apt/lists/mirror.example.org_Packages", "index")
    files = (q.ConfigFile(key, "KEY"), q.ConfigFile(ours, "URIs: x\nSigned-By: %s\n" % key))
    with module() as ansible_module:
        workspace = AptWorkspace(Commands(ansible_module), tree.files, files)
        try:
            root = Path(workspace._path(""))
            assert (root / "sources.list.d/ubuntu.sources").read_text(encoding="utf-8") == "theirs"
            laid = (root / "sources.list.d" / os.path.basename(ours)).read_text(encoding="utf-8")
            private = laid.split("Signed-By: ")[1].strip()
            assert private.startswith(str(root)) and Path(private).read_text(encoding="utf-8") == "KEY"
            assert (root / "lists/mirror.example.org_Packages").read_text(encoding="utf-8") == "index"
            assert not (root / "lists/lock").exists()
        finally:
            workspace.remove()
    assert tree.files.text(ours) == "old" and tree.files.text(key) is None
    assert not root.exists()


REPOSITORY = """\
Package: nvidia-utils-580
Version: 580.95.05-0ubuntu1
Architecture: all
Maintainer: nobody
Installed-Size: 10
Filename: ./x.deb
Size: 1000
"""
INSTALLED = """\
Package: nvidia-utils-570
Status: install ok installed
Version: 570.133.20-0ubuntu1
Architecture: all
Maintainer: nobody
"""


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt itself is asked")
def test_apt_is_asked_and_none_of_the_nodes_programs_run(
    tree: Tree, survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node whose configuration has hooks everywhere; its repository is a folder."""
    repository = tree.write("/srv/repository/Packages", REPOSITORY).parent
    status = tree.write("/var/lib/dpkg/status", INSTALLED)
    fired = tree.path("/fired")
    source = "deb [trusted=yes] file://%s ./\n" % repository
    hooks = ["APT::Update::" + name for name in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")]
    configuration = "".join('%s { "echo %s >> %s"; };\n' % (name, name, fired) for name in hooks)
    configuration += 'Dir::Etc::sourcelist "/dev/null";\nDir::State::status "%s";\n' % status
    # apt reads this file first, then /etc/apt: what takes effect on it does so on both.
    monkeypatch.setenv("APT_CONFIG", str(tree.write("/apt.conf", configuration)))
    path = "/etc/apt/sources.list.d/ours.list"
    answer = survey.answer(q.AskIndex((q.ConfigFile(path, source),), "^nvidia-", ("file://%s" % repository,)))
    assert isinstance(answer, q.Index), answer
    assert answer.offers == {
        "nvidia-utils-580": (q.Offer("580.95.05-0ubuntu1", normal_uri("file://%s" % repository)),)
    }
    assert not fired.exists()
    assert survey.answer(q.AskPurge(("nvidia-utils-570",))) == q.Transaction(
        (), (q.Change("nvidia-utils-570", "570.133.20-0ubuntu1", ""),), 0, 0
    )


def test_no_room_for_a_survey_is_trouble(survey: Survey, monkeypatch: pytest.MonkeyPatch, tree: Tree) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tree.path("/missing")))
    answer = survey.answer(q.AskIndex((), "x"))
    assert isinstance(answer, q.Trouble)
    assert "/missing/" in answer.what and answer.what.endswith("No such file or directory")


def test_a_survey_that_cannot_begin_leaves_nothing(
    survey: Survey, monkeypatch: pytest.MonkeyPatch, tree: Tree
) -> None:
    room = tree.write("/room/x").parent
    monkeypatch.setattr("tempfile.tempdir", str(room))
    too_long = "/etc/apt/sources.list.d/" + "x" * 300
    answer = survey.answer(q.AskIndex((q.ConfigFile(too_long, "y"),), "x"))
    assert isinstance(answer, q.Trouble) and "File name too long" in answer.what
    assert [path.name for path in room.iterdir()] == ["x"]
