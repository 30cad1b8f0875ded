# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Compiles a sample with each toolkit, for the GPUs of the node, and runs it on them. Leaves nothing."""

from __future__ import annotations

import os
from typing import Iterator, List, Sequence

from .._host import Files
from .._toolkit_trees import ToolkitTree, observe_trees
from .node import Compiled, Gpu
from .programs import Programs, owner_of, private_directory
from .wish import CheckWish

#: Adds two vectors on each device and compares with what the CPU adds.
SAMPLE = r"""
#include <cstdio>
#include <cuda_runtime.h>

const int SIZE = 1024;

__global__ void add(const float *left, const float *right, float *sum)
{
    int at = blockIdx.x * blockDim.x + threadIdx.x;
    sum[at] = left[at] + right[at];
}

static const char *compute()
{
    static float host[3][SIZE];
    float *device[3];
    const size_t bytes = sizeof host[0];
    for (int i = 0; i < SIZE; ++i) {
        host[0][i] = i;
        host[1][i] = 2.0f * i + 1;
        host[2][i] = -1;
    }
    for (int which = 0; which < 3; ++which)
        if (cudaMalloc(&device[which], bytes) != cudaSuccess)
            return cudaGetErrorName(cudaGetLastError());
    for (int which = 0; which < 3; ++which)
        cudaMemcpy(device[which], host[which], bytes, cudaMemcpyHostToDevice);
    add<<<SIZE / 128, 128>>>(device[0], device[1], device[2]);
    if (cudaMemcpy(host[2], device[2], bytes, cudaMemcpyDeviceToHost) != cudaSuccess)
        return cudaGetErrorName(cudaGetLastError());
    cudaError_t left = cudaGetLastError();
    if (left != cudaSuccess)
        return cudaGetErrorName(left);
    for (int i = 0; i < SIZE; ++i)
        if (host[2][i] != host[0][i] + host[1][i])
            return "wrong";
    return "ok";
}

int main()
{
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) {
        std::printf("labfleet-gpu trouble %s\n", cudaGetErrorName(error));
        return 0;
    }
    std::printf("labfleet-gpu count %d\n", count);
    for (int device = 0; device < count; ++device) {
        error = cudaSetDevice(device);
        const char *said = error == cudaSuccess ? compute() : cudaGetErrorName(error);
        std::printf("labfleet-gpu %d %s\n", device, said);
    }
    return 0;
}
"""


def compile_and_run(
    files: Files, programs: Programs, gpus: Sequence[Gpu], wish: CheckWish
) -> Iterator[Compiled]:
    """Each toolkit that has nvcc and is asked for."""
    for tree in observe_trees(files):
        if files.exists(tree.path, "bin/nvcc") and _asked(tree, wish):
            yield _tried(files, programs, gpus, wish, tree)


def _asked(tree: ToolkitTree, wish: CheckWish) -> bool:
    if wish.toolkits is None:
        return True
    return any(
        each == tree.path or tree.version == each or tree.version.startswith(each + ".")
        for each in wish.toolkits
    )


def _tried(
    files: Files, programs: Programs, gpus: Sequence[Gpu], wish: CheckWish, tree: ToolkitTree
) -> Compiled:
    nvcc = files.path(tree.path, "bin/nvcc")
    owner = owner_of(files.path(tree.path), nvcc)
    with private_directory(owner, sample=SAMPLE) as directory:
        source, program = os.path.join(directory, "sample"), os.path.join(directory, "program")
        environment = {"TMPDIR": directory}
        argv = [nvcc, *_architectures(gpus), "-o", program, "-x", "cu", source]
        compiling = programs.run(owner, argv, environment)
        running = None
        if compiling.rc == 0 and wish.asks("nvcc_runs"):
            running = programs.run(owner, [program], {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    return Compiled(tree.path, tree.version, compiling, running)


def _architectures(gpus: Sequence[Gpu]) -> List[str]:
    """For the GPUs of the node, so that a toolkit that is too old or too new for one of them says so."""
    found = sorted({gpu.capability for gpu in gpus if gpu.capability})
    return ["-gencode=arch=compute_%d%d,code=sm_%d%d" % (*each, *each) for each in found]
