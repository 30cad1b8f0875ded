# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments with a Python that runs and a framework that only looks like one: it has GPUs to order."""

from __future__ import annotations

import os
import sys
from typing import Any

from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: What the probe asks of PyTorch, in whole numbers; ``GPUS`` are devices, each with what it says of products.
TORCH = """
import os
import types

CUDA, CUDNN, GPUS, TROUBLE, CPU = {cuda!r}, {cudnn!r}, {gpus!r}, {trouble!r}, {cpu!r}
if os.environ.get("CUDA_VISIBLE_DEVICES", "") in {hidden!r}:
    GPUS, TROUBLE = [], "No CUDA GPUs are available"
__version__ = "2.13.0"
version = types.SimpleNamespace(cuda=CUDA, hip={hip!r})


class Tensor:
    def __init__(self, rows, place="cpu"):
        self.rows, self.place = rows, place

    def to(self, place):
        return Tensor(self.rows, place)

    def tolist(self):
        return self.rows

    def __matmul__(self, other):
        said = CPU if self.place == "cpu" else GPUS[int(self.place[5:])]
        if said not in ("", "wrong"):
            raise RuntimeError(said)
        columns = list(zip(*other.rows))
        rows = [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows]
        if said == "wrong":
            rows[3][5] += 1
        return Tensor(rows, self.place)


def tensor(rows):
    return Tensor(rows)


def cudnn_version():
    if isinstance(CUDNN, str):
        raise RuntimeError(CUDNN)
    return CUDNN


def init():
    if TROUBLE:
        raise RuntimeError(TROUBLE)


backends = types.SimpleNamespace(cudnn=types.SimpleNamespace(version=cudnn_version))
cuda = types.SimpleNamespace(
    init=init, device_count=lambda: len(GPUS), get_device_name=lambda number: "NVIDIA A100-SXM4-40GB"
)
"""


def environment(tree: Tree, prefix: str) -> str:
    """An environment with this very Python and nothing in it; where its packages go."""
    tree.write(prefix + "/pyvenv.cfg", "home = %s\ninclude-system-site-packages = false\n" % _home())
    tree.link(
        prefix + "/bin/python", os.path.join(_home(), os.path.basename(os.path.realpath(sys.executable)))
    )
    packages = "%s/lib/python%d.%d/site-packages" % (prefix, *sys.version_info[:2])
    tree.path(packages).mkdir(parents=True)
    return packages


def _home() -> str:
    return os.path.dirname(os.path.realpath(sys.executable))


def torch(tree: Tree, packages: str, **values: Any) -> None:
    """A PyTorch: ``cuda`` that it is built for, ``cudnn``, ``gpus``, ``trouble`` at CUDA's start, ``cpu``."""
    told = {
        "cuda": "12.4",
        "cudnn": 90100,
        "gpus": [""],
        "trouble": "",
        "cpu": "",
        "hip": None,
        "hidden": (),
        **values,
    }
    text = TORCH
    for name, value in told.items():
        text = text.replace("{%s!r}" % name, repr(value))
    tree.write(packages + "/torch/__init__.py", text)
