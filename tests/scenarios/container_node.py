# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted node with Debian's Docker, containerd and Podman, and how the container toolkit is held there."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from typing import Any

from mig_node import NODE
from proof import Result, in_one_playbook
from scenario import Fleet

MODULE = "labfleet.gpu.container_toolkit"
DAEMON = "/etc/docker/daemon.json"
#: What the admin has in Docker's file. The node may set up neither packet filters nor bridges.
OTHERS: dict[str, Any] = {
    "log-driver": "json-file",
    "iptables": False,
    "bridge": "none",
    "ip-forward": False,
    "storage-driver": "vfs",
    "runtimes": {"kata": {"path": "/usr/bin/kata-runtime"}},
}
#: Podman on the node: no groups and no network of a container's own, and the simulated GPUs' state is in it.
_STORAGE = (
    '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers"\n'
)
_VOLUMES = ", ".join(f'"{path}:{path}:ro"' for path in ("/run/gpu-simulator", "/var/lib/gpu-simulator"))
_CONTAINERS = f'[containers]\ncgroups = "disabled"\nkeyring = false\nnetns = "host"\nvolumes = [{_VOLUMES}]\n'
#: An image of what the node has: a shell, Python for the simulated nvidia-smi, and the libraries of both.
_IMAGE = (
    "cd / && mkdir -p /tmp/image/etc /tmp/image/tmp && "
    "list=$(ldd /bin/sh /usr/bin/python3 /usr/lib/python3*/lib-dynload/_ctypes*.so "
    "| grep -o '/[^ :]*' | sort -u) && "
    "for file in /bin/sh /usr/bin/python3 $list; do "
    "mkdir -p /tmp/image$(dirname $file) && cp -L $file /tmp/image$file; done && "
    "for directory in /usr/lib/python3.*; do mkdir -p /tmp/image$directory && "
    "cp -rL $directory/. /tmp/image$directory; done && "
    "tar -c -C /tmp/image . | podman import - localhost/tools:1 >/dev/null 2>&1 && rm -r /tmp/image"
)
IMAGE = "localhost/tools:1"
#: A key that is not there is the same, and so is the head of a table of these alone.
_NOTHING = ('= ""', "= 0", "= false", "= []", ".options]")


class Node:
    """The node, with the lab's repository of the toolkit and its key."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        with urllib.request.urlopen(f"{fleet.url}/libnvidia-container/gpgkey") as answer:
            key = answer.read()
        argv = ["gpg", "--batch", "--with-colons", "--show-keys"]
        shown = subprocess.run(argv, input=key, capture_output=True, check=True).stdout.decode()
        fingerprint = next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr:"))
        self.mirror = {
            "repository_url": f"{fleet.url}/libnvidia-container/stable/deb/amd64/",
            "repository_key_fingerprint": fingerprint,
        }

    def install(self) -> None:
        """The engines, Docker with its file, none with a GPU yet."""
        self.write(DAEMON, json.dumps(OTHERS, indent=2))
        self.write("/etc/containers/storage.conf", _STORAGE)
        self.write("/etc/containers/containers.conf", _CONTAINERS)
        packages = "docker.io containerd podman crun"
        self.sh(f"apt-get -qq update && apt-get -qq install -y {packages} >/dev/null 2>&1")
        self.sh("systemctl is-active docker containerd")
        # Scenarios restart it more often than systemd lets a service start in ten seconds.
        self.write("/etc/systemd/system/containerd.service.d/limit.conf", "[Unit]\nStartLimitIntervalSec=0")
        self.sh("systemctl daemon-reload")
        self.sh(_IMAGE)

    def sh(self, script: str, status: "int | None" = 0) -> str:
        return self.fleet.sh(NODE, script, status)

    def write(self, path: str, text: str) -> None:
        content = text.rstrip("\n")
        self.sh(f"mkdir -p $(dirname {path}) && cat > {path} <<'E'\n{content}\nE")

    def docker(self) -> Result:
        """Docker's file as data."""
        found: Result = json.loads(self.sh(f"cat {DAEMON}"))
        return found

    def runtimes(self) -> set[str]:
        """Those that the running Docker knows."""
        return set(json.loads(self.sh("docker info --format '{{json .Runtimes}}'")))

    def cri(self) -> str:
        """Whether the running containerd has loaded CRI: "ok" or "error"."""
        rows = map(str.split, self.sh("ctr plugins ls").splitlines())
        return next(row[3] for row in rows if row[:2] == ["io.containerd.grpc.v1", "cri"])

    def runc(self, config: str = "dump") -> list[str]:
        """What containerd makes of its own runtime with all files, or by "default": what is not nothing."""
        tables = self.sh(f"containerd config {config}").split("\n\n")
        lines = "\n".join(table for table in tables if "containerd.runtimes.runc" in table).splitlines()
        return [line.strip() for line in lines if not line.endswith(_NOTHING)]

    def pid(self, unit: str) -> str:
        return self.sh(f"systemctl show {unit} -p MainPID --value")

    def task(self, **options: Any) -> Result:
        return {MODULE: {**self.mirror, **options}, "ignore_errors": True, "diff": True}

    def told(self, **options: Any) -> Result:
        """The result of a run that does what check mode foretold; the same again changes nothing."""
        task = self.task(**options)
        foretold, done, again = in_one_playbook(self.fleet, NODE, [{**task, "check_mode": True}, task, task])
        for result in (foretold, done, again):
            assert not result.get("failed"), result.get("msg")
        assert done["changed"] and foretold["steps"] == done["steps"], (foretold["steps"], done["steps"])
        assert foretold["after"] == done["after"] == again["after"], (foretold["after"], done["after"])
        assert not again["changed"] and not again["steps"]
        return done

    def refused(self, **options: Any) -> str:
        """What a run says that changes nothing, in check mode and without."""
        task = self.task(**options)
        foretold, done = in_one_playbook(self.fleet, NODE, [{**task, "check_mode": True}, task])
        assert foretold["failed"] and done["failed"] and foretold["msg"] == done["msg"]
        assert done["msg"].endswith("Nothing was changed."), done["msg"]
        return str(done["msg"])


def actions(result: Result) -> list[str]:
    return [step["action"] for step in result["steps"]]
