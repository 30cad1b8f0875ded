# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of an environment: its own Python runs the probe on a framework with GPUs to order."""

from __future__ import annotations

import ast
import inspect
import os
import shutil
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._check import probe
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import FAILED, OK, SKIPPED, WARNED, Row
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.activation import texts
from ansible_collections.labfleet.gpu.tests.unit.support import frameworks
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import MIG_TABLE, CheckNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, PREFIX = "a100-sxm4-40gb", "/opt/conda/envs/train"
NEEDED = texts(("cudatoolkit=11.8.0=0",), ("tensorflow==2.12.1",))
SUBJECT = "PyTorch 2.13.0 (%s)" % PREFIX


def rows(gpus: CheckNode, **options: Any) -> Dict[str, List[Row]]:
    """What comes of the environment, by row."""
    found: Dict[str, List[Row]] = {}
    for row in gpus.rows("environment", environment="train", **options):
        found.setdefault(row.name, []).append(row)
    return found


def results(found: Dict[str, List[Row]]) -> Dict[str, str]:
    return {name: "+".join(row.result for row in each) for name, each in found.items()}


@pytest.fixture
def packages(gpus: CheckNode) -> str:
    gpus.add(A100)
    return frameworks.environment(gpus.tree, PREFIX)


def test_all_is_well(gpus: CheckNode, packages: str) -> None:
    frameworks.torch(gpus.tree, packages)
    found = rows(gpus)
    assert set(results(found).values()) == {OK}, found
    assert found["framework"][0].subject == SUBJECT
    assert found["framework_cuda"][0].reason == "it is built for CUDA 12.4, and the driver has CUDA 13.0"
    assert found["framework_cudnn"][0].reason == "cuDNN 90100"
    assert found["framework_product"][0].subject == "device 0 of " + SUBJECT


CASES: List[Tuple[Dict[str, Any], str, str, str]] = [
    # what PyTorch is like, the row, its result, words
    ({"cuda": None, "gpus": [], "trouble": "Torch not compiled with CUDA enabled"}, "framework_gpus", FAILED,
     "it sees no GPU: this build is for the CPU alone"),
    ({"cuda": None, "gpus": [], "trouble": "x"}, "framework_cuda", FAILED, "this build is for the CPU alone"),
    ({"cuda": None, "gpus": [], "trouble": "x"}, "framework_cudnn", SKIPPED, "build is for the CPU alone"),
    ({"cuda": None, "hip": "6.1"}, "framework_cuda", FAILED, "this build is for GPUs of AMD"),
    ({"cuda": "14.0"}, "framework_cuda", FAILED, "built for CUDA 14.0, and the driver has CUDA 13.0"),
    ({"cuda": "13.1"}, "framework_cuda", WARNED, "built for CUDA 13.1, and the driver has CUDA 13.0"),
    ({"cuda": "13.0"}, "framework_cuda", OK, "built for CUDA 13.0"),
    ({"cudnn": None}, "framework_cudnn", FAILED, "it finds no cuDNN"),
    ({"cudnn": "cuDNN version incompatibility\nPyTorch was compiled"}, "framework_cudnn", FAILED,
     "its cuDNN does not load: cuDNN version incompatibility"),
    ({"gpus": ["", ""]}, "framework_gpus", FAILED, "it sees 2 GPUs, and NVML shows 1"),
    ({"trouble": "Found no NVIDIA driver on your system."}, "framework_gpus", FAILED,
     "it sees no GPU: Found no NVIDIA driver on your system"),
    ({"gpus": ["wrong"]}, "framework_product", FAILED, "the product of two matrices is wrong"),
    ({"gpus": ["CUDA error: an illegal memory access"]}, "framework_product", FAILED, "fails: CUDA error"),
    ({"trouble": "no driver"}, "framework_product", SKIPPED, "it sees no GPU"),
    ({"cpu": "wrong"}, "framework", FAILED, "it multiplies wrongly on the CPU"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)))
def test_what_makes_a_row(gpus: CheckNode, packages: str, case: int) -> None:
    values, name, result, words = CASES[case]
    frameworks.torch(gpus.tree, packages, **values)
    (row,) = rows(gpus)[name]
    assert row.result == result and words in row.reason and (row.next or result == OK), row


def test_a_gpu_that_is_taken(gpus: CheckNode, packages: str) -> None:
    taken = "CUDA error: CUDA-capable device(s) is/are busy or unavailable"
    frameworks.torch(gpus.tree, packages, gpus=[taken])
    assert rows(gpus)["framework_product"][0].result == FAILED, "nobody is on it"
    gpus.put(0, "compute_mode", 3)
    gpus.process(1)
    row = rows(gpus)["framework_product"][0]
    assert row.result == SKIPPED and "lets one process in" in row.reason


def test_each_mig_device_is_tried(gpus: CheckNode) -> None:
    gpus.add(A100, mig=1, mig_profiles=MIG_TABLE)
    gpus.divide()
    packages = frameworks.environment(gpus.tree, PREFIX)
    frameworks.torch(gpus.tree, packages)
    devices = [each["uuid"] for each in gpus.state("mig").gpus[0].mig_devices]
    found = rows(gpus)
    assert results(found)["framework_gpus"] == OK and results(found)["framework_product"] == "ok+ok+ok"
    assert [row.subject for row in found["framework_product"][1:]] == [
        "%s of %s" % (each, SUBJECT) for each in devices
    ]
    frameworks.torch(gpus.tree, packages, hidden=devices[1:])
    row = rows(gpus)["framework_product"][2]
    assert (
        row.result == FAILED and row.reason == "it does not see this MIG device: No CUDA GPUs are available"
    )


