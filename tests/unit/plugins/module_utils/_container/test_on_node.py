# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container toolkit held on a node: packages, engines, specification; refused; cut off; taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container.component import container
from ansible_collections.labfleet.gpu.plugins.module_utils._container.state import (
    KEY_PATH,
    OWED,
    OWN_FILES,
    PIN_PATH,
    RECORD,
    SOURCE_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import (
    DAEMON,
    NVIDIA,
    ContainerNode,
    actions,
)

CONFIG, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
OTHERS: Dict[str, Any] = {"log-driver": "journald", "runtimes": {"kata": {"path": "/usr/bin/kata"}}}
RUNTIME = {"args": [], "path": "nvidia-container-runtime"}
MAIN = (
    '# The admin\'s.\nversion = 2\n\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri"]\n'
    '    sandbox_image = "registry.example.org/pause:3.9"\n'
    '    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\n      SystemdCgroup = true\n'
)


def daemon(node: ContainerNode, **more: Any) -> str:
    text = json.dumps({**OTHERS, **more}, indent=2)
    node.tree.write(DAEMON, text)
    return text


def test_all_at_once(node: ContainerNode) -> None:
    daemon(node)
    plan = node.hold()
    assert [step.phase for step in plan.steps] == [
        *("cdi", "source", "source", "index", "packages", "engines", "engines", "links", "cdi")
    ]
    assert set(plan.promised()["packages"]) == {
        "%s=1.20.1-1" % name
        for name in (
            "libnvidia-container1",
            "libnvidia-container-tools",
            "nvidia-container-toolkit",
            "nvidia-container-toolkit-base",
        )
    }
    assert node.docker() == {**OTHERS, "runtimes": {**OTHERS["runtimes"], "nvidia": RUNTIME}}
    assert "systemctl reload -- docker.service" in node.programs.ran
    assert not any("restart -- containerd" in line for line in node.programs.ran), "it serves Docker alone"
    assert "URIs: " + NVIDIA in (node.text(SOURCE_PATH) or "") and node.text(KEY_PATH)
    assert node.text(PIN_PATH) is None


@pytest.mark.parametrize("steps", range(1, 9))
def test_cut_off_and_made_up_for(node: ContainerNode, steps: int) -> None:
    daemon(node)
    plan = node.plan()
    node.apply(plan, steps)
    node.hold()
    assert "nvidia" in node.programs.runtimes and node.text(OWED) is None


def test_one_version_pinned_and_held(node: ContainerNode) -> None:
    node.hold()
    node.programs.installed["libnvidia-container1"] = "1.18.2-1"
    plan = node.hold()
    assert "different versions" in plan.steps[0].why or "different versions" in plan.reasons[0]
    plan = node.hold(version="1.17")
    assert plan.promised()["version"] == "1.17.9"
    assert "Pin: version 1.17.*\nPin-Priority: 1001" in (node.text(PIN_PATH) or "")
    plan = node.hold(version="1.17.8", hold=True)
    assert "Pin: version 1.17.8-1\n" in (node.text(PIN_PATH) or "") and len(node.programs.holds) == 4
    plan = node.hold(update=True)
    assert plan.promised()["version"] == "1.20.1" and len(plan.promised()["held"]) == 4, "held as before"
    assert "Pin: version 1.20.1-1\n" in (node.text(PIN_PATH) or "")
    assert actions(node.hold(hold=False)) == ["remove-file", "unhold"]
    assert "choose from 1.20.1, 1.18.2, 1.17.9, 1.17.8" in node.refused(version="2")


def test_where_the_specification_is(node: ContainerNode) -> None:
    plan = node.hold(version="1.17")
    assert plan.promised()["cdi"]["files"] == ["/etc/cdi/nvidia.yaml"]
    plan = node.hold(version="1.18")
    assert plan.promised()["cdi"]["files"] == ["/run/cdi/nvidia.yaml"]
    assert node.text("/etc/cdi/nvidia.yaml") is None and "cdi" not in node.state().record
    plan = node.hold(version="1.17")
    assert plan.promised()["cdi"]["files"] == ["/etc/cdi/nvidia.yaml"], "what is in /run has nobody any more"
    assert node.text("/run/cdi/nvidia.yaml") is None
    node.hold(version="1.18")
    node.programs.refreshes = False
    node.tree.path("/run/cdi/nvidia.yaml").unlink()
    assert actions(node.hold(version="1.18")) == ["refresh-cdi"]
    assert node.programs.ran[-1].startswith("nvidia-ctk --quiet cdi generate"), "the service did nothing"
    node.tree.write("/etc/cdi/mine.yaml", "kind: nvidia.com/gpu\ndevices:\n- name: mine\n")
    (warning,) = node.plan(version="1.18").warnings
    assert "somebody else wrote" in warning and "/etc/cdi/mine.yaml has mine" in warning


def test_mig_and_a_new_driver(node: ContainerNode) -> None:
    node.hold()
    node.gpus(("0:0", "MIG-a", "/dev/nvidia0", "/dev/c3", "/dev/c4"), ("1", "GPU-b", "/dev/nvidia1"))
    plan = node.hold()
    assert actions(plan) == ["refresh-cdi"] and "has 0, which is not there" in plan.steps[0].why
    assert plan.promised()["cdi"]["devices"] == ["MIG-a", "GPU-b"]
    node.gpus(("0:0", "MIG-a", "/dev/nvidia0", "/dev/c5", "/dev/c6"), ("1", "GPU-b", "/dev/nvidia1"))
    assert "other device files for 0:0" in node.hold().steps[0].why
    node.driver = "590.48.01"
    assert "is for driver 580.95.05" in node.plan().steps[0].why
    node.driver = None
    plan = node.plan()
    assert not plan.steps and "the driver is not loaded" in plan.warnings[0]


def test_dockers_default_and_the_way_back(node: ContainerNode) -> None:
    daemon(node, **{"default-runtime": "kata"})
    before = node.docker()
    node.hold(default_runtime=True)
    assert node.docker()["default-runtime"] == "nvidia"
    node.hold(default_runtime=False)
    assert node.docker()["default-runtime"] == "kata"
    node.hold(default_runtime=True)
    plan = node.hold(state="absent")
    assert plan.promised()["engines"]["docker"]["default_runtime"] == "kata"
    assert plan.promised()["cdi"]["files"] == []
    assert node.docker() == before and node.programs.runtimes == {"runc", "kata"}
    assert (
        all(node.text(path) is None for path in (*OWN_FILES, RECORD)) and plan.steps[-1].data.path == RECORD
    )
    assert not [name for name in node.programs.installed if "nvidia" in name]


def test_a_file_that_was_not_there_goes_again(node: ContainerNode) -> None:
    node.hold()
    assert node.docker() == {"runtimes": {"nvidia": RUNTIME}}
    node.hold(state="absent")
    assert node.text(DAEMON) is None


def test_what_somebody_else_put_there_stays(node: ContainerNode) -> None:
    text = daemon(node, runtimes={"nvidia": {"path": "/usr/bin/nvidia-container-runtime", "runtimeArgs": []}})
    node.hold()
    assert node.text(DAEMON) == text, "it does what is wished"
    plan = node.hold(state="absent")
    assert node.text(DAEMON) == text and "somebody else put there" in plan.warnings[0]
    node.hold()
    daemon(node, **{"default-runtime": "nvidia"})
    assert "nothing would start" in node.refused(state="absent")
    daemon(node, runtimes={"nvidia": {"path": "/opt/runtime"}})
    assert "take_over: true" in node.refused()
    node.hold(take_over=True)
    node.hold(state="absent")
    assert node.docker()["runtimes"] == {"nvidia": {"path": "/opt/runtime"}}


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"a": 1,}', "no valid JSON"),
        ("[]", "no object"),
        ('{"runtimes": []}', ""),
        ('{"runtimes": [1]}', 'no object in its "runtimes"'),
        ('{"a": NaN}', "no number of JSON"),
    ],
)
def test_a_file_of_dockers_that_is_none(node: ContainerNode, text: str, said: str) -> None:
    node.tree.write(DAEMON, text)
    if said:
        assert said in node.refused() and node.text(DAEMON) == text
    else:
        node.hold()


