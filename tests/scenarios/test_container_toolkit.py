# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container toolkit on a booted node with the real Docker, containerd and Podman of Debian."""

from __future__ import annotations

import json

import pytest
from container_node import DAEMON, IMAGE, OTHERS, Node, actions
from mig_node import A100, NODE, T4, devices, held, node_with
from proof import in_one_playbook
from scenario import Fleet
from slurm_node import Slurm

SPEC, OWN = "/run/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml"
CONTAINERD, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
CRI = 'plugins."io.containerd.grpc.v1.cri"'
#: Everything that this collection may have written, and what it may have changed.
OURS = (
    "ls /etc/apt/*/labfleet-gpu-container* /etc/containerd/conf.d/99-nvidia.toml /etc/udev/rules.d/71-lab* "
    "/var/lib/labfleet-gpu/container.json /etc/systemd/system/nvidia-cdi-refresh.service.d/* 2>/dev/null"
)


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> Node:
    """An A100 and a T4 with a driver, three engines and no toolkit."""
    node_with(fleet, A100, T4)
    fleet.put_pynvml(NODE)
    found = Node(fleet)
    found.install()
    return found


def test_the_engines_that_are_there(node: Node) -> None:
    pid, before = node.pid("docker"), node.docker()
    assert node.runtimes() == {"io.containerd.runc.v2", "io.containerd.runtime.v1.linux", "runc", "kata"}
    done = node.told()
    assert done["after"]["version"] == "1.20.1" and len(done["after"]["packages"]) == 4
    assert node.docker() == {
        **before,
        "runtimes": {**OTHERS["runtimes"], "nvidia": {"args": [], "path": "nvidia-container-runtime"}},
    }
    assert "nvidia" in node.runtimes() and node.pid("docker") == pid, "reloaded, not restarted"
    assert "containerd" not in json.dumps(done["steps"]), "it serves Docker alone"
    uuids = [line.split("UUID: ")[1].rstrip(")") for line in node.sh("nvidia-smi -L").splitlines()]
    assert done["after"]["cdi"] == {
        "files": [SPEC],
        "driver_version": "580.95.05",
        "devices": uuids,
        "stale": None,
    }
    assert f"nvidia.com/gpu={uuids[0]}" in node.sh("nvidia-ctk cdi list 2>/dev/null").splitlines()


def test_what_is_undone_by_hand(node: Node) -> None:
    node.sh(f"rm {SPEC}")
    assert actions(node.told()) == ["refresh-cdi"]
    node.sh(f"sed -i 's/580.95.05/570.86.15/' {SPEC}")
    done = node.told()
    assert actions(done) == ["refresh-cdi"] and "is for driver 570.86.15" in done["steps"][0]["why"]
    node.write(DAEMON, json.dumps(OTHERS))
    assert actions(node.told()) == ["write-engine-file", "reload-docker"]
    node.sh("apt-mark hold libnvidia-container1; rm /etc/udev/rules.d/71-labfleet*; rm /dev/char/195:0")
    assert actions(node.told()) == ["write-file", "hold", "write-file", "link-devices"]
    assert actions(node.told(hold=False)) == ["remove-file", "unhold"]
    node.sh("rm /usr/bin/nvidia-ctk")
    done = node.told()
    assert (
        actions(done)[:2] == ["refresh-index", "install"] and "/usr/bin/nvidia-ctk" in done["steps"][1]["why"]
    )
    assert node.sh("nvidia-ctk --version") and done["after"]["version"] == "1.20.1"


def test_a_container_sees_the_gpus(node: Node) -> None:
    done = node.told(check_image=IMAGE)
    assert actions(done) == ["run-container"]
    assert done["after"]["check"]["result"] == "passed" and done["after"]["check"]["engine"] == "podman"
    (skipped,) = in_one_playbook(
        node.fleet,
        NODE,
        [node.task(check_image=IMAGE, engines=["containerd"], cdi=False) | {"check_mode": True}],
    )
    assert skipped["after"]["check"]["result"] == "skipped"
    assert "neither Podman nor a running Docker" in skipped["after"]["check"]["why"]