def test_it_sees_what_a_user_sees_who_activates_it(gpus: CheckNode, packages: str) -> None:
    """A framework that finds CUDA by the loader's path, a script for bash that prints, one that fails."""
    frameworks.torch(gpus.tree, packages)
    path = gpus.tree.path(packages + "/torch/__init__.py")
    wanted = str(gpus.tree.path(PREFIX + "/lib"))
    blind = (
        "if os.environ.get('LD_LIBRARY_PATH') != %r:\n    GPUS, TROUBLE = [], 'no libcudart.so'\n" % wanted
    )
    path.write_text(path.read_text() + blind)
    assert rows(gpus)["framework_gpus"][0].reason == "it sees no GPU: no libcudart.so"
    scripts = PREFIX + "/etc/conda/activate.d/"
    gpus.tree.write(
        scripts + "a.sh", "[[ -n $CONDA_PREFIX ]] && printf 'labfleet-gpu-probe no line'\nfalse\n"
    )
    gpus.tree.write(scripts + "b.sh", NEEDED[0])
    gpus.tree.write(scripts + "c.fish", "set -x LD_LIBRARY_PATH /nowhere\n")
    assert results(rows(gpus))["framework_gpus"] == OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_root_sources_nothing_that_a_user_could_have_written(gpus: CheckNode, packages: str) -> None:
    frameworks.torch(gpus.tree, packages)
    script = PREFIX + "/etc/conda/activate.d/a.sh"
    gpus.tree.write(script, "touch '%s/sourced'\n" % gpus.tree.path(PREFIX))
    os.chown(str(gpus.tree.path(script)), 65534, -1)
    rows(gpus)
    assert not gpus.tree.path(PREFIX + "/sourced").exists()
    os.chown(str(gpus.tree.path(script)), 0, -1)
    rows(gpus)
    assert gpus.tree.path(PREFIX + "/sourced").exists()


def test_environments_that_are_none(gpus: CheckNode, packages: str) -> None:
    found = rows(gpus)
    assert results(found) == {
        "framework": FAILED,
        "framework_cuda": SKIPPED,
        "framework_cudnn": SKIPPED,
        "framework_gpus": SKIPPED,
        "framework_product": SKIPPED,
    }
    assert found["framework"][0].reason == "it has none of PyTorch, TensorFlow, JAX"
    row = gpus.row("framework", environment="other")
    assert (row.result, row.reason) == (FAILED, "there is no /opt/conda/envs/other/bin/python")
    assert {row.result for row in gpus.rows("environment")} == {SKIPPED}, "none is named"


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "import numpy_that_is_not_there",
            "cannot be imported: ModuleNotFoundError: No module named 'numpy_that",
        ),
        (
            "raise OSError('libcudnn.so.9: cannot open shared object file')",
            "cannot be imported: OSError: libcudnn",
        ),
        ("import os; os.kill(os.getpid(), 11)", "its Python ended with"),
        ("raise SystemExit('no')", "its Python ended with 1: no"),
        ("import time; time.sleep(30)", "it did not end in time"),
    ],
)
def test_a_framework_that_breaks(gpus: CheckNode, packages: str, text: str, words: str) -> None:
    gpus.tree.write(packages + "/torch/__init__.py", text + "\n")
    row = rows(gpus, time_limit=3)["framework"][0]
    assert row.result == FAILED and words in row.reason, row


def test_two_frameworks(gpus: CheckNode, packages: str) -> None:
    frameworks.torch(gpus.tree, packages)
    gpus.tree.write(packages + "/jax.py", "raise ImportError('jaxlib is not installed')\n")
    found = rows(gpus)
    assert results(found)["framework"] == "ok+failed" and results(found)["framework_gpus"] == OK
    assert found["framework"][1].subject == "JAX (%s)" % PREFIX


def test_without_the_driver(gpus: CheckNode, packages: str) -> None:
    frameworks.torch(gpus.tree, packages, gpus=[], trouble="no driver")
    gpus.fault("nvmlInit", "return 9")
    found = results(rows(gpus))
    assert found["framework_cuda"] == SKIPPED and found["framework_gpus"] == FAILED


def test_the_probe_stands_alone() -> None:
    """It is handed to a Python that knows nothing of this collection, and may be 3.6."""
    tree = ast.parse(inspect.getsource(probe), feature_version=(3, 6))
    named = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {alias.name for node in named for alias in node.names if isinstance(node, ast.Import)}
    assert modules == {"json", "os", "sys"}
    assert {node.module for node in named if isinstance(node, ast.ImportFrom)} == {"typing"}


def test_products_are_exact_in_half_precision() -> None:
    left, right = probe.matrices()
    assert max(max(row) for row in left + right) <= 256, "eight bits are exact in bfloat16"
    assert max(max(row) for row in probe.product()) < 2**24
    assert probe.judged(probe.product()) == "" and probe.judged(left) == "wrong"
