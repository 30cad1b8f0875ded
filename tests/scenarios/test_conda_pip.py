# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PyTorch through the module, checked; a CUDA extension that pip builds with NVIDIA's own compiler."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conda_repository import support
from proof import proved, refused
from scenario import ROOT, Fleet
from test_real_nvcc import HOME, lay_out

MODULE, NODE = "conda_gpu_env", "node3"
PREFIX = "/opt/conda/envs/torch"
TORCH = ["torch==2.13.0+cpu", "setuptools==84.2.1"]
#: The only one for which PyTorch's build for the CPU is pinned.
PYTHON = "3.11"
#: Where PyTorch's installation page has it from.
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
SETUP = """
import os
from setuptools import Extension, setup
from torch.utils import cpp_extension

# PyTorch for the CPU does not look for a toolkit by itself.
cpp_extension.CUDA_HOME = os.environ["CUDA_HOME"]
library = os.path.join(os.environ["CUDA_HOME"], "lib64")
setup(
    name="scale",
    version="1.0",
    py_modules=["scale"],
    ext_modules=[
        Extension(
            "scale_cuda", ["scale.cu"], libraries=["cudart", "stdc++"], library_dirs=[library],
            runtime_library_dirs=[library], define_macros=[("FACTOR", os.environ["FACTOR"])],
        )
    ],
    cmdclass={"build_ext": cpp_extension.BuildExtension.with_options(use_ninja=False)},
)
"""
KERNEL = """
#include <cuda_runtime.h>

__global__ void scale(float *values) { values[threadIdx.x] *= FACTOR; }

extern "C" int runtime() { int version = 0; cudaRuntimeGetVersion(&version); return version; }
extern "C" int factor() { return FACTOR; }
extern "C" const char *devices() { int count = 0; return cudaGetErrorName(cudaGetDeviceCount(&count)); }
"""
SCALE = """
import ctypes, glob, os

_here = os.path.dirname(os.path.abspath(__file__))
(path,) = glob.glob(os.path.join(_here, "scale_cuda*.so"))
library = ctypes.CDLL(path)
library.devices.restype = ctypes.c_char_p
"""


@pytest.fixture(scope="module")
def url(fleet: Fleet) -> str:
    """Where the node finds a Python of its own in a channel, and the wheels in an index."""
    ask = f"import interpreters; print(interpreters.find().get('{PYTHON}', ''))"
    found = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT / "tests/tools", stdout=subprocess.PIPE, text=True, check=True
    )
    python = found.stdout.strip()
    can = (
        "from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import movable_python as can"
    )
    environ = {**os.environ, "PYTHONPATH": str(fleet.work / "collections")}
    probe = [python, "-c", f"{can}; raise SystemExit(not can())"]
    if not python or subprocess.call(probe, env=environ) != 0:
        pytest.skip(f"this machine has no Python {PYTHON} that can be packed: Debian's own cannot")
    fleet.reset(NODE)
    folder = fleet.inventory.parent / "www/conda/torch"
    shutil.rmtree(folder, ignore_errors=True)
    pack = f"import sys, pathlib; {can.replace('movable_python as can', 'python_package')}"
    pack += "; python_package(pathlib.Path(sys.argv[1]))"
    subprocess.run([python, "-c", pack, str(folder)], env=environ, check=True, timeout=300)
    support(fleet).index(folder)
    for wheel in wheels(python).glob("*.whl"):
        place = folder / "simple" / re.sub("[-_.]+", "-", wheel.name.split("-")[0]).lower()
        place.mkdir(parents=True)
        shutil.copyfile(wheel, place / wheel.name)
    address = f"{fleet.url}/conda/torch"
    fleet.sh(
        NODE, f"printf '[global]\\ntrusted-host = {address.split('/')[2].split(':')[0]}\\n' > /etc/pip.conf"
    )
    return address


