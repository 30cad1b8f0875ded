# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the Python of an environment runs to tell of one framework: stands alone, prints one line of JSON.

Python 3.6 and later, no module of this collection. Its argument is the framework: torch, tensorflow, jax.
A product of small whole numbers is exact in every precision that a GPU may use for it.
"""

import json
import os
import sys
from typing import Any, Dict, List, Tuple

MARK = "labfleet-gpu-probe "
#: Rows and columns of the matrices.
SIZE = 64
#: What imports of broken installations have been seen to raise.
BROKEN = (ImportError, AttributeError, OSError, RuntimeError, SystemError, TypeError, ValueError)


def matrices() -> Tuple[List[List[float]], List[List[float]]]:
    """Two lists of rows; the sums of their products stay below 2^24, and each number has few bits."""
    left = [[float((3 * i + j) % 7) for j in range(SIZE)] for i in range(SIZE)]
    right = [[float((i + 5 * j) % 11) for j in range(SIZE)] for i in range(SIZE)]
    return left, right


def product() -> List[List[float]]:
    """What the matrices give, without any framework."""
    left, right = matrices()
    columns = list(zip(*right))
    return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in left]


def judged(rows: List[List[float]]) -> str:
    """What is wrong with a product, "" if nothing is."""
    return "" if rows == product() else "wrong"


def torch_tells(torch: Any) -> Dict[str, Any]:
    """PyTorch."""
    told: Dict[str, Any] = {"version": torch.__version__, "cuda": torch.version.cuda, "devices": []}
    left, right = (torch.tensor(rows) for rows in matrices())
    told["cpu"] = judged((left @ right).tolist())
    if getattr(torch.version, "hip", None):
        told["other"] = "AMD"
    try:
        told["cudnn"] = torch.backends.cudnn.version()
    except (RuntimeError, AssertionError) as problem:
        told["cudnn_trouble"] = str(problem)
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as problem:
        told["trouble"] = str(problem)
        return told
    for number in range(torch.cuda.device_count()):
        device = {"name": "", "trouble": ""}
        try:
            device["name"] = torch.cuda.get_device_name(number)
            place = "cuda:%d" % number
            device["trouble"] = judged((left.to(place) @ right.to(place)).tolist())
        except (RuntimeError, AssertionError) as problem:
            device["trouble"] = str(problem)
        told["devices"].append(device)
    return told


def tensorflow_tells(tensorflow: Any) -> Dict[str, Any]:
    """TensorFlow."""
    build = dict(tensorflow.sysconfig.get_build_info())
    told: Dict[str, Any] = {"version": tensorflow.__version__, "cuda": None, "devices": []}

    def multiplied(place: Any) -> str:
        left, right = matrices()
        with tensorflow.device(place):
            found = tensorflow.matmul(tensorflow.constant(left), tensorflow.constant(right))
        return judged(found.numpy().tolist())

    if build.get("is_cuda_build"):
        told["cuda"], told["cudnn"] = build.get("cuda_version"), build.get("cudnn_version")
    if build.get("is_rocm_build"):
        told["other"] = "AMD"
    found = tensorflow.config.list_physical_devices("GPU")
    # Without this it takes all memory of all GPUs, with the first thing that it computes.
    for each in found:
        tensorflow.config.experimental.set_memory_growth(each, True)
    told["cpu"] = multiplied("/CPU:0")
    if not found:
        told["trouble"] = "TensorFlow finds no GPU"
    for number, each in enumerate(found):
        device = {"name": each.name, "trouble": ""}
        try:
            device["trouble"] = multiplied("/GPU:%d" % number)
        except (RuntimeError, ValueError, tensorflow.errors.OpError) as problem:
            device["trouble"] = str(problem)
        told["devices"].append(device)
    return told


def jax_tells(jax: Any) -> Dict[str, Any]:
    """JAX."""
    told: Dict[str, Any] = {"version": jax.__version__, "cuda": None, "devices": []}
    try:
        cuda_versions = __import__("jax._src.lib", fromlist=["cuda_versions"]).cuda_versions
        if cuda_versions is not None:
            runtime = cuda_versions.cuda_runtime_build_version()
            told["cuda"] = "%d.%d" % (runtime // 1000, runtime % 1000 // 10)
            told["cudnn"] = cuda_versions.cudnn_build_version()
    except BROKEN:
        # Not told by old releases; what follows shows whether it computes.
        told["cuda"] = ""

    def multiplied(place: Any) -> str:
        left, right = (jax.device_put(jax.numpy.array(rows), place) for rows in matrices())
        return judged((left @ right).tolist())

    told["cpu"] = multiplied(jax.devices("cpu")[0])
    try:
        found = jax.devices("gpu")
    except RuntimeError as problem:
        told["trouble"] = str(problem)
        return told
    for each in found:
        device = {"name": str(each.device_kind), "trouble": ""}
        try:
            device["trouble"] = multiplied(each)
        except RuntimeError as problem:
            device["trouble"] = str(problem)
        told["devices"].append(device)
    return told


TELLS = {"torch": torch_tells, "tensorflow": tensorflow_tells, "jax": jax_tells}


def tell(name: str) -> Dict[str, Any]:
    """All about one framework; "installed" is false where there is none of that name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        module = __import__(name)
    except BROKEN as problem:
        missing = isinstance(problem, ImportError) and getattr(problem, "name", None) == name
        if missing and "No module named" in str(problem):
            return {"installed": False}
        return {"installed": True, "import_trouble": "%s: %s" % (type(problem).__name__, problem)}
    return dict(TELLS[name](module), installed=True)


if __name__ == "__main__":
    print(MARK + json.dumps(tell(sys.argv[1]), sort_keys=True))  # pylint: disable=ansible-bad-function
