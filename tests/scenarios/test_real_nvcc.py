# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's own compiler, laid out by hand on a booted node: found, made the default, and put to work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from proof import proved, refused
from scenario import LAB_NUMBER, ROOT, Fleet

CUDA = "cuda_toolkit"
HOME = "/usr/local/cuda-13.0"
#: A kernel for the GPUs of the node, and a program that says which runtime it was linked with.
PROGRAM = r"""
#include <cstdio>
#include <cuda_runtime.h>

__global__ void scale(float *values, float factor) { values[threadIdx.x] *= factor; }

int main() {
    int version = 0, count = 0;
    cudaRuntimeGetVersion(&version);
    const char *found = cudaGetErrorName(cudaGetDeviceCount(&count));
    std::printf("runtime %d, devices: %s\n", version, found);
}
"""


def lay_out(fleet: Fleet, node: str) -> None:
    """The wheels as a toolkit's tree, the way a guide has people unpack an archive."""
    find = [sys.executable, str(ROOT / "tests/tools/environments.py"), "nvcc"]
    folder = subprocess.run(find, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout.strip()
    (tree,) = Path(folder).glob("lib/python*/site-packages/nvidia/cu13")
    inside = [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", LAB_NUMBER, "exec", node, "--"]
    unpack = (
        f"mkdir {HOME} && tar -x -C {HOME} && ln -s lib {HOME}/lib64 && "
        f"ln -s libcudart.so.13 {HOME}/lib/libcudart.so && chmod -R a+rX,u+w {HOME}"
    )
    with subprocess.Popen(["tar", "-C", str(tree), "-c", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run([*inside, "sh", "-c", unpack], stdin=packed.stdout, check=True, timeout=300)
    assert packed.returncode == 0
    fleet.sh(node, f"chmod 755 {HOME}/bin/* {HOME}/nvvm/bin/*")


def test_a_hand_made_toolkit_is_the_default_and_compiles(fleet: Fleet, debian: str) -> None:
    lay_out(fleet, debian)
    fleet.sh(debian, "apt-get -qq update && apt-get -qq install -y --no-install-recommends g++ >/dev/null")
    done = proved(fleet, debian, module=CUDA, versions=["13.0"])
    assert done["after"]["toolkits"] == {HOME: {"version": "13.0", "origin": "hand"}}
    assert (done["after"]["default"], done["after"]["default_kind"]) == ("13.0", "link")
    assert {step["phase"] for step in done["steps"]} == {"default", "environment"}, "nothing is installed"

    fleet.sh(debian, f"cat > /root/scale.cu << 'END'\n{PROGRAM}END\n")
    said = fleet.sh(
        debian, "bash -lc 'nvcc --version && nvcc -arch=sm_89 -o scale /root/scale.cu && ./scale'"
    )
    assert "release 13.0, V13.0.88" in said
    assert "runtime 13000, devices: cudaErrorInsufficientDriver" in said, "there is no driver, and it says so"
    shared = "nvcc -arch=sm_89 -cudart shared -o scale /root/scale.cu && env -u LD_LIBRARY_PATH ./scale"
    assert "runtime 13000" in fleet.sh(debian, f"bash -lc '{shared}'"), "the linker finds the library"

    said = refused(fleet, debian, module=CUDA, versions=["13.0"], state="absent")
    assert "unpacked by hand" in said and HOME in said
    fleet.sh(debian, f"{HOME}/bin/nvcc --version >/dev/null")