def test_docker_by_its_command_line(node: ContainerNode) -> None:
    unit = node.programs.units["docker"]
    unit["ExecStart"] = "/usr/bin/dockerd --config-file=/srv/docker.json"
    node.programs.reads = False
    with pytest.raises(EffectError, match="does not know the runtime"):
        node.apply(node.plan())
    assert json.loads(node.text("/srv/docker.json") or "") == {"runtimes": {"nvidia": RUNTIME}}
    unit["ExecStart"] = "/usr/sbin/dockerd $DOCKER_OPTS"
    node.tree.write("/etc/default/docker", '#DOCKER_OPTS="x"\nDOCKER_OPTS="--add-runtime nvidia=/x"\n')
    assert "on its command line" in node.refused() and "--add-runtime" in node.refused()


def test_containerd_keeps_what_the_main_file_has(node: ContainerNode) -> None:
    node.tree.write(CONFIG, MAIN)
    plan = node.hold(engines=["containerd"])
    assert "systemctl restart -- containerd.service" in node.programs.ran
    text = node.text(CONFIG) or ""
    assert text.replace('imports = ["%s"]\n' % DROP_IN, "") == MAIN
    ours = node.text(DROP_IN) or ""
    assert 'sandbox_image = "registry.example.org/pause:3.9"' in ours, "the file with a plugin decides alone"
    assert (
        ours.count("SystemdCgroup = true") == 2 and 'BinaryName = "/usr/bin/nvidia-container-runtime"' in ours
    )
    assert plan.promised()["engines"]["containerd"]["runtime"] == "/usr/bin/nvidia-container-runtime"
    node.tree.write(CONFIG, text.replace("3.9", "3.10"))
    assert actions(node.hold(engines=["containerd"])) == ["write-engine-file", "restart-containerd"]
    assert "pause:3.10" in (node.text(DROP_IN) or "")
    node.hold(engines=["containerd"], default_runtime=True)
    assert 'default_runtime_name = "nvidia"' in (node.text(DROP_IN) or "")
    assert not node.plan(engines=["containerd"]).steps, "the default stays what it is"
    node.hold(state="absent")
    assert node.text(CONFIG) == MAIN.replace("3.9", "3.10") and node.text(DROP_IN) is None


