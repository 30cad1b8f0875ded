# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and signatures for module files, as the kernel's scripts/sign-file makes them."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

MARKER = b"~Module signature appended~\n"


class Key:
    """A self-signed key; ``certificate`` in PEM and ``der`` in DER form."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.private = directory / "key.pem"
        self.certificate = directory / (name.replace(" ", "-") + ".pem")
        self.der = self.certificate.with_suffix(".der")
        directory.mkdir(parents=True)
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-sha256", "-utf8"),
            *("-subj", "/O=Test/CN=" + name, "-keyout", str(self.private), "-out", str(self.certificate)),
        )
        _openssl("x509", "-in", str(self.certificate), "-outform", "DER", "-out", str(self.der))

    def sign(self, module: Path) -> None:
        """Append a signature to a module file."""
        signature = _openssl(
            *("cms", "-sign", "-binary", "-noattr", "-nocerts", "-nosmimecap", "-outform", "DER"),
            *("-md", "sha512", "-signer", str(self.certificate), "-inkey", str(self.private)),
            *("-in", str(module)),
        )
        trailer = struct.pack(">5B3xI", 0, 0, 2, 0, 0, len(signature))
        module.write_bytes(module.read_bytes() + signature + trailer + MARKER)


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout
