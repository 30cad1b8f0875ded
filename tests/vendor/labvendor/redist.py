# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN's archives and their manifests, in the shape of redistrib_8.9.7.json; its release_date is left out.

In an archive: include/, lib/ (not lib64) and LICENSE below a directory named as the file; static libraries
are left out.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

from labvendor import cudnn, cudnn_payload, deb
from labvendor.compile import Compiler
from labvendor.cudnn import Cudnn
from labvendor.deb import Entry
from labvendor.files import text

#: Versions that have archives for both CUDA 11 and 12.
VERSIONS = ("8.9.7.29", "9.5.1.17", "9.10.2.21")
PLATFORM = "linux-x86_64"


def files(compiler: Compiler) -> Iterator[tuple[str, bytes]]:
    """Path below /compute/cudnn/redist and content."""
    for version in VERSIONS:
        found = {}
        for release in (item for item in cudnn.RELEASES if item.version == version):
            variant = f"cuda{release.cuda.split('.')[0]}"
            name = f"cudnn-{PLATFORM}-{version}_{variant}-archive"
            path, data = f"cudnn/{PLATFORM}/{name}.tar.xz", archive(release, name, compiler)
            yield path, data
            found[variant] = {
                "relative_path": path,
                "sha256": hashlib.sha256(data).hexdigest(),
                "md5": hashlib.md5(data).hexdigest(),
                "size": str(len(data)),
            }
        label = version.rpartition(".")[0]
        manifest = {
            "release_label": label,
            "release_product": "cudnn",
            "cudnn": {
                "name": "NVIDIA CUDA Deep Neural Network library",
                "license": "cudnn",
                "license_path": "cudnn/LICENSE.txt",
                "version": version,
                "cuda_variant": [variant.removeprefix("cuda") for variant in found],
                PLATFORM: found,
            },
        }
        yield f"redistrib_{label}.json", (json.dumps(manifest, indent=4) + "\n").encode()


def archive(release: Cudnn, name: str, compiler: Compiler) -> bytes:
    """The .tar.xz of a release."""
    var = release.variables()
    entries = [text(f"/{name}/LICENSE", "GPL-3.0-or-later. No NVIDIA code is in this archive.\n")]
    entries += [
        text(f"/{name}/include/{header}.h", content) for header, content in cudnn_payload.headers(var).items()
    ]
    for library, data in cudnn_payload.shared(var, compiler).items():
        soname = cudnn_payload.soname(library)
        entries += [
            Entry(f"/{name}/lib/{library}", data, mode=0o755),
            Entry(f"/{name}/lib/{soname}", link=library),
            Entry(f"/{name}/lib/{soname.rpartition('.')[0]}", link=soname),
        ]
    plain = deb.tar(tuple(entries), root="")

    def make(out: Path) -> None:
        out.write_bytes(lzma.compress(plain, preset=1))

    return compiler.made(f"xz {hashlib.sha256(plain).hexdigest()}", make)
