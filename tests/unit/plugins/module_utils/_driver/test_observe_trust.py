# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules the kernel would load: what enforces signatures, which keys it has, DKMS's certificate."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Dict, Optional, Union

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.certificate import parse_certificate
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe_trust import (
    DKMS_CERTIFICATE,
    UBUNTU_CERTIFICATE,
    observe_trust,
    trusted_keys,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import Certificate
from ansible_collections.labfleet.gpu.tests.unit.support.data import text
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import debian, ubuntu
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: What openssl x509 -serial -ext subjectKeyIdentifier says of the recorded certificates.
DKMS = Certificate(
    "DKMS module signing key",
    "560ffe3584af8644ab964d6f8d4e7e8a687f2133",
    "efcdd8a63a1866c567937b669b27d52aa1ef849f",
)
UBUNTU = Certificate(
    "node1 Secure Boot Module Signature key",
    "4ffe79cc9cfc85cf308d769caef9e84593852e56",
    "774965b67a403f492b4548b28128f1e3697ef0a9",
)
PLAIN = Certificate("no key id", "00f1e2d3c4", "")

SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
ENFORCE = "/sys/module/module/parameters/sig_enforce"
LOCKDOWN = "/sys/kernel/security/lockdown"
ON, OFF = b"\x06\x00\x00\x00\x01", b"\x06\x00\x00\x00\x00"


def pem(name: str) -> bytes:
    return text("keys/module-signing-%s.pem" % name).encode()


def der(name: str) -> bytes:
    return base64.b64decode(b"".join(pem(name).splitlines()[1:-1]))


@pytest.mark.parametrize("name, expected", [("dkms", DKMS), ("ubuntu", UBUNTU), ("without-key-id", PLAIN)])
def test_certificates(name: str, expected: Certificate) -> None:
    assert parse_certificate(der(name)) == parse_certificate(pem(name)) == expected


def test_no_damaged_certificate_is_taken_for_one() -> None:
    whole = der("dkms")
    assert [length for length in range(len(whole)) if parse_certificate(whole[:length]) is not None] == []
    assert parse_certificate(b"-----BEGIN CERTIFICATE-----\nnot base64\n") is None
    assert parse_certificate(b"0\x03\x02\x01\x01") is None


@pytest.mark.parametrize(
    "files, enforced",
    [
        ({}, None),
        ({SECURE_BOOT: OFF}, None),
        ({SECURE_BOOT: b""}, None),
        ({SECURE_BOOT: ON}, "Secure Boot is on"),
        # validation is switched off in the shim: the kernel is not locked
        ({SECURE_BOOT: ON, LOCKDOWN: "[none] integrity confidentiality\n"}, None),
        (
            {SECURE_BOOT: ON, LOCKDOWN: "none [integrity] confidentiality\n"},
            "Secure Boot is on, the kernel is locked down (integrity)",
        ),
        ({LOCKDOWN: "none integrity [confidentiality]\n"}, "the kernel is locked down (confidentiality)"),
        ({ENFORCE: "Y\n"}, "module.sig_enforce is set"),
        ({ENFORCE: "Y\n", SECURE_BOOT: ON}, "Secure Boot is on"),
        ({ENFORCE: "N\n"}, None),
    ],
)
def test_what_enforces_signatures(
    tree: Tree, files: Dict[str, Union[str, bytes]], enforced: Optional[str]
) -> None:
    for name, content in files.items():
        tree.write(name, content)
    assert observe_trust(tree.files, ubuntu().host).enforced == enforced


PROC_KEYS = """0192d1ba I------     1 perm 1f0b0000     0     0 keyring   .dns_resolver: 1
15c78670 I------     1 perm 1f010000     0     0 asymmetri Canonical Ltd. Master Certificate Authority: \
ad91990bc22ab1f517048c23b6655a268e345a63: X509.rsa 8e345a63 []
1f3a4c11 I------     1 perm 1f030000     0     0 asymmetri example: node1 Secure Boot Module Signature key: \
774965b67a403f492b4548b28128f1e3697ef0a9: X509.rsa 697ef0a9 []
2a0b7a41 I------     1 perm 1f030000     0     0 asymmetri sforshee: 00b28ddf47aef9cea7: X509.rsa []
3eee887b I------     1 perm 1f010000     0     0 asymmetri Debian Secure Boot CA: \
6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1: X509.rsa bb419ea1 []
3f1e5c04 I--Q---     4 perm 1f3f0000     0 65534 keyring   _uid.0: empty
"""


def test_the_kernels_keys() -> None:
    assert trusted_keys(PROC_KEYS) == (
        "Canonical Ltd. Master Certificate Authority: ad91990bc22ab1f517048c23b6655a268e345a63",
        "Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1",
        "example: node1 Secure Boot Module Signature key: 774965b67a403f492b4548b28128f1e3697ef0a9",
        "sforshee: 00b28ddf47aef9cea7",
    )


@pytest.mark.parametrize(
    "release, config, path",
    [
        ("ubuntu", "", UBUNTU_CERTIFICATE),
        ("debian 12", "", DKMS_CERTIFICATE),
        ("debian 11", "", ""),
        ("debian 11", "mok_certificate=/etc/keys/a.der\n", "/etc/keys/a.der"),
        ("ubuntu", '# mok_certificate=/no\nmok_certificate="/etc/keys/$kernelver.der"\n', "/etc/keys/%s.der"),
    ],
)
def test_where_dkms_has_its_certificate(tree: Tree, release: str, config: str, path: str) -> None:
    host = ubuntu().host if release == "ubuntu" else replace(debian().host, release=release[-2:])
    path = path.replace("%s", host.kernel)
    tree.write("/etc/dkms/framework.conf", config)
    tree.write(ENFORCE, "Y\n")
    trust = observe_trust(tree.files, host)
    assert (trust.own_path, trust.own_key) == (path, None)
    if path:
        tree.write(path, der("dkms"))
        assert observe_trust(tree.files, host).own_key == DKMS
    tree.write("/etc/dkms/framework.conf.d/site.conf", "mok_certificate=/site.der\n")
    assert observe_trust(tree.files, host).own_path == "/site.der"