def test_mig_devices(node: Node) -> None:
    layout = held(node.fleet, gpus=[0], instances=["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"])
    Slurm(node.fleet, NODE).device_files()
    done = node.told(check_image=IMAGE)
    assert actions(done)[-2:] == ["refresh-cdi", "run-container"]
    migs = devices(layout, 0)
    assert len(migs) == 4 and set(migs) < set(done["after"]["cdi"]["devices"])
    assert len(done["after"]["cdi"]["devices"]) == 5
    one = node.sh(f"podman run --rm --device nvidia.com/gpu={migs[0]} {IMAGE} /bin/sh -c 'echo /dev/nvidia*'")
    assert "/dev/nvidia0" in one and "/dev/nvidia1" not in one
    held(node.fleet, gpus=[0], instances=[])
    held(node.fleet, gpus=[0], instances=["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"])
    Slurm(node.fleet, NODE).device_files()
    done = node.told()
    assert actions(done) == ["refresh-cdi"] and "which is not there" in done["steps"][0]["why"], "new UUIDs"
    held(node.fleet, gpus=[0], mig=False)
    assert "refresh-cdi" in actions(node.told())


def test_containerd_has_its_runtime_and_keeps_the_rest(node: Node) -> None:
    before, runc = node.sh(f"cat {CONTAINERD}"), node.runc()
    assert "cni" in before and "runtimes" not in before and node.cri() == "ok", "as Debian brings it"
    done = node.told(engines=["containerd"], default_runtime=True)
    assert node.cri() == "ok" and node.runc() == runc, "its own runtime is still there"
    assert actions(done) == ["write-engine-file", "write-engine-file", "restart-containerd"]
    shown = node.sh("containerd config dump")
    runtime = shown[shown.index("containerd.runtimes.nvidia]") :]
    assert 'runtime_type = "io.containerd.runc.v2"' in runtime
    assert 'BinaryName = "/usr/bin/nvidia-container-runtime"' in runtime
    assert 'default_runtime_name = "nvidia"' in shown
    assert 'bin_dir = "/usr/lib/cni"' in shown, "what the main file has of the plugin"
    now = node.sh(f"cat {CONTAINERD}")
    assert [line for line in now.splitlines() if line not in before.splitlines()] == [
        'imports = ["/etc/containerd/conf.d/99-nvidia.toml"]'
    ]
    node.sh(f"sed -i 's,/usr/lib/cni,/opt/cni/bin,' {CONTAINERD}")
    assert actions(node.told(engines=["containerd"])) == ["write-engine-file", "restart-containerd"]
    assert 'bin_dir = "/opt/cni/bin"' in node.sh("containerd config dump"), (
        "the admin's word, not ours of old"
    )
    node.sh(f"sed -i 's,/opt/cni/bin,/usr/lib/cni,' {CONTAINERD}")
    node.told(engines=["containerd"], default_runtime=False)
    assert 'default_runtime_name = "runc"' in node.sh("containerd config dump")
    assert node.cri() == "ok" and node.runc() == runc


def test_containerd_that_lost_cri_to_an_earlier_release(node: Node) -> None:
    """The file had the runtime nvidia alone, which took containerd's own one away."""
    text = node.sh(f"cat {DROP_IN}") + "\n"
    own = next(block for block in text.split("\n\n") if "runtimes.runc]" in block)
    node.write(DROP_IN, text.replace(own + "\n\n", ""))
    node.sh("systemctl restart containerd")
    assert node.cri() == "error" and node.sh("systemctl is-active containerd").strip() == "active"
    assert actions(node.told(engines=["containerd"])) == ["write-engine-file", "restart-containerd"]
    assert node.cri() == "ok" and node.sh(f"cat {DROP_IN}") + "\n" == text


def test_containerd_gets_its_former_files_back(node: Node) -> None:
    """One that does not load CRI as soon as the new default runtime is in our file."""
    paths = f"{CONTAINERD} {DROP_IN} /var/lib/labfleet-gpu/container.json"
    before = node.sh(f"sha256sum {paths}; stat -c '%a %U %n' {paths}")
    node.write("/etc/containerd/bad.toml", f'version = 2\n[{CRI}.containerd]\ndefault_runtime_name = "x"\n')
    unit = "/etc/systemd/system/containerd.service.d/picky.conf"
    script = f"grep -q ^default_runtime_name..*nvidia {DROP_IN} && set -- --config /etc/containerd/bad.toml"
    node.write(unit, f"[Service]\nExecStart=\nExecStart=/bin/sh -c '{script}; exec containerd \"$$@\"' sh\n")
    node.sh("systemctl daemon-reload && systemctl restart containerd")
    assert node.cri() == "ok"
    wish = node.task(engines=["containerd"], default_runtime=True)
    failed = node.fleet.task(NODE, wish)
    assert failed["failed"] and "containerd does not load CRI: invalid plugin config" in failed["msg"]
    assert "It runs with its former files again" in failed["msg"], failed["msg"]
    assert node.cri() == "ok" and node.sh(f"sha256sum {paths}; stat -c '%a %U %n' {paths}") == before
    assert (
        node.sh("ls /run/labfleet-gpu/containerd-former /run/labfleet-gpu/container-owed 2>/dev/null", None)
        == ""
    )
    node.sh(f"rm {unit} /etc/containerd/bad.toml && systemctl daemon-reload && systemctl restart containerd")


