# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have in the files of engines: passwords, a default runtime, a file in the place of ours."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container.state import OWED, RECORD
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import file_diffs
from ansible_collections.labfleet.gpu.plugins.module_utils._masked import masked
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import (
    DAEMON,
    ContainerNode,
    actions,
)

CONFIG, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
CRI = 'plugins."io.containerd.grpc.v1.cri"'
AUTH = '[%s.registry.configs."r.example.org".auth]\nusername = "me"\npassword = "s3cret"\n' % CRI
NAMED = '[%s.containerd]\ndefault_runtime_name = "nvidia"\n' % CRI
TYPE = '[%s.containerd.runtimes.nvidia]\nruntime_type = "io.containerd.runc.v2"\n' % CRI
OPTIONS = '[%s.containerd.runtimes.nvidia.options]\nBinaryName = "/usr/bin/nvidia-container-runtime"\n' % CRI
RUNTIME = TYPE + OPTIONS
RUNC = '[%s.containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n' % CRI
WISH: Dict[str, Any] = {"engines": ["containerd"]}


def mode(node: ContainerNode, path: str) -> int:
    return node.tree.path(path).stat().st_mode & 0o777


def main_file(node: ContainerNode, text: str, bits: int = 0o644) -> None:
    node.tree.write(CONFIG, "version = 2\n" + text).chmod(bits)


def test_passwords_of_registries(node: ContainerNode) -> None:
    main_file(node, AUTH, 0o600)
    shown = str(file_diffs(node.tree.files, node.plan(**WISH).steps))
    assert "s3cret" not in shown and "password = ***" in shown and "nvidia-container-runtime" in shown
    node.hold(**WISH)
    assert "s3cret" in (node.text(DROP_IN) or "")
    assert mode(node, DROP_IN) == mode(node, CONFIG) == 0o600
    node.tree.path(DROP_IN).chmod(0o644)
    assert actions(node.hold(**WISH)) == ["write-engine-file"], "nobody has to read it anew for that"
    assert mode(node, DROP_IN) == 0o600
    assert "s3cret" not in str(file_diffs(node.tree.files, node.plan(state="absent").steps))


@pytest.mark.parametrize("bits, wanted", [(0o640, 0o640), (0o400, 0o600), (0o644, 0o644)])
def test_who_reads_ours(node: ContainerNode, bits: int, wanted: int) -> None:
    main_file(node, AUTH, bits)
    node.hold(**WISH)
    assert mode(node, DROP_IN) == wanted


def test_who_reads_ours_where_there_was_no_other(node: ContainerNode) -> None:
    node.hold(**WISH)
    assert mode(node, DROP_IN) == mode(node, RECORD) == 0o600


@pytest.mark.parametrize(
    "text, shown",
    [
        ('identitytoken="x"\nb = 1', "identitytoken=***\nb = 1"),
        ('r.auth.password = "x"', "r.auth.password = ***"),
        ('auth = { username = "me", password = "x" }\n', "auth = ***\n"),
        ('Authorization = [\n  "Basic x",\n]\nb = 1', "Authorization = ***\nb = 1"),
        ('secret = """\nx\n"""\nb = 1', "secret = ***\nb = 1"),
        ('{"proxies": {"http-proxy": "http://me:x@p.example.org:1"}}', None),
        ('"password": "x",\n  "b": 1', '"password": ***\n  "b": 1'),
        ('[configs."r".auth]\nusername = "me"', '[configs."r".auth]\nusername = "me"'),
    ],
)
def test_what_is_masked(text: str, shown: Any) -> None:
    assert masked(text) == (shown or '{"proxies": {"http-proxy": "http://***@p.example.org:1"}}')


def test_a_default_that_somebody_else_said(node: ContainerNode) -> None:
    main_file(node, NAMED + RUNTIME)
    node.hold(**WISH)
    assert "nothing would start" in node.refused(state="absent") and node.text(DROP_IN) is None
    main_file(node, RUNTIME + RUNC)
    plan = node.hold(state="absent")
    assert "containerd's files have a runtime nvidia" in plan.warnings[0] and node.text(DROP_IN) is None
    assert plan.promised()["engines"]["containerd"]["runtime"] == "/usr/bin/nvidia-container-runtime"


@pytest.mark.parametrize("version", ["1.6.20-1", "2.1.4-1"])
def test_another_default_than_the_main_file_has(node: ContainerNode, version: str) -> None:
    node.programs.installed["containerd"] = version
    main_file(node, NAMED)
    plan = node.hold(**WISH, default_runtime=False)
    assert plan.promised()["engines"]["containerd"]["default_runtime"] == "runc"
    assert 'default_runtime_name = "runc"' in (node.text(DROP_IN) or "")
    assert not node.plan(**WISH).steps, "it stays so"


