# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that containerd reads after ours, and a runtime nvidia that others have in theirs."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container import containerd, toml
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import ContainerNode, actions

CONFIG, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
GLOB, LATER = "/etc/containerd/conf.d/*.toml", "/etc/containerd/conf.d/zz-later.toml"
OURS, OTHER = "/usr/bin/nvidia-container-runtime", "/opt/other"
CRI = 'plugins."io.containerd.grpc.v1.cri"'
RUNC = '[%s.containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n' % CRI
TYPE = RUNC.replace("runtimes.runc", "runtimes.nvidia")
OPTIONS = '[%s.containerd.runtimes.nvidia.options]\nBinaryName = "%s"\n'
FOREIGN, RIGHT = TYPE + OPTIONS % (CRI, OTHER), RUNC + TYPE + OPTIONS % (CRI, OURS)
DEFAULT = '[%s.containerd]\ndefault_runtime_name = "%s"\n'
BEFORE, MERGES = "1.7.24~ds1-6", "2.0.2-1"
WISH: Dict[str, Any] = {"engines": ["containerd"]}


def main_file(node: ContainerNode, *imports: str, text: str = "") -> None:
    listed = ", ".join('"%s"' % each for each in imports)
    node.tree.write(CONFIG, "version = 2\n%s%s" % ("imports = [%s]\n" % listed if imports else "", text))


def imports(node: ContainerNode) -> Any:
    return toml.parsed(node.text(CONFIG) or "")["imports"]


def program(node: ContainerNode) -> str:
    """What the running containerd starts for the runtime nvidia."""
    node.programs.containerd.start(node.programs.installed["containerd"] >= "2")
    found: str = node.programs.containerd.engine["runtimes"]["nvidia"]["options"]["BinaryName"]
    return found


@pytest.mark.parametrize(
    "text, default, key",
    [
        (FOREIGN, None, "runtimes.nvidia"),
        (OPTIONS % (CRI, OTHER), None, "runtimes.nvidia"),
        (TYPE.replace("runc.v2", "kata.v2"), None, "runtimes.nvidia"),
        (DEFAULT % (CRI, "runc"), True, "default_runtime_name"),
        (DEFAULT % (CRI, "nvidia"), False, "default_runtime_name"),
    ],
    ids=["runtime", "program", "type", "default", "no default"],
)
@pytest.mark.parametrize("version", [BEFORE, MERGES])
@pytest.mark.parametrize("drift", [False, True])
def test_a_later_file_of_the_same_glob(
    node: ContainerNode, text: str, default: Optional[bool], key: str, version: str, drift: bool
) -> None:
    node.programs.installed["containerd"] = version
    main_file(node, GLOB)
    if drift:
        node.hold(**WISH, default_runtime=default)
    node.tree.write(LATER, text)
    before = [node.text(path) for path in (CONFIG, DROP_IN)]
    said = node.refused(**WISH, default_runtime=default, take_over=True)
    if version == MERGES:
        assert said == (
            "containerd reads a file after ours that overrules it (%s): take %s out of it, or have it read "
            "before %s" % (LATER, key, DROP_IN)
        )
    else:
        assert LATER in said and "before 2.0 takes CRI from one imported file alone" in said
    assert [node.text(path) for path in (CONFIG, DROP_IN)] == before
    node.tree.path(LATER).rename(node.tree.path("/etc/containerd/conf.d/10-earlier.toml"))
    if version == MERGES:
        node.hold(**WISH, default_runtime=default, take_over=True)
        assert program(node) == OURS


KATA = DEFAULT % (CRI, "kata") + RUNC.replace("runc", "kata", 1)


@pytest.mark.parametrize("text", ["", "[grpc]\nuid = 1\n", KATA, OPTIONS % (CRI, "nvidia-container-runtime")])
def test_a_later_file_that_overrules_nothing(node: ContainerNode, text: str) -> None:
    node.programs.installed["containerd"] = MERGES
    main_file(node, GLOB)
    node.tree.write(LATER, text)
    plan = node.hold(**WISH)
    assert program(node) in (OURS, "nvidia-container-runtime")
    default = plan.promised()["engines"]["containerd"]["default_runtime"]
    assert default == ("kata" if "kata" in text else None), "nobody wished for another"