def test_containerd_that_merges(node: ContainerNode) -> None:
    node.programs.installed["containerd"] = "2.1.4-1"
    node.tree.write(
        CONFIG, MAIN.replace("version = 2", "version = 3").replace("grpc.v1.cri", "cri.v1.runtime")
    )
    node.hold(engines=["containerd"])
    ours = node.text(DROP_IN) or ""
    assert "sandbox_image" not in ours and ours.count("SystemdCgroup = true") == 1
    assert '[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia.options]' in ours


def test_containerd_without_a_file(node: ContainerNode) -> None:
    node.without("dockerd")
    node.hold()
    assert node.text(CONFIG) == 'version = 2\nimports = ["%s"]\n' % DROP_IN
    node.hold(state="absent")
    assert node.text(CONFIG) is None


def test_containerd_that_is_not_to_be_had(node: ContainerNode) -> None:
    node.tree.write(CONFIG, 'disabled_plugins = ["cri"]\n')
    node.hold()
    assert "disabled_plugins" in node.refused(engines=["containerd"])
    node.tree.write(CONFIG, "[plugins.cri]\nx = 1\n")
    assert "config migrate" in node.refused(engines=["containerd"])
    node.tree.write(CONFIG, '"imports" = []\nversion = 2\n')
    assert "imports = [...]" in node.refused(engines=["containerd"])
    node.tree.write(CONFIG, "version = \n")
    assert "line 1: this value" in node.refused(engines=["containerd"])
    node.tree.write(CONFIG, 'imports = ["/etc/containerd/conf.d/*.toml"]\n' + MAIN)
    other = "/etc/containerd/conf.d/registry.toml"
    node.tree.write(other, '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "x"\n')
    assert other in node.refused(engines=["containerd"])
    node.tree.path(other).unlink()
    node.tree.write(DROP_IN, "# by hand\n")
    assert "take_over: true" in node.refused(engines=["containerd"])
    node.hold(engines=["containerd"], take_over=True)


