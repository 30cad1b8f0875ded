# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN of all origins read from a file tree: packages, archives, what people copied."""

from __future__ import annotations

from typing import Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.file_list import (
    as_placed,
    file_digest,
    looked_at,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.manifest import (
    CHANGED,
    GONE,
    OURS,
    Entry,
    Manifest,
    name_of,
    parsed,
    rendered,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.observe import (
    header_version,
    observe_copies,
    observe_manifests,
    observe_strangers,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.state import (
    MANIFESTS,
    Copy,
    is_cudnn_package,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._toolkit_trees import ToolkitTree
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOST = Host("ubuntu", "22.04", "jammy", "Ubuntu 22.04", "x86_64", "5.15.0")
TOOLKIT = ToolkitTree("/usr/local/cuda-12.4", "12.4.1")
SYSTEM = "/usr/lib/x86_64-linux-gnu/"
HEADERS = "/usr/include/x86_64-linux-gnu/"


def header(version: str) -> str:
    names = zip(("MAJOR", "MINOR", "PATCHLEVEL"), version.split("."))
    return (
        "#ifndef X\n"
        + "".join("#define CUDNN_%s %s\n" % pair for pair in names)
        + "#define CUDNN_VERSION 1\n"
    )


def library(tree: Tree, directory: str, version: str, stem: str = "libcudnn") -> None:
    name, major = "%s.so.%s" % (stem, version), version.split(".", maxsplit=1)[0]
    tree.write("%s/%s" % (directory, name), version)
    tree.link("%s/%s.so.%s" % (directory, stem, major), name)
    if not tree.files.link(directory, stem + ".so"):
        tree.link("%s/%s.so" % (directory, stem), "%s.so.%s" % (stem, major))


def copies(
    tree: Tree, packages: Tuple[Package, ...] = (), manifests: Tuple[Manifest, ...] = ()
) -> "list[Copy]":
    return list(observe_copies(tree.files, HOST, packages, (TOOLKIT,), manifests))


def package(name: str, version: str) -> Package:
    return Package(name, version, "install", "installed")


def test_what_is_a_package_of_cudnn() -> None:
    assert [
        name
        for name in ("libcudnn8", "cudnn9-cuda-12", "nvidia-cudnn", "libcudart12")
        if is_cudnn_package(name)
    ] == [
        "libcudnn8",
        "cudnn9-cuda-12",
        "nvidia-cudnn",
    ]


def test_packages(tree: Tree) -> None:
    library(tree, SYSTEM, "9.5.1")
    library(tree, SYSTEM, "8.9.7")
    tree.write(HEADERS + "cudnn_version_v9.h", header("9.5.1"))
    installed = (
        package("libcudnn9-cuda-12", "9.5.1.17-1"),
        package("libcudnn9-dev-cuda-12", "9.5.1.17-1"),
        package("libcudnn8", "8.9.7.29-1+cuda12.2"),
    )
    assert copies(tree, installed) == [
        Copy(SYSTEM + "libcudnn.so.8", "8.9.7.29", "package", "/usr", "12", None),
        Copy(SYSTEM + "libcudnn.so.9", "9.5.1.17", "package", "/usr", "12", "9.5.1"),
    ]


def test_what_no_package_brought(tree: Tree) -> None:
    library(tree, SYSTEM, "9.1.0")
    library(tree, "/usr/local/lib", "8.6.0")
    library(tree, TOOLKIT.path + "/lib64", "8.9.2")
    tree.write(TOOLKIT.path + "/include/cudnn_version.h", header("8.9.2"))
    assert [(copy.library, copy.version, copy.origin, copy.place, copy.header) for copy in copies(tree)] == [
        (SYSTEM + "libcudnn.so.9", "9.1.0", "hand", "/usr", None),
        (TOOLKIT.path + "/lib64/libcudnn.so.8", "8.9.2", "hand", TOOLKIT.path, "8.9.2"),
        ("/usr/local/lib/libcudnn.so.8", "8.6.0", "hand", "/usr/local", None),
    ]
    distribution = copies(tree, (package("nvidia-cudnn", "8.5.0.96~cuda11.7"),))
    assert [copy.origin for copy in distribution] == ["distribution", "hand", "hand"]


def test_a_copy_without_links(tree: Tree) -> None:
    """cp without -P makes three files of one, and of what is called libcudnn.so.9 the header tells more."""
    tree.write(TOOLKIT.path + "/lib64/libcudnn.so.9", "x")
    assert [copy.version for copy in copies(tree)] == ["9"]
    tree.write(TOOLKIT.path + "/include/cudnn_version.h", header("9.5.1"))
    assert [copy.version for copy in copies(tree)] == ["9.5.1"]
    tree.write(TOOLKIT.path + "/lib64/libcudnn.so.9.10.2", "x")
    assert [(copy.version, copy.header) for copy in copies(tree)] == [("9.10.2", "9.5.1")]
    tree.link(TOOLKIT.path + "/lib64/libcudnn.so.8", "libcudnn.so.8.9.7")
    assert len(copies(tree)) == 1, "a link that leads nowhere is no library"


@pytest.mark.parametrize(
    "text, version",
    [
        (header("9.10.2"), "9.10.2"),
        ("# define CUDNN_MAJOR 8\n#define  CUDNN_MINOR 9\n#define CUDNN_PATCHLEVEL 7 /* */", "8.9.7"),
        ("#define CUDNN_MAJOR 8\n", None),
        (None, None),
    ],
)
def test_headers(text: "str | None", version: "str | None") -> None:
    assert header_version(text) == version


def listed(tree: Tree) -> Manifest:
    """An archive in the toolkit, with our list of it."""
    library(tree, TOOLKIT.path + "/lib64", "9.5.1")
    tree.write(TOOLKIT.path + "/include/cudnn_version.h", header("9.5.1"))
    paths = ("include/cudnn_version.h", "lib64/libcudnn.so.9.5.1")
    entries = [
        as_placed(tree.files, TOOLKIT.path, Entry(path, file_digest(str(tree.path(TOOLKIT.path) / path))))
        for path in paths
    ]
    entries += [
        Entry("lib64/libcudnn.so", target="libcudnn.so.9"),
        Entry("lib64/libcudnn.so.9", target="libcudnn.so.9.5.1"),
    ]
    entries.sort(key=lambda entry: entry.path)
    made = Manifest(TOOLKIT.path, "9.5.1.17", "12", "sha256:00", "dev", tuple(entries), ("include",))
    tree.write("%s/%s" % (MANIFESTS, name_of(TOOLKIT.path)), rendered(made))
    return made


def now(tree: Tree) -> "dict[str, str]":
    (found,) = observe_manifests(tree.files)
    return {entry.path.rpartition("/")[2]: entry.now for entry in found.entries}


def test_our_list_is_read_back(tree: Tree) -> None:
    made = listed(tree)
    assert parsed(rendered(made)) == made
    assert observe_manifests(tree.files) == (made,)
    (copy,) = copies(tree, (), (made,))
    assert (copy.version, copy.origin, copy.cuda, copy.header) == ("9.5.1.17", "archive", "12", "9.5.1")
    assert name_of(TOOLKIT.path) == "usr-local-cuda-12.4.json"
    for text in ("", "{}", "[]", '{"toolkit": 1}', '{"entries": 3}'):
        assert parsed(text) is None
    tree.write(MANIFESTS + "/zzz.json", "spoilt")
    assert observe_manifests(tree.files) == (made,)


def test_what_has_become_of_our_files(tree: Tree) -> None:
    listed(tree)
    assert set(now(tree).values()) == {OURS}
    base = tree.path(TOOLKIT.path)
    (base / "include/cudnn_version.h").write_text(header("9.5.1"))
    assert now(tree)["cudnn_version.h"] == OURS, "written anew, and the same"
    (base / "include/cudnn_version.h").write_text(header("9.5.2"))
    (base / "lib64/libcudnn.so.9").unlink()
    (base / "lib64/libcudnn.so.9").symlink_to("libcudnn.so.9.9.9")
    (base / "lib64/libcudnn.so").unlink()
    assert now(tree) == {
        "cudnn_version.h": CHANGED,
        "libcudnn.so": GONE,
        "libcudnn.so.9": CHANGED,
        "libcudnn.so.9.5.1": OURS,
    }


def test_a_library_that_somebody_exchanged_is_no_longer_ours(tree: Tree) -> None:
    listed(tree)
    (tree.path(TOOLKIT.path) / "lib64/libcudnn.so.9.5.1").write_text("another")
    assert [copy.origin for copy in copies(tree, (), observe_manifests(tree.files))] == ["hand"]


def test_a_link_is_no_file_and_a_directory_is_neither(tree: Tree) -> None:
    tree.link("/t/a", "b")
    tree.write("/t/d/x")
    assert looked_at(tree.files, "/t", Entry("a", "0" * 64)).now == CHANGED
    assert looked_at(tree.files, "/t", Entry("d", target="b")).now == CHANGED


def test_strangers_are_files_of_cudnn_that_are_not_in_our_list(tree: Tree) -> None:
    made = listed(tree)
    for name in ("include/cudnn.h", "include/cublas.h", "lib64/libcudnn_ops.so.8", "lib64/libcudnn_static.a"):
        tree.write("%s/%s" % (TOOLKIT.path, name))
    tree.write(TOOLKIT.path + "/lib64/libcudart.so.12")
    found = observe_strangers(tree.files, (TOOLKIT,), (made,))
    assert found == {TOOLKIT.path: ("include/cudnn.h", "lib64/libcudnn_ops.so.8", "lib64/libcudnn_static.a")}
