# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI loads with containerd's new files, or containerd gets its former files back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container import toml
from ansible_collections.labfleet.gpu.plugins.module_utils._container.containerd import MARK
from ansible_collections.labfleet.gpu.plugins.module_utils._container.restart import FORMER
from ansible_collections.labfleet.gpu.plugins.module_utils._container.state import OWED, RECORD
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError, UndoneError
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import ContainerNode, actions

CONFIG, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
CRI = "io.containerd.grpc.v1.cri"
#: As Debian's package of containerd brings it.
STOCK = 'version = 2\n[plugins."%s".cni]\nbin_dir = "/usr/lib/cni"\n' % CRI
RUNC = '[plugins."%s".containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n' % CRI
SYSTEMD = RUNC + '[plugins."%s".containerd.runtimes.runc.options]\nSystemdCgroup = true\n' % CRI
KATA = '[plugins."%s".containerd]\ndefault_runtime_name = "kata"\n' % CRI + RUNC.replace("runc", "kata", 1)
WISH: Dict[str, Any] = {"engines": ["containerd"]}


def main_file(node: ContainerNode, text: str) -> None:
    node.tree.write(CONFIG, text).chmod(0o640)


def runtimes(node: ContainerNode) -> Dict[str, Any]:
    """Those in our file."""
    plugin = toml.parsed(node.text(DROP_IN) or "")["plugins"][CRI]
    found: Dict[str, Any] = plugin["containerd"]["runtimes"]
    return found


@pytest.mark.parametrize("default", [None, True, False])
@pytest.mark.parametrize("version", ["1.6.20~ds1-1", "1.7.24~ds1-6", "2.1.9-1"])
@pytest.mark.parametrize("text", [None, "", STOCK, STOCK + SYSTEMD, STOCK + KATA])
def test_cri_loads(node: ContainerNode, text: Optional[str], version: str, default: Optional[bool]) -> None:
    node.programs.installed["containerd"] = version
    if text is not None:
        main_file(node, text)
    node.hold(**WISH, default_runtime=default)
    assert node.programs.containerd.cri == "" and node.text(FORMER) is None and node.text(OWED) is None
    assert "nvidia" in (node.text(DROP_IN) or "")
    node.hold(state="absent")
    assert node.programs.containerd.cri == ""
    assert node.text(CONFIG) == ("version = 2\n" if text == "" else text)


def test_containerds_own_runtime_is_in_ours(node: ContainerNode) -> None:
    main_file(node, STOCK)
    node.hold(**WISH)
    assert runtimes(node)["runc"] == {"runtime_type": "io.containerd.runc.v2"}
    main_file(node, (node.text(CONFIG) or "") + SYSTEMD)
    node.hold(**WISH)
    assert runtimes(node)["runc"]["options"] == {"SystemdCgroup": True}, "the main file's word"
    assert runtimes(node)["nvidia"]["options"]["SystemdCgroup"] is True
    node.hold(state="absent")
    main_file(node, STOCK + KATA)
    node.hold(**WISH)
    assert set(runtimes(node)) == {"kata", "nvidia"}, "nobody has asked for another one"
    node.hold(**WISH, default_runtime=True)
    assert set(runtimes(node)) == {"kata", "nvidia"}


def test_one_that_merges_needs_no_copy(node: ContainerNode) -> None:
    node.programs.installed["containerd"] = "2.1.9-1"
    main_file(node, STOCK)
    node.hold(**WISH)
    assert set(runtimes(node)) == {"nvidia"}


def test_a_file_of_an_earlier_release(node: ContainerNode) -> None:
    """It took containerd's own runtime away: it is written anew, and CRI loads again."""
    main_file(node, STOCK)
    node.hold(**WISH)
    text = node.text(DROP_IN) or ""
    block = '\n[plugins."%s".containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n' % CRI
    assert block in text and MARK in text
    node.tree.write(DROP_IN, text.replace(block, ""))
    node.programs.containerd.start(merges=False)
    assert "no corresponding runtime" in node.programs.containerd.cri
    assert actions(node.hold(**WISH)) == ["write-engine-file", "restart-containerd"]
    assert node.programs.containerd.cri == "" and node.text(DROP_IN) == text