@pytest.mark.parametrize("default", [True, False, None])
def test_containerd_without_a_file(node: Node, default: "bool | None") -> None:
    """Its own runtime is as it is without one."""
    config = node.sh(f"cat {CONTAINERD}")
    drop_in = node.sh(f"cat {DROP_IN}")
    node.sh(f"rm {CONTAINERD} {DROP_IN} && systemctl restart containerd")
    assert node.cri() == "ok"
    options = {} if default is None else {"default_runtime": default}
    node.told(engines=["containerd"], **options)
    name = "nvidia" if default else "runc"
    assert f'default_runtime_name = "{name}"' in node.sh("containerd config dump")
    assert node.cri() == "ok" and node.runc() == node.runc("default")
    node.write(CONTAINERD, config)
    node.write(DROP_IN, drop_in)


def test_files_that_containerd_reads_after_ours(node: Node) -> None:
    """Of a glob the names are sorted, and what an imported file imports comes after all of the list."""
    config, wish = node.sh(f"cat {CONTAINERD}"), {"engines": ["containerd"]}
    later, nested = "/etc/containerd/conf.d/zz-later.toml", "/etc/containerd/nested.toml"
    runtime = f"[{CRI}.containerd.runtimes.nvidia"
    other = f'version = 2\n{runtime}]\nruntime_type = "io.containerd.runc.v2"\n{runtime}.options]\n'
    other += 'BinaryName = "/opt/other"\n'
    node.write(CONTAINERD, config.replace(DROP_IN, "/etc/containerd/conf.d/*.toml"))
    assert not node.fleet.task(NODE, node.task(**wish))["changed"]
    node.write(later, other)
    shown = node.sh("containerd config dump")
    assert '"/opt/other"' in shown and "nvidia-container-runtime" not in shown
    assert later in node.refused(**wish)
    node.write(CONTAINERD, config.replace(f'"{DROP_IN}"', f'"{later}", "{DROP_IN}"'))
    node.write(later, 'version = 2\nimports = ["../nested.toml"]\n')
    node.write(nested, other)
    assert '"/opt/other"' in node.sh("containerd config dump")
    assert nested in node.refused(**wish)
    node.write(nested, "version = 2\n")
    assert not node.fleet.task(NODE, node.task(**wish))["changed"]
    assert '"/usr/bin/nvidia-container-runtime"' in node.sh("containerd config dump")
    node.sh(f"rm {later} {nested}")
    node.write(CONTAINERD, config)


def test_a_right_runtime_in_somebodys_file(node: Node) -> None:
    """It has all of CRI, as nvidia-ctk writes it too, and is left alone."""
    config, own = node.sh(f"cat {CONTAINERD}"), "/etc/containerd/conf.d/10-own.toml"
    node.write(CONTAINERD, config.replace(DROP_IN, "/etc/containerd/conf.d/*.toml"))
    node.sh(f"mv {DROP_IN} {own} && sed -i 1d {own} && systemctl restart containerd")
    assert node.cri() == "ok"
    result = node.fleet.task(NODE, node.task(engines=["containerd"]))
    assert not result.get("failed") and not result["changed"], result
    runtime = result["after"]["engines"]["containerd"]["runtime"]
    assert runtime == "/usr/bin/nvidia-container-runtime" and runtime in node.sh("containerd config dump")
    assert "10-own.toml" in node.refused(engines=["containerd"], default_runtime=True)
    node.sh(f"rm {own}")
    node.write(CONTAINERD, config)
    node.told(engines=["containerd"])