def test_another_default_than_somebodys_file_has(node: ContainerNode) -> None:
    main_file(node, "")
    node.hold(**WISH)
    node.tree.write(DROP_IN, "version = 2\n" + NAMED + RUNTIME)
    assert not node.plan(**WISH).steps
    assert "take_over: true" in node.refused(**WISH, default_runtime=False)


def test_whose_default_it_is(node: ContainerNode) -> None:
    main_file(node, NAMED)
    node.hold(**WISH)
    assert 'default_runtime_name = "nvidia"' in (node.text(DROP_IN) or ""), "a copy of the main file"
    main_file(node, 'imports = ["%s"]\n' % DROP_IN)
    plan = node.hold(**WISH)
    assert "default_runtime_name" not in (node.text(DROP_IN) or "")
    assert plan.promised()["engines"]["containerd"]["default_runtime"] is None
    node.hold(**WISH, default_runtime=True)
    main_file(node, 'imports = ["%s"]\n%s' % (DROP_IN, AUTH))
    node.hold(**WISH)
    assert 'default_runtime_name = "nvidia"' in (node.text(DROP_IN) or ""), "we said it"


def test_the_former_file_comes_back(node: ContainerNode) -> None:
    main_file(node, 'imports = ["/etc/containerd/conf.d/*.toml"]\n')
    theirs = "version = 2\n# By hand.\n" + AUTH
    node.tree.write(DROP_IN, theirs).chmod(0o600)
    assert "take_over: true" in node.refused(**WISH)
    node.hold(**WISH, take_over=True)
    node.hold(**WISH, default_runtime=True)
    assert "By hand" not in (node.text(DROP_IN) or "")
    node.hold(state="absent")
    assert node.text(DROP_IN) == theirs and mode(node, DROP_IN) == 0o600
    assert node.text(RECORD) is None


def test_an_empty_list_of_imports_comes_back(node: ContainerNode) -> None:
    main_file(node, "imports = []\nroot = 1\n")
    node.hold(**WISH)
    node.hold(state="absent")
    assert node.text(CONFIG) == "version = 2\nimports = []\nroot = 1\n"


def test_absent_that_was_cut_off(node: ContainerNode) -> None:
    node.hold()
    plan = node.plan(state="absent")
    assert plan.steps[0].data.path == DAEMON
    node.apply(plan, 1)
    assert node.text(OWED) == "docker\n"
    assert "reload-docker" in actions(node.hold(engines=["podman"]))
    assert node.programs.runtimes == {"runc"} and node.text(OWED) is None


OTHER = RUNTIME.replace("/usr/bin/nvidia-container-runtime", "/opt/nvidia/bin/nvidia-container-runtime.cdi")


@pytest.mark.parametrize("version", ["1.7.27", "2.1.4"])
@pytest.mark.parametrize("imported", [False, True])
def test_a_runtime_that_somebody_else_has(node: ContainerNode, version: str, imported: bool) -> None:
    node.programs.installed["containerd"] = version
    where = "/etc/containerd/aa-site.toml"
    if imported:
        node.tree.write(where, "version = 2\n" + OTHER)
        main_file(node, 'imports = ["aa-site.toml"]\n')
    else:
        main_file(node, OTHER)
    said = node.refused(**WISH)
    assert "containerd has a runtime nvidia that is not that of the packages" in said
    assert "/opt/nvidia/bin/nvidia-container-runtime.cdi" in said and "set take_over: true" in said
    if imported and version < "2":
        assert where in node.refused(**WISH, take_over=True), "before 2.0 one imported file alone has CRI"
        return
    node.hold(**WISH, take_over=True)
    assert node.text(DROP_IN) is not None


@pytest.mark.parametrize("program", ["/usr/bin/nvidia-container-runtime", "nvidia-container-runtime"])
def test_one_that_is_right_already_is_left_alone(node: ContainerNode, program: str) -> None:
    main_file(node, RUNTIME.replace("/usr/bin/nvidia-container-runtime", program))
    plan = node.hold(**WISH)
    assert "write-engine-file" not in actions(plan) and "restart-containerd" not in actions(plan)
    assert node.text(DROP_IN) is None
    plan = node.hold(**WISH, default_runtime=True)
    assert "write-engine-file" in actions(plan) and 'default_runtime_name = "nvidia"' in (
        node.text(DROP_IN) or ""
    )


def test_our_file_is_gone_and_its_import_is_not(node: ContainerNode) -> None:
    node.hold(**WISH)
    node.tree.path(DROP_IN).unlink()
    node.tree.write(CONFIG, (node.text(CONFIG) or "") + RUNTIME)
    assert "write-engine-file" in actions(node.hold(**WISH)) and node.text(DROP_IN) is not None
