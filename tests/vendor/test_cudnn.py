# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN from the packages: real apt and dpkg in a throw-away root, libraries that are loaded and asked."""

from __future__ import annotations

import hashlib
import json
import tarfile

import pytest
from served import Served
from steps import predicted
from throwaway import Node

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
ASK = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); print(library.cudnnGetVersion())"
HEADER = "echo '#include <cudnn.h>\nCUDNN_VERSION' > /tmp/ask.c; gcc -E -P /tmp/ask.c | tail -1"


def asked(node: Node, library: str) -> str:
    """What a libcudnn says of its version."""
    return node.run(f"python3 -c '{ASK}' {library}").strip()


def compiled(node: Node) -> int:
    """CUDNN_VERSION as the compiler sees it."""
    major, factor, minor, rest, patch = (int(word) for word in node.run(HEADER).translate(
        str.maketrans("()*+", "    ")).split())  # fmt: skip
    return major * factor + minor * rest + patch


@pytest.mark.parametrize(
    ("wanted", "soname", "number"),
    [
        ("libcudnn8-dev=8.6.0.163-1+cuda11.8 libcudnn8=8.6.0.163-1+cuda11.8", "8", 8600),
        ("libcudnn8-dev", "8", 8907),
        ("libcudnn9-dev-cuda-12=9.5.1.17-1 libcudnn9-cuda-12=9.5.1.17-1", "9", 90501),
        ("libcudnn9-dev-cuda-11", "9", 91002),
        ("libcudnn9-dev-cuda-13", "9", 92600),
    ],
)
def test_library_and_header_agree(wanted: str, soname: str, number: int, bare: Node) -> None:
    bare.run(f"apt-get install -y -q {wanted}")
    assert asked(bare, f"libcudnn.so.{soname}") == str(number)
    assert asked(bare, f"{LIBRARIES}/libcudnn.so") == str(number)
    assert compiled(bare) == number
    parts = bare.run(
        f"cd {LIBRARIES}; for file in libcudnn_*.so.{soname}; do test -e $file; echo $file; done"
    )
    assert len(parts.split()) == {"8": 6, "9": 7}[soname]
    bare.run("apt-get purge -y -q --autoremove 'libcudnn*'")
    assert (
        bare.run(
            "find / -xdev -name '*cudnn*' -path '/usr/[il]*' ; ls /etc/alternatives | grep cudnn || true"
        )
        == ""
    )


def test_parts_are_of_exactly_one_version(bare: Node) -> None:
    """apt does not bring the old runtime by itself, and does not mix."""
    assert "unmet dependencies" in bare.run(
        "apt-get install -s libcudnn9-dev-cuda-12=9.10.2.21-1", status=100
    )
    assert "unmet dependencies" in bare.run(
        "apt-get install -s libcudnn8-dev=8.9.2.26-1+cuda12.1", status=100
    )
    named = " ".join(f"libcudnn9-{part}cuda-12=9.10.2.21-1" for part in ("", "dev-", "headers-"))
    bare.run(f"apt-get install -y -q {named}")
    assert "libcudnn9-headers-cuda-12" in bare.run(
        "apt-get install -s libcudnn9-cuda-12 | grep -i -A3 -e removed -e upgraded"
    )
    assert predicted(bare, "apt-get upgrade") == {
        f"libcudnn9-{part}cuda-12=9.26.0.51-1" for part in ("", "dev-", "headers-")
    }


def test_eight_moves_to_the_newest_cuda(bare: Node) -> None:
    """The CUDA is in the version of 8, and Debian's order puts the newest first."""
    bare.run("apt-get install -y -q libcudnn8=8.9.7.29-1+cuda11.8")
    assert predicted(bare, "apt-get upgrade") == {"libcudnn8=8.9.7.29-1+cuda12.2"}