def test_one_version_of_the_whole_set(node: Node) -> None:
    done = node.told(version="1.17")
    assert done["after"]["version"] == "1.17.9", "the library of 1.20 is not kept"
    assert {line.partition("=")[2] for line in done["after"]["packages"]} == {"1.17.9-1"}
    assert done["after"]["cdi"]["files"] == [OWN], "nobody would write the other one after a boot"
    assert "0 upgraded" in node.sh("apt-get -s upgrade | grep upgraded"), "the pin keeps it"
    done = node.told(version="1.17.8", hold=True)
    assert done["after"]["version"] == "1.17.8" and len(done["after"]["held"]) == 4
    done = node.told(version="1.20", hold=False)
    assert done["after"]["version"] == "1.20.1" and done["after"]["cdi"]["files"] == [SPEC]
    assert node.sh(f"ls {OWN} 2>&1", None).startswith("ls: cannot access")


def test_what_is_refused(node: Node) -> None:
    assert "choose from 1.20.1, 1.18.2, 1.17.9" in node.refused(version="1.19")
    kept = node.sh(f"cat {DAEMON}")
    node.write(DAEMON, '{"log-driver": "json-file",}\n')
    assert "no valid JSON" in node.refused()
    node.write(DAEMON, json.dumps({**OTHERS, "runtimes": {"nvidia": {"path": "/opt/mine/runtime"}}}))
    assert "take_over: true" in node.refused()
    node.write(DAEMON, kept)
    node.sh("mkdir -p /run/nvidia/toolkit && touch /run/nvidia/toolkit/toolkit.pid")
    assert "GPU operator holds the container toolkit" in node.refused()
    assert "GPU operator" in node.refused(state="absent")
    node.sh("rm -r /run/nvidia/toolkit")
    config = node.sh(f"cat {CONTAINERD}")
    node.write(CONTAINERD, 'version = 1\n[plugins.cri]\nsandbox_image = "x"\n')
    assert "containerd config migrate" in node.refused(engines=["containerd"])
    node.write(CONTAINERD, 'disabled_plugins = ["cri"]\n')
    assert "disabled_plugins" in node.refused(engines=["containerd"])
    node.write(CONTAINERD, config)
    stranger = "https://example.org/libnvidia-container/stable/deb/amd64/"
    assert "key" in node.refused(version="1.18", repository_url=stranger)


def test_as_it_was(node: Node) -> None:
    node.told(state="absent")
    assert node.docker() == OTHERS and "nvidia" not in node.runtimes()
    assert "imports" not in node.sh(f"cat {CONTAINERD}")
    assert node.sh("dpkg-query -W 'nvidia-container*' 'libnvidia-container*' 2>/dev/null", None) == ""
    assert node.sh(OURS, None) == "" and node.sh(f"ls {SPEC} {OWN} 2>/dev/null", None) == ""


@pytest.mark.parametrize("wish", [{"engines": ["docker", "containerd"]}, {"state": "absent"}])
def test_cut_off_anywhere(node: Node, wish: "dict[str, object]") -> None:
    """Each run goes on from where the one before was killed; the last finds nothing left to do."""
    killed = 0
    for _run in range(30):
        result = node.fleet.task(NODE, node.task(**wish), environment={"LABFLEET_GPU_CRASH": "after:2"})
        assert result.get("changed") or not result.get("failed"), result.get("msg")
        if not result["changed"]:
            break
        killed += bool(result.get("failed"))
    assert killed > 3 and not result["changed"], killed
    assert ("nvidia" in node.runtimes()) is ("state" not in wish)


def test_through_the_role(node: Node) -> None:
    role = {
        "role": "labfleet.gpu.container_toolkit",
        "container_toolkit_engines": ["podman"],
        "container_toolkit_version": "1.18",
        **{f"container_toolkit_{name}": value for name, value in node.mirror.items()},
    }
    play = {"hosts": NODE, "gather_facts": False, "become": True, "roles": [role]}
    path = node.fleet.work / "container-role.yml"
    path.write_text(json.dumps([play]))
    run = node.fleet.playbook(path)
    assert run.rc == 0, run.output
    assert "1.18.2" in node.sh("nvidia-ctk --version") and "nvidia" not in node.runtimes()
    assert run.recap[NODE]["changed"] == 1
    again = node.fleet.playbook(path)
    assert again.recap[NODE]["changed"] == 0 and again.recap[NODE]["failed"] == 0
