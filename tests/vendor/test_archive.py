# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ubuntu's own archive on real apt: server series, transitional packages, signed modules, two sources."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from served import Served
from steps import KERNEL, LEFT, add_archive, installed, predicted, subscribe
from throwaway import Node

COMPONENTS = "main restricted universe multiverse"
ALL = ("", "-security", "-updates")
MAGIC = b"~Module signature appended~\n"


def archive_node(node: Node, served: Served, pockets: tuple[str, ...] = ALL) -> Node:
    """A node with these pockets of noble, and the host's kernel installed."""
    add_archive(node, served, "noble", pockets, COMPONENTS)
    node.run("apt-get update -q; apt-get install -y -q linux-image-generic")
    return node


def verify(node: Node, path: str, certificate: Path, scratch: Path) -> None:
    """Check the signature at the end of a module as the kernel would; CalledProcessError if it is wrong."""
    data = (node.root / path[1:]).read_bytes()
    assert data.endswith(MAGIC)
    described = data[-len(MAGIC) - 12 : -len(MAGIC)]
    length = struct.unpack(">8xI", described)[0]
    end = len(data) - len(MAGIC) - 12
    (scratch / "module").write_bytes(data[: end - length])
    (scratch / "signature").write_bytes(data[end - length : end])
    subprocess.run(
        ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(scratch / "signature")]
        + ["-content", str(scratch / "module"), "-certfile", str(certificate), "-CAfile", str(certificate)]
        + ["-purpose", "any", "-out", "/dev/null"],
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize(("flavour", "licence"), [("", "NVIDIA"), ("-open", "Dual MIT/GPL")])
def test_signed_modules(flavour: str, licence: str, node: Node, served: Served, tmp_path: Path) -> None:
    """They need neither dkms nor headers, are signed, and go without a trace."""
    archive_node(node, served)
    names = f"nvidia-headless-no-dkms-580-server{flavour} nvidia-utils-580-server"
    command = f"apt-get install -y -q linux-modules-nvidia-580-server{flavour}-generic {names}"
    assert not {name for name in predicted(node, command) if "dkms-580" in name and "no-dkms" not in name}
    node.run(command)
    path = node.run("modinfo -n nvidia").strip()
    assert path == f"/lib/modules/{KERNEL}/kernel/nvidia-580srv{flavour}/nvidia.ko"
    fields = dict(
        line.split(":", 1) for line in node.run("modinfo nvidia").splitlines() if not line.startswith("\t")
    )
    assert fields["signer"].strip() == "Canonical Ltd. Kernel Module Signing"
    assert fields["license"].strip() == licence
    assert fields["version"].strip() == "580.173.02"
    certificate = served.path / "keys/kernel-module-signing.pem"
    serial = subprocess.run(
        ["openssl", "x509", "-noout", "-serial", "-in", str(certificate)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert serial == "serial=" + fields["sig_key"].strip().replace(":", "")
    verify(node, path, certificate, tmp_path)
    node.run("nvidia-smi", status=9)
    node.run("apt-get purge -y -q '*nvidia*'")
    assert node.run(LEFT) == ""


def test_modules_of_the_archive_stand_in_for_dkms(node: Node, served: Served) -> None:
    """Named together with the driver; a driver alone brings dkms."""
    archive_node(node, served)
    alone = predicted(node, "apt-get install nvidia-driver-595-open")
    assert "nvidia-dkms-595-open=595.91.07-0ubuntu0.24.04.1" in alone
    together = predicted(
        node, "apt-get install nvidia-driver-595-open linux-modules-nvidia-595-open-generic-hwe-24.04"
    )
    assert not {name for name in together if name.startswith("nvidia-dkms")}
    assert {name.split("=")[1].split("-")[0] for name in together if name.startswith("libnvidia")} == {
        "595.91.07"
    }


def test_server_series(node: Node, served: Served) -> None:
    """Its dkms name is its own; a superseded branch becomes its successor at the next upgrade."""
    archive_node(node, served, ("", "-security"))
    node.run("apt-get install -y -q linux-headers-generic nvidia-headless-570-server nvidia-utils-570-server")
    assert node.run("dkms status").strip() == f"nvidia-srv/570.211.01, {KERNEL}, x86_64: installed"
    archive_node(node, served)
    node.run("apt-get dist-upgrade -y -q")
    assert node.run("dkms status").strip() == f"nvidia-srv/580.173.02, {KERNEL}, x86_64: installed"
    assert "nvidia-headless-580-server=580.173.02-0ubuntu0.24.04.1" in installed(node)
    wanted = predicted(node, "apt-get install nvidia-driver-570-server-open")
    assert "nvidia-driver-580-server-open=580.173.02-0ubuntu0.24.04.1" in wanted
    node.run("apt-get purge -y -q '*nvidia*'")
    assert node.run(LEFT) == ""


def test_both_sources(node: Node, served: Served) -> None:
    """NVIDIA's repository wins, and takes the libraries away from the modules that Canonical built."""
    archive_node(node, served, ("", "-security"))
    node.run(
        "apt-get install -y -q linux-modules-nvidia-580-generic nvidia-headless-no-dkms-580 nvidia-utils-580"
    )
    policy = node.run("apt-cache policy")
    assert "release v=24.04,o=Ubuntu,a=noble-security,n=noble,l=Ubuntu,c=restricted,b=amd64" in policy
    subscribe(node, served, distribution="ubuntu2404")
    archive_node(node, served)
    assert "o=NVIDIA,l=NVIDIA CUDA" in node.run("apt-cache policy")
    moved = predicted(node, "apt-get dist-upgrade")
    assert "libnvidia-compute-580=580.159.04-1ubuntu1" in moved
    assert not {item for item in moved if item.startswith("linux-modules-nvidia-580-generic")}
    assert node.run("modinfo -F version nvidia").strip() == "580.159.03"


def test_the_same_files_in_two_sources(node: Node, served: Served) -> None:
    """From 590 on NVIDIA's names are others than the archive's, and some do not know each other."""
    add_archive(node, served, "noble", ("-security",), COMPONENTS)
    node.run("apt-get update -q; apt-get install -y -q nvidia-firmware-595-595.71.05")
    subscribe(node, served, distribution="ubuntu2404")
    node.run("apt-get update -q")
    output = node.run("apt-get install -y -q nvidia-firmware=595.71.05-1ubuntu1", status=100)
    assert "trying to overwrite '/lib/firmware/nvidia/595.71.05/gsp_ga10x.bin'" in output
