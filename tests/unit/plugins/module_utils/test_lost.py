# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg lists and is not there: of each package, but nothing that dpkg did not put there itself."""

from __future__ import annotations

import shutil
from typing import Dict, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._lost import lost_files, unmet_needs
from ansible_collections.labfleet.gpu.plugins.module_utils._lost_told import left_lost, lost_lines, why_lost
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

BASE = "/usr/local/cuda-12.8"
NVCC, CICC = BASE + "/bin/nvcc", BASE + "/nvvm/bin/cicc"
LIBRARY = BASE + "/targets/x86_64-linux/lib/libcudart.so.12"
HEADERS = BASE + "/targets/x86_64-linux/include/cccl/cub"
FILES = {
    "cuda-nvcc-12-8": (NVCC, CICC, BASE + "/nvvm/libdevice/libdevice.10.bc"),
    "cuda-cudart-12-8": (LIBRARY, BASE + "/targets/x86_64-linux/lib/libcudart_static.a"),
    "cuda-cccl-12-8": (HEADERS + "/deep/er/block.cuh",),
}


def unpacked(tree: Tree, name: str, *paths: str, listed: str = "") -> None:
    """dpkg's list of a package, and its files."""
    lines = ["/."]
    for path in paths:
        parts = path.split("/")
        lines += ["/".join(parts[:end]) for end in range(2, len(parts))]
        lines.append(path)
        tree.write(path)
    text = "\n".join(dict.fromkeys(lines)) + "\n"
    tree.write("/var/lib/dpkg/info/%s.list" % (listed or name), text)


@pytest.fixture
def toolkit(tree: Tree) -> Tree:
    for name, paths in FILES.items():
        unpacked(tree, name, *paths)
    return tree


def lost(tree: Tree) -> Dict[str, Tuple[str, ...]]:
    return lost_files(tree.files, FILES, "x86_64")


def test_nothing_is_lost(toolkit: Tree) -> None:
    assert lost(toolkit) == {}


@pytest.mark.parametrize("name, path", [(name, path) for name, paths in FILES.items() for path in paths[:3]])
def test_a_file_is_removed(toolkit: Tree, name: str, path: str) -> None:
    toolkit.path(path).unlink()
    deep = path.startswith(HEADERS)
    assert lost(toolkit) == ({} if deep else {name: (path,)}), "deep headers are looked for by directory"


def test_the_whole_tree_is_removed(toolkit: Tree) -> None:
    shutil.rmtree(toolkit.path(BASE))
    found = lost(toolkit)
    assert set(found) == set(FILES), "also the package that has nothing but headers"
    assert {NVCC, CICC} <= set(found["cuda-nvcc-12-8"])


def test_a_tree_of_headers_is_removed(toolkit: Tree) -> None:
    shutil.rmtree(toolkit.path(HEADERS))
    assert lost(toolkit) == {"cuda-cccl-12-8": (HEADERS,)}


def test_a_file_where_a_directory_was(toolkit: Tree) -> None:
    shutil.rmtree(toolkit.path(BASE + "/nvvm"))
    toolkit.write(BASE + "/nvvm", "not a directory")
    assert CICC in lost(toolkit)["cuda-nvcc-12-8"]


@pytest.mark.parametrize("directory", ["/usr/bin", "/usr/lib/x86_64-linux-gnu"])
def test_files_among_thousands_of_others(tree: Tree, directory: str) -> None:
    paths = (directory + "/one", directory + "/two", directory + "/link")
    unpacked(tree, "nvidia-utils-580", *paths)
    tree.path(paths[2]).unlink()
    tree.link(paths[2], "leads-nowhere")
    assert lost_files(tree.files, ["nvidia-utils-580"], "x86_64") == {}
    tree.path(paths[1]).unlink()
    assert lost_files(tree.files, ["nvidia-utils-580"], "x86_64") == {"nvidia-utils-580": paths[1:2]}
    tree.path(directory).rename(tree.path("/gone"))
    assert set(paths) <= set(lost_files(tree.files, ["nvidia-utils-580"], "x86_64")["nvidia-utils-580"])
    tree.link(directory, directory.rpartition("/")[2])
    assert lost_files(tree.files, ["nvidia-utils-580"], "x86_64") == {}, "what cannot be read is not lost"


def test_a_link_that_leads_nowhere_is_there(toolkit: Tree) -> None:
    toolkit.path(LIBRARY).unlink()
    toolkit.link(LIBRARY, "libcudart.so.12.8.90")
    assert lost(toolkit) == {}


def test_a_package_without_a_list_or_with_one_for_its_machine(toolkit: Tree) -> None:
    listing = toolkit.path("/var/lib/dpkg/info/cuda-nvcc-12-8.list")
    toolkit.path(NVCC).unlink()
    listing.rename(listing.with_name("cuda-nvcc-12-8:amd64.list"))
    assert lost(toolkit) == {"cuda-nvcc-12-8": (NVCC,)}
    listing.with_name("cuda-nvcc-12-8:amd64.list").unlink()
    assert lost(toolkit) == {}