def test_eight_beside_nine(bare: Node) -> None:
    """Both runtimes live together; cudnn.h is the newer's until somebody chooses, or it goes."""
    output = bare.run("apt-get install -y -q libcudnn8-dev libcudnn9-dev-cuda-12")
    assert f"/usr/include{LIBRARIES[8:]}/cudnn_v9.h to provide /usr/include/cudnn.h (libcudnn)" in output
    assert (asked(bare, "libcudnn.so.8"), asked(bare, "libcudnn.so.9")) == ("8907", "92600")
    assert compiled(bare) == 92600
    bare.run("update-alternatives --set libcudnn /usr/include/x86_64-linux-gnu/cudnn_v8.h")
    assert (compiled(bare), asked(bare, f"{LIBRARIES}/libcudnn.so")) == (8907, "8907")
    bare.run("apt-get purge -y -q libcudnn8-dev libcudnn8")
    assert compiled(bare) == 92600


def test_headers_get_a_package_of_their_own(bare: Node) -> None:
    """From 9.5 to 9.10 the headers change their package without a clash."""
    bare.run("apt-get install -y -q libcudnn9-dev-cuda-12=9.5.1.17-1 libcudnn9-cuda-12=9.5.1.17-1")
    bare.run("apt-get install -y -q libcudnn9-dev-cuda-12")
    owner = bare.run("dpkg -S /usr/include/x86_64-linux-gnu/cudnn_version_v9.h")
    assert owner.startswith("libcudnn9-headers-cuda-12:")
    assert compiled(bare) == 92600


def test_metapackages(bare: Node) -> None:
    """cudnn brings everything for the newest CUDA; the virtual name leads to cudnn9."""
    names = {item.split("=")[0] for item in predicted(bare, "apt-get install cudnn")}
    assert names == {
        "cudnn", "cudnn9", "cudnn9-cuda-13", "cudnn9-cuda-13-4", "libcudnn9-cuda-13", "libcudnn9-dev-cuda-13",
        "libcudnn9-headers-cuda-13", "libcudnn9-static-cuda-13", "libcudnn9-samples",
    }  # fmt: skip
    assert "cudnn9-cuda-12=9.26.0.51-1" in predicted(bare, "apt-get install cudnn-cuda-12")


def test_two_cudas_share_their_files(bare: Node) -> None:
    """dpkg takes both, and the one that came last has the files."""
    bare.run("apt-get install -y -q libcudnn9-cuda-12=9.10.2.21-1")
    bare.run("apt-get install -y -q libcudnn9-cuda-11")
    assert bare.run(f"dpkg -S {LIBRARIES}/libcudnn.so.9.10.2").startswith("libcudnn9-cuda-11:")
    assert asked(bare, "libcudnn.so.9") == "91002"


def test_archives(served: Served, node: Node) -> None:
    """Each is what its manifest says, unpacks as the real one and answers with its version."""
    redist = served.path / "compute/cudnn/redist"
    numbers = {"8.9.7": "8907", "9.5.1": "90501", "9.10.2": "91002"}
    for label, number in numbers.items():
        manifest = json.loads((redist / f"redistrib_{label}.json").read_text())
        variants = manifest["cudnn"]["linux-x86_64"]
        assert list(variants) == ["cuda11", "cuda12"]
        for variant, entry in variants.items():
            name = f"cudnn-linux-x86_64-{manifest['cudnn']['version']}_{variant}-archive"
            assert entry["relative_path"] == f"cudnn/linux-x86_64/{name}.tar.xz"
            data = (redist / entry["relative_path"]).read_bytes()
            assert (hashlib.sha256(data).hexdigest(), str(len(data))) == (entry["sha256"], entry["size"])
            assert hashlib.md5(data).hexdigest() == entry["md5"]
            with tarfile.open(redist / entry["relative_path"]) as archive:
                assert {member.split("/")[0] for member in archive.getnames()} == {name}
                archive.extractall(node.root / "srv", filter="fully_trusted")
            assert sorted(path.name for path in (node.root / "srv" / name).iterdir()) == [
                "LICENSE",
                "include",
                "lib",
            ]
            assert asked(node, f"/srv/{name}/lib/libcudnn.so") == number
            assert node.run(f"readlink /srv/{name}/lib/libcudnn.so").strip() == f"libcudnn.so.{label[0]}"