@pytest.mark.parametrize("default", [None, True, False])
def test_an_entry_that_somebody_adds_after_ours(node: ContainerNode, default: Optional[bool]) -> None:
    """Ours goes to the end of the list again."""
    node.programs.installed["containerd"] = MERGES
    main_file(node)
    node.hold(**WISH, default_runtime=default)
    record = node.text("/var/lib/labfleet-gpu/container.json")
    site = "/etc/containerd/site.toml"
    node.tree.write(site, FOREIGN + DEFAULT % (CRI, "runc" if default else "nvidia"))
    main_file(node, DROP_IN, site)
    assert program(node) == OTHER
    plan = node.hold(**WISH)
    assert actions(plan)[-2:] == ["write-engine-file", "restart-containerd"]
    assert plan.steps[-2].why == "%s overrules it" % site
    assert imports(node) == [site, DROP_IN] and program(node) == OURS
    name = node.programs.containerd.engine["default_runtime_name"]
    assert name == ("runc" if default is False else "nvidia")
    assert default is False or node.text("/var/lib/labfleet-gpu/container.json") == record
    main_file(node, site, DROP_IN)
    node.tree.path(site).unlink()
    node.tree.write(site, "")
    node.hold(state="absent")
    assert imports(node) == [site]


@pytest.mark.parametrize("version", [BEFORE, MERGES])
@pytest.mark.parametrize("drift", [False, True])
def test_a_file_that_an_imported_one_imports(node: ContainerNode, version: str, drift: bool) -> None:
    """It comes after ours, wherever ours is in the list."""
    node.programs.installed["containerd"] = version
    main_file(node, "/etc/containerd/site.toml")
    node.tree.write("/etc/containerd/site.toml", 'imports = ["more/*.toml"]\n')
    if drift:
        node.hold(**WISH)
    nested = "/etc/containerd/more/own.toml"
    node.tree.write(nested, FOREIGN)
    assert nested in node.refused(**WISH, take_over=True)
    node.tree.write(nested, "[metrics]\n")
    node.hold(**WISH)
    assert program(node) == OURS


@pytest.mark.parametrize("version", [BEFORE, MERGES])
@pytest.mark.parametrize("default", [None, True, False])
@pytest.mark.parametrize("where", ["/etc/containerd/conf.d/10-own.toml", LATER, DROP_IN])
def test_a_right_one_in_an_imported_file_is_left_alone(
    node: ContainerNode, version: str, default: Optional[bool], where: str
) -> None:
    node.programs.installed["containerd"] = version
    main_file(node, GLOB)
    theirs = RIGHT + (DEFAULT % (CRI, "nvidia") if default else "")
    node.tree.write(where, theirs)
    plan = node.hold(**WISH, default_runtime=default)
    assert "write-engine-file" not in actions(plan) and "restart-containerd" not in actions(plan)
    assert node.text(where) == theirs and program(node) == OURS
    assert plan.promised()["engines"]["containerd"]["runtime"] == OURS
    if default is not False and where != DROP_IN:
        wish = {**WISH, "default_runtime": not default}
        if version == BEFORE:
            assert "put what it says into /etc/containerd/config.toml" in node.refused(**wish)
        elif where == LATER and default:
            assert "take default_runtime_name out of it" in node.refused(**wish)
        else:
            node.hold(**wish)
            assert node.programs.containerd.engine["default_runtime_name"] == (
                "runc" if default else "nvidia"
            )


@pytest.mark.parametrize("version", [BEFORE, MERGES])
def test_a_right_one_that_another_file_takes_away(node: ContainerNode, version: str) -> None:
    """The section is replaced as a whole before 2.0, and merged from then on."""
    node.programs.installed["containerd"] = version
    main_file(node, GLOB)
    node.tree.write("/etc/containerd/conf.d/10-own.toml", RIGHT)
    node.tree.write(LATER, '[%s.cni]\nbin_dir = "/opt/cni/bin"\n' % CRI)
    if version == BEFORE:
        assert LATER in node.refused(**WISH)
    else:
        assert "write-engine-file" not in actions(node.hold(**WISH))