@pytest.mark.parametrize("text", [None, STOCK])
def test_the_former_files_come_back(node: ContainerNode, text: Optional[str]) -> None:
    if text:
        main_file(node, text)
    node.programs.containerd.dislikes = "no runtime of this kind"
    with pytest.raises(UndoneError) as found:
        node.apply(node.plan(**WISH))
    assert str(found.value) == (
        "containerd does not load CRI: no runtime of this kind. It runs with its former files again: mend "
        "/etc/containerd/config.toml, or leave containerd out of engines"
    )
    assert node.programs.containerd.cri == "" and node.text(CONFIG) == text and node.text(DROP_IN) is None
    assert text is None or node.tree.path(CONFIG).stat().st_mode & 0o777 == 0o640
    assert [node.text(path) for path in (FORMER, OWED, RECORD)] == [None, None, None]
    node.programs.containerd.dislikes = ""
    node.hold(**WISH)


def test_what_docker_has_stays_on_record(node: ContainerNode) -> None:
    main_file(node, STOCK)
    node.hold(**WISH)
    before = {path: node.text(path) for path in (CONFIG, DROP_IN)}
    record = json.loads(node.text(RECORD) or "")["containerd"]
    node.programs.containerd.dislikes = "no"
    with pytest.raises(UndoneError, match="with its former files|does not help"):
        node.apply(node.plan(engines=["docker", "containerd"], default_runtime=True))
    found = json.loads(node.text(RECORD) or "")
    assert found["containerd"] == record and found["docker"]["default"] is None
    assert {path: node.text(path) for path in (CONFIG, DROP_IN)} == before


def test_one_that_ends_without_cri(node: ContainerNode) -> None:
    main_file(node, STOCK)
    node.programs.containerd.dislikes, node.programs.containerd.requires = "no", True
    with pytest.raises(
        UndoneError, match="not stay up: containerd: load required plugin: no. It runs with its"
    ):
        node.apply(node.plan(**WISH))
    assert node.programs.containerd.active and node.text(CONFIG) == STOCK


def test_former_files_that_do_not_help(node: ContainerNode) -> None:
    """The admin's own file has changed, and containerd had not read it yet."""
    main_file(node, STOCK + KATA.replace('"kata"', '"other"'))
    with pytest.raises(
        UndoneError, match="runtime configured.*other.*Its former files are back, which does not"
    ):
        node.apply(node.plan(**WISH))
    assert node.text(DROP_IN) is None and node.text(OWED) is None


def test_one_that_does_not_start(node: ContainerNode) -> None:
    main_file(node, STOCK)
    plan = node.plan(**WISH)
    at = actions(plan).index("restart-containerd")
    node.apply(plan, at)
    other = "/etc/containerd/conf.d/98-broken.toml"
    node.tree.write(CONFIG, (node.text(CONFIG) or "").replace("imports = [", 'imports = ["%s", ' % other))
    node.tree.write(other, "x = \n")
    with pytest.raises(
        EffectError, match="does not stay up: containerd: failed to load TOML.* Mend /etc/"
    ) as found:
        node.apply(replace(plan, steps=plan.steps[at:]))
    assert not isinstance(found.value, UndoneError), "the main file is not what we wrote"
    assert node.text(OWED) == "containerd\n", "the next run restarts it again"


def test_a_run_after_one_that_was_cut_off(node: ContainerNode) -> None:
    """The former files are those of before the first of the two."""
    main_file(node, STOCK)
    plan = node.plan(**WISH)
    node.apply(plan, actions(plan).index("restart-containerd"))
    assert DROP_IN in (node.text(CONFIG) or "") and node.text(OWED) == "containerd\n"
    assert node.tree.path(FORMER).stat().st_mode & 0o777 == 0o600, "it may have passwords"
    node.programs.containerd.dislikes = "no"
    with pytest.raises(UndoneError):
        node.apply(node.plan(**WISH, default_runtime=True))
    assert node.text(CONFIG) == STOCK and node.text(DROP_IN) is None


def test_cri_that_did_not_load_before(node: ContainerNode) -> None:
    main_file(node, STOCK)
    node.programs.containerd.cri = node.programs.containerd.dislikes = "no snapshotter"
    node.hold(**WISH)
    assert node.warnings == ["containerd does not load CRI, nor did it before: no snapshotter"]
    assert node.text(DROP_IN) and node.text(FORMER) is None


def test_a_containerd_that_tells_nothing(node: ContainerNode) -> None:
    main_file(node, STOCK + '[grpc]\naddress = "/run/c.sock"\n')
    node.programs.containerd.answers = False
    node.hold(**WISH)
    assert "crictl info" in node.warnings[0] and node.text(OWED) is None