def wheels(python: str) -> Path:
    """The wheels, fetched once."""
    asked = ROOT / "requirements/torch.txt"
    folder = ROOT / ".build/wheels/torch"
    if not (folder / "complete").exists() or (folder / "complete").read_text() != asked.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        argv = [python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        argv += ["--dest", str(folder), "-r", str(asked)]
        # The machine's pip may know where such builds are.
        if subprocess.run(argv, capture_output=True, timeout=1200, check=False).returncode != 0:
            subprocess.run([*argv, "--extra-index-url", CPU_BUILDS], check=True, timeout=1200)
        (folder / "complete").write_text(asked.read_text())
    return folder


def wish(url: str, *pip: Any, **more: Any) -> dict[str, Any]:
    given = {"name": "torch", "channels": [url], "packages": ["python"], "pip": [*TORCH, *pip]}
    return {**given, "pip_index_url": f"{url}/simple", **more}


def extension(factor: str = "3", **more: Any) -> dict[str, Any]:
    given = {"requirement": "scale @ file:///srv/src/scale", "no_build_isolation": True}
    return {**given, "environment": {"FACTOR": factor}, **more}


def test_a_real_pytorch(fleet: Fleet, url: str) -> None:
    """As it comes for the CPU: it is installed, and the check says what it lacks for a GPU node."""
    begun = time.monotonic()
    done = proved(fleet, NODE, module=MODULE, **wish(url))
    print(f"PyTorch: check mode, made, and nothing left to do after {time.monotonic() - begun:.0f} s")
    assert "torch==2.13.0+cpu" in done["after"]["pip"]
    checked = fleet.task(NODE, {"labfleet.gpu.gpu_check": {"only": ["environment"], "environment": "torch"}})
    rows = {row["name"]: (row["result"], row["reason"]) for row in checked["rows"]}
    assert rows == {
        "framework": ("ok", "it is imported, and multiplies on the CPU"),
        "framework_cuda": ("failed", "this build is for the CPU alone"),
        "framework_cudnn": ("skipped", "this build is for the CPU alone"),
        "framework_gpus": ("failed", "it sees no GPU: this build is for the CPU alone"),
        "framework_product": ("skipped", "it sees no GPU"),
    }


def test_what_cannot_be_built_is_refused(fleet: Fleet, url: str) -> None:
    """Before any step, and with what to do."""
    options = wish(url, extension(cuda="13.0"))
    said = refused(fleet, NODE, module=MODULE, **options)
    assert "scale needs the toolkit of CUDA 13.0" in said and "there is no toolkit with nvcc" in said
    lay_out(fleet, NODE)
    for_another = {**options, "pip": ["torch==2.6.0+cu124", extension(cuda="13.0")]}
    said = refused(fleet, NODE, module=MODULE, **for_another)
    assert "scale cannot be built with CUDA 13.0 for a framework that is built for CUDA 12.4" in said
    said = refused(fleet, NODE, module=MODULE, **options)
    assert "No C++ compiler here fits CUDA 13.0 (there is none" in said and "install g++-12" in said


def test_an_extension_is_built_with_the_toolkit(fleet: Fleet, url: str) -> None:
    """By PyTorch's own setup for extensions, which asks CUDA_HOME, nvcc and TORCH_CUDA_ARCH_LIST."""
    fleet.sh(NODE, "apt-get -qq update && apt-get -qq install -y --no-install-recommends g++ >/dev/null")
    files = {"setup.py": SETUP, "scale.cu": KERNEL, "scale.py": SCALE}
    for name, text in files.items():
        fleet.sh(NODE, f"mkdir -p /srv/src/scale; cat > /srv/src/scale/{name} << 'END'\n{text}END\n")
    done = proved(fleet, NODE, module=MODULE, **wish(url, extension(cuda="13.0")))
    (build,) = [step for step in done["steps"] if step["action"] == "pip-build"]
    assert build["what"] == (
        f"build scale @ file:///srv/src/scale with CUDA 13.0 in {HOME} for compute capability 8.9"
    )
    assert [step["action"] for step in done["steps"]] == ["stage", "pip-build", "seal", "sweep"]
    assert built(fleet) == [13000, 3, "cudaErrorInsufficientDriver"]
    code = fleet.sh(NODE, f"grep -ac 'sm_89' {PREFIX}/lib/python{PYTHON}/site-packages/scale_cuda*.so")
    assert int(code) >= 1, "it has code for the GPUs of the node"


def built(fleet: Fleet) -> list[Any]:
    """What the extension says: its CUDA runtime, its factor, and what it makes of a node without a driver."""
    ask = "import json, scale; each = scale.library; "
    ask += "print(json.dumps([each.runtime(), each.factor(), each.devices().decode()]))"
    found: list[Any] = json.loads(fleet.sh(NODE, f'{PREFIX}/bin/python -c "{ask}"'))
    return found


def test_a_build_that_fails_changes_nothing(fleet: Fleet, url: str) -> None:
    """It is asked for in another way, so it is built anew, and its source is broken."""
    fleet.sh(NODE, "echo 'not C++' >> /srv/src/scale/scale.cu")
    options = wish(url, extension("5", cuda="13.0"))
    failed = fleet.task(NODE, {f"labfleet.gpu.{MODULE}": options})
    assert failed["failed"] and "build scale" in failed["msg"] and "pip said" in failed["msg"], failed["msg"]
    assert built(fleet) == [13000, 3, "cudaErrorInsufficientDriver"]