def test_a_type_that_is_not_right(node: ContainerNode) -> None:
    """The program of the packages with no type, or another one, starts nothing: ours comes over it."""
    for text in (RUNC + OPTIONS % (CRI, OURS), RUNC + RIGHT[len(RUNC) :].replace("runc", "kata", 1)):
        main_file(node, text=text)
        node.hold(**WISH)
        engine = node.programs.containerd.engine
        assert engine["runtimes"]["nvidia"]["runtime_type"] == "io.containerd.runc.v2", text
        node.hold(state="absent")


def test_options_come_from_what_all_others_say(node: ContainerNode) -> None:
    node.programs.installed["containerd"] = MERGES
    main_file(node, GLOB, text=RUNC)
    options = "[%s.containerd.runtimes.runc.options]\nSystemdCgroup = true\n" % CRI
    node.tree.write("/etc/containerd/conf.d/10-own.toml", options)
    node.hold(**WISH)
    assert "SystemdCgroup = true" in (node.text(DROP_IN) or "")


def test_an_imported_file_that_cannot_be_read(node: ContainerNode) -> None:
    node.programs.installed["containerd"] = MERGES
    main_file(node, GLOB)
    node.hold(**WISH)
    node.tree.write(LATER, "version = 2\nx = \n")
    assert "cannot be read (%s, line 2: " % LATER in node.refused(**WISH)
    node.tree.path(LATER).unlink()
    node.tree.write(DROP_IN, (node.text(DROP_IN) or "") + "x = \n")
    assert "write-engine-file" in actions(node.hold(**WISH)), "ours is written anew"


@pytest.mark.parametrize(
    "version, found",
    [("1.6.20~ds1-1", False), ("1.6.33-1", True), ("1.7.2-0ubuntu1", False), ("1.7.24~ds1-6", True)],
)
def test_a_relative_import_with_a_star(node: ContainerNode, version: str, found: bool) -> None:
    """Source: resolveImports; Debian 12 has 1.6.20."""
    node.programs.installed["containerd"] = version
    main_file(node, "conf.d/*.toml")
    if found:
        node.hold(**WISH)
        assert imports(node) == ["conf.d/*.toml"]
    else:
        assert "(conf.d/*.toml in %s): write its whole path" % CONFIG in node.refused(**WISH)


def test_stars_in_more_than_one_part_of_a_path(node: ContainerNode) -> None:
    """A pattern with a star is one as a whole (resolveImports): a question mark is a character then."""
    main_file(node, "/etc/containerd/a?/*.toml")
    node.tree.write("/etc/containerd/ab/theirs.toml", "version = 2\n" + FOREIGN)
    assert "runtime nvidia that is not that of the packages" in node.refused(**WISH)


@pytest.mark.parametrize("imports", [(), ("/etc/containerd/other.toml",)], ids=["none", "one"])
def test_a_containerd_that_does_not_tell_its_version(node: ContainerNode, imports: Any) -> None:
    node.programs.installed["containerd"] = ""
    main_file(node, *imports)
    assert containerd.strays(toml.parsed(node.text(CONFIG) or ""), {}, "") == []
    relative = {"imports": ["conf.d/*.toml"]}
    assert containerd.strays(relative, {}, "") == ["conf.d/*.toml in /etc/containerd/config.toml"]


def test_cri_that_an_imported_file_switches_off(node: ContainerNode) -> None:
    main_file(node, GLOB)
    node.tree.write(LATER, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    assert "disabled_plugins of %s" % LATER in node.refused(**WISH)


def test_a_version_below_a_table_is_not_that_of_the_file() -> None:
    text = '"version" = 2\n[plugins."x"]\nversion = 1\n'
    config = toml.parsed(text)
    written = toml.parsed(containerd.with_import(text, config))
    assert written["imports"] == [DROP_IN] and written["plugins"] == config["plugins"]
    assert containerd.overruling(config, {}, "runtimes.nvidia") == []