@pytest.mark.parametrize(
    "rules, gone",
    [
        ("path-exclude=/usr/local/*/bin/*\n", False),
        ("path-exclude /usr/local/cuda*\n", False),
        ('path-exclude="/usr/local/cuda*"\npath-include=/usr/local/*/bin/nvcc\n', True),
        ("path-include=*\npath-exclude = *\n", False),
        ("# path-exclude=*\npath-exclude=/usr/share/doc/*\nno-debsig\n", True),
    ],
)
@pytest.mark.parametrize("place", ["/etc/dpkg/dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/excludes"])
def test_what_dpkg_leaves_out_is_not_lost(toolkit: Tree, place: str, rules: str, gone: bool) -> None:
    toolkit.path(NVCC).unlink()
    toolkit.write(place, rules)
    assert bool(lost(toolkit)) is gone


def test_what_is_diverted_is_elsewhere(toolkit: Tree) -> None:
    """The owner's file is where it is diverted to; that of the package that diverts is in its place."""
    toolkit.path(NVCC).rename(toolkit.path(NVCC + ".real"))
    toolkit.write("/var/lib/dpkg/diversions", "%s\n%s.real\n:\n" % (NVCC, NVCC))
    assert lost(toolkit) == {}
    toolkit.path(NVCC + ".real").unlink()
    assert lost(toolkit) == {"cuda-nvcc-12-8": (NVCC,)}
    toolkit.write("/var/lib/dpkg/diversions", "%s\n%s.real\ncuda-nvcc-12-8\n" % (NVCC, NVCC))
    toolkit.write(NVCC + ".real")
    assert lost(toolkit) == {"cuda-nvcc-12-8": (NVCC,)}


def test_documentation_and_configuration_are_nobodys_loss(tree: Tree) -> None:
    """dpkg does not bring back a configuration file that an admin removed."""
    paths = ("/etc/ld.so.conf.d/000_cuda.conf", "/usr/share/doc/cuda-nvcc-12-8/copyright")
    unpacked(tree, "cuda-nvcc-12-8", "/usr/bin/x", *paths)
    for path in paths:
        tree.path(path).unlink()
    assert lost(tree) == {}


def test_what_cannot_be_read_is_not_lost(toolkit: Tree) -> None:
    """A directory that a link leads to in a circle stands for any that the node refuses to read."""
    shutil.rmtree(toolkit.path(BASE + "/bin"))
    toolkit.link(BASE + "/bin", "bin")
    assert lost(toolkit) == {}


STATUS = """\
Package: cuda-toolkit-12-8
Status: install ok installed
Version: 12.8.1-1
Depends: cuda-nvcc-12-8 (>= 12.8.93), cuda-cudart-12-8:amd64, libc6, cuda-a-12-8 | cuda-b-12-8

Package: cuda-cudart-12-8
Status: install ok installed
Depends: cuda-toolkit-12-8-config-common

Package: substitute
Status: install ok installed
Depends: cuda-z-12-8
Provides: cuda-toolkit-12-8-config-common (= 1), other
"""


def test_packages_that_were_removed_by_force(tree: Tree) -> None:
    tree.write("/var/lib/dpkg/status", STATUS)
    there = ["cuda-toolkit-12-8", "cuda-cudart-12-8"]

    def unmet(text: str) -> Dict[str, str]:
        tree.write("/var/lib/dpkg/status", text)
        return unmet_needs(tree.files, there, lambda name: name.startswith("cuda-"))

    assert unmet(STATUS) == {"cuda-nvcc-12-8": "cuda-toolkit-12-8"}
    assert unmet(STATUS.replace("Provides", "Suggests")) == {
        "cuda-nvcc-12-8": "cuda-toolkit-12-8",
        "cuda-toolkit-12-8-config-common": "cuda-cudart-12-8",
    }
    assert unmet_needs(tree.files, [], lambda _name: True) == {}


def test_how_it_is_told() -> None:
    one, two = {"b": ("/x/1", "/x/2", "/x/3")}, {"b": ("/x/1",), "a": ("/y",)}
    assert why_lost({}, {}) is None
    assert why_lost(one, {}) == "3 files of b are gone, such as /x/1"
    assert why_lost({"a": ("/y",)}, {}) == "a file of a is gone: /y"
    assert why_lost(two, {"c": "d"}) == (
        "c is missing, which d needs; files of 2 packages are gone, such as /y of a"
    )
    assert why_lost({}, {"c": "d", "e": "d"}) == "c, e are missing, which others need"
    assert lost_lines(one, {"c": "d"}) == ["b: /x/1 and 2 more", "c: not installed, and d needs it"]
    assert left_lost(two, {"c": "d"}, {"a", "b", "d"}, ["a"]) == [
        "b: /x/1",
        "c: not installed, and d needs it",
    ]
    assert left_lost(two, {"c": "d"}, {"a", "b", "c", "d"}, ["a", "b", "c"]) == []
    assert left_lost(two, {"c": "d"}, set(), []) == [], "what is not installed any more has lost nothing"