def test_containers_that_would_end(node: ContainerNode) -> None:
    node.programs.units["docker"]["BindsTo"] = "containerd.service"
    wish: Dict[str, Any] = {"engines": ["docker", "containerd"]}
    node.ending = ("train (registry.example.org/train:1)",)
    assert "train (registry" in node.refused(**wish) and "disrupt_running_work: true" in node.refused(**wish)
    daemon(node, **{"live-restore": True})
    assert "restart-containerd" in actions(node.plan(**wish))
    daemon(node)
    assert "restart-containerd" in actions(node.plan(**wish, disrupt_running_work=True))
    node.ending = ()
    node.hold(**wish)


def test_engines_that_are_wished_for(node: ContainerNode) -> None:
    node.hold(engines=["podman"])
    assert node.docker() == {} and not node.state().record
    node.programs.installed["podman"] = "3.4.4+ds1-1ubuntu1"
    assert "does not know CDI" in node.refused(engines=["podman"])
    assert any("does not know CDI" in each for each in node.plan().warnings)
    node.without("dockerd", "podman")
    node.tree.write("/snap/docker/current")
    assert "it is a snap" in node.refused(engines=["docker"])
    assert "not installed" in node.refused(engines=["podman"])
    node.without("containerd")
    node.tree.path("/snap/docker/current").unlink()
    node.tree.path("/snap/docker").rmdir()
    assert "no container engine" in node.plan().warnings[0]


def test_a_container_that_shows_the_gpus(node: ContainerNode) -> None:
    node.hold()
    wish: Dict[str, Any] = {"check_image": "registry.example.org/tools:1"}
    plan = node.hold(**wish)
    assert actions(plan) == ["run-container"] and plan.promised()["check"]["engine"] == "podman"
    node.gpus(("0", "GPU-a", "/dev/nvidia0"))
    assert actions(node.hold(**wish)) == ["refresh-cdi", "run-container"]
    plan = node.plan(check_image="registry.example.org/tools:2")
    node.gpus()
    with pytest.raises(EffectError, match="does not see GPU-a"):
        node.apply(plan)


def test_other_owners(node: ContainerNode) -> None:
    node.tree.write("/run/nvidia/toolkit/toolkit.pid")
    assert "GPU operator" in node.refused() and "GPU operator" in node.refused(state="absent")
    node.tree.path("/run/nvidia/toolkit/toolkit.pid").unlink()
    line = "deb [signed-by=/k.gpg] https://nvidia.github.io/libnvidia-container/stable/deb/$(ARCH) /\n"
    node.tree.write("/etc/apt/sources.list.d/nvidia-container-toolkit.list", line)
    node.hold()
    assert node.text(SOURCE_PATH) is None, "two keys for one repository stop apt"
    node.dependents = ("nvidia-docker2",)
    assert "nvidia-docker2" in node.refused(state="absent")


def test_links_of_device_files(node: ContainerNode) -> None:
    node.hold()
    node.tree.write("/dev/nvidia0")
    state = replace(node.state(), unlinked=("/dev/nvidia0",))
    plan = container(node.wish()).plan(state, node.wish(), {})
    assert actions(plan) == ["link-devices"] and plan.promised()["unlinked"] == []
    node.apply(plan)
    node.apply(plan)
    assert node.tree.files.link("/dev/char/0:0") == "../nvidia0"
    podman = container(node.wish()).plan(state, node.wish(engines=["podman"]), {})
    assert not podman.steps, "Podman's containers are not systemd's to reload"


def test_a_runtime_that_gives_no_devices(node: ContainerNode) -> None:
    node.hold()
    node.tree.write(
        "/etc/nvidia-container-runtime/config.toml", "[nvidia-container-cli]\nno-cgroups = true\n"
    )
    (warning,) = node.plan().warnings
    assert "no-cgroups" in warning


@pytest.mark.parametrize(
    "options, said",
    [
        ({"version": 1.17}, "quote it"),
        ({"version": "latest"}, "write for example"),
        ({"engines": ["auto", "docker"]}, "write auto"),
        ({"engines": ["crio"]}, "write auto"),
        ({"state": "absent", "hold": True}, "do not go with absent"),
        ({"check_image": "--rm"}, "no name of an image"),
    ],
)
def test_wishes_that_no_host_could_fulfil(node: ContainerNode, options: Dict[str, Any], said: str) -> None:
    with pytest.raises(BadWish, match=said):
        node.wish(**options)
