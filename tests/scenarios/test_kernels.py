# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel takes: signatures under Secure Boot, nouveau, a next kernel without a module."""

from __future__ import annotations

import re
from typing import Any

from proof import proved, rebooted, refused
from scenario import Fleet

BOARDS = ("l40s",) * 2
NEXT = "6.99.0-1-generic"


def test_secure_boot_takes_signed_modules_and_dkms_after_its_key_is_enrolled(fleet: Fleet) -> None:
    node = "node1"
    fleet.reset(node, *BOARDS)
    fleet.kernel_package(node)
    fleet.sh(node, "gpu-simulator secure-boot on")
    fleet.lab("reboot", node)
    said = refused(fleet, node, branch=580)
    assert "Secure Boot is on" in said and "mokutil --import" in said and "source: ubuntu" in said, said

    signed: dict[str, Any] = {"branch": 580, "source": "ubuntu", "server_series": True}
    after = proved(fleet, node, **signed)["after"]
    assert after["module_signer"] == "Canonical Ltd. Kernel Module Signing", after["module_signer"]
    assert after["loaded_version"] == after["version"]
    rebooted(fleet, node, **signed)

    # The admin does as the message says; Ubuntu's program makes this key with these very options.
    found = re.search(r"mokutil --import (\S+)'", said)
    assert found, said
    certificate = found.group(1)
    key = certificate.replace(".der", ".priv")
    # Ubuntu's kmodsign is the kernel's sign-file under another name.
    sign_file = "/usr/lib/linux-kbuild-6.1/scripts/sign-file"
    fleet.sh(node, f"apt-get -qq install -y linux-kbuild-6.1 >/dev/null; ln -s {sign_file} /usr/bin/kmodsign")
    fleet.sh(
        node,
        f"mkdir -p $(dirname {certificate}); openssl req -new -x509 -nodes -days 36500 -newkey rsa:2048 "
        f"-subj '/CN=DKMS module signing key' -keyout {key} -outform DER -out {certificate} 2>/dev/null; "
        f"gpu-simulator mok enroll {certificate}",
    )
    assert "not among them" in refused(fleet, node, branch=580, source="nvidia"), "it needs a boot"
    fleet.lab("reboot", node)
    after = proved(fleet, node, branch=580, source="nvidia")["after"]
    assert after["module_signer"] == "DKMS module signing key", after["module_signer"]
    rebooted(fleet, node, branch=580)


def test_nouveau_has_the_gpus_until_the_reboot(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.sh(node, "apt-get -qq update; apt-get -qq install -y initramfs-tools >/dev/null 2>&1")
    fleet.sh(node, "gpu-simulator nouveau install")
    fleet.lab("reboot", node)
    done = proved(fleet, node, branch=570)
    assert done["before"]["nouveau_loaded"] and done["after"]["loaded_version"] is None
    assert "nouveau drives the GPUs" in done["reboot_reasons"][0], done["reboot_reasons"]
    whats = [step["what"] for step in done["steps"]]
    assert any("blacklist nouveau" in what for what in whats) and any("initramfs" in what for what in whats)
    assert rebooted(fleet, node, branch=570)["after"]["nouveau_loaded"] is False


def next_kernel(fleet: Fleet, node: str, headers: bool) -> None:
    """A kernel for the next boot. clang built it, which is not on the node, so DKMS fails on its headers."""
    control = (
        f"Package: linux-image-{NEXT}\\nVersion: 1\\nArchitecture: all\\nMaintainer: a\\nDescription: a\\n"
    )
    source = f"/usr/src/linux-headers-{NEXT}"
    files = f"mkdir -p d/DEBIAN d/boot d/lib/modules/{NEXT}; printf '{control}' > d/DEBIAN/control; "
    files += f"echo kernel > d/boot/vmlinuz-{NEXT}; touch d/lib/modules/{NEXT}/modules.order; "
    if headers:
        files += f"mkdir -p d{source}/include; printf 'CONFIG_CC_IS_CLANG=y\\n' > d{source}/.config; "
        files += f"ln -s {source} d/lib/modules/{NEXT}/build; "
    fleet.sh(node, f"cd $(mktemp -d); {files} dpkg-deb -b d k.deb >/dev/null; dpkg -i k.deb >/dev/null")


def test_no_reboot_into_a_next_kernel_that_has_no_module(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.kernel_package(node)
    next_kernel(fleet, node, headers=False)
    done = proved(fleet, node, asks=True, branch=570)
    assert not done["reboot_required"] and done["after"]["loaded_version"] == "570.211.01"
    assert done["after"]["boot_kernel"] == NEXT
    assert f"The next boot takes kernel {NEXT}" in str(done["warnings"]), done["warnings"]
    said = refused(fleet, node, branch=580)
    assert f"the source that has linux-headers-{NEXT}" in said, said

    next_kernel(fleet, node, headers=True)
    failed = fleet.driver(node, branch=580)
    assert failed["failed"] and "DKMS failed to build it" in failed["msg"], failed["msg"]
    assert f"dkms install nvidia/580.159.04 -k {NEXT}" in failed["msg"], failed["msg"]
    assert "Reboot required" not in failed["msg"]
    again = fleet.driver(node, branch=580)
    assert again["failed"] and not again["changed"], "and no reboot is asked for until it is mended"
    fleet.sh(node, f"sed -i s/=y/=n/ /usr/src/linux-headers-{NEXT}/.config")
    fleet.sh(node, f"dkms install nvidia/580.159.04 -k {NEXT} >/dev/null 2>&1")
    mended = fleet.driver(node, branch=580)
    assert not mended.get("failed") and mended["reboot_required"], mended["msg"]
    assert mended["after"]["dkms"][NEXT] == "580.159.04"
