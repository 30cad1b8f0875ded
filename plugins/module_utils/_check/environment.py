# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Rows of an environment: its framework, what that is built for, the GPUs that it sees, products. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from .node import CheckState, Probed
from .row import FAILED, OK, SKIPPED, WARNED, Row, many
from .toolkit import SEES_OTHERS, visible
from .wish import CheckWish

_NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
_NO_ENVIRONMENT = "no environment is named"
#: What CUDA says of a GPU that another process has for itself.
_TAKEN = ("busy or unavailable", "all CUDA-capable devices are busy")


def _rows(name: str, state: CheckState, wish: CheckWish) -> Tuple[List[Row], List[Probed]]:
    """Rows that are clear without looking at a framework, and the frameworks to look at."""
    environment = state.environment
    if environment is None or wish.prefix is None:
        return [Row(name, "environment", SKIPPED, _NO_ENVIRONMENT, "set environment")], []
    works = [each for each in environment.probes if each.told and not each.told.get("import_trouble")]
    if not works:
        return [
            Row(name, environment.prefix, SKIPPED, "no framework can be imported", "see the row framework")
        ], []
    return [], [each for each in works if not each.device]


def _subject(each: Probed, prefix: str) -> str:
    version = " " + str(each.told["version"]) if each.told and each.told.get("version") else ""
    return "%s%s (%s)" % (_NAMES[each.name], version, prefix)


def framework(state: CheckState, wish: CheckWish) -> List[Row]:
    """Is there a framework, and does it import and compute on the CPU?"""
    name, environment = "framework", state.environment
    if environment is None or wish.prefix is None:
        return [Row(name, "environment", SKIPPED, _NO_ENVIRONMENT, "set environment")]
    if environment.trouble:
        what = "have it made (conda_gpu_env does that), or correct environment"
        return [Row(name, environment.prefix, FAILED, environment.trouble, what)]
    if not environment.probes:
        reason = "it has none of %s" % ", ".join(_NAMES.values())
        return [Row(name, environment.prefix, FAILED, reason, "have a framework installed (conda_gpu_env)")]
    return [_imported(name, each, environment.prefix) for each in environment.probes if not each.device]


def _imported(name: str, each: Probed, prefix: str) -> Row:
    subject = _subject(each, prefix)
    by_hand = "import it by hand with %s/bin/python" % prefix
    if each.ran.overtime:
        return Row(
            name, subject, FAILED, "it did not end in time", "look for an Xid in the kernel log; " + by_hand
        )
    if each.told is None:
        said = each.ran.last_words(1) or "nothing said"
        return Row(name, subject, FAILED, "its Python ended with %d: %s" % (each.ran.rc, said), by_hand)
    if each.told.get("import_trouble"):
        return Row(name, subject, FAILED, "it cannot be imported: %s" % each.told["import_trouble"], by_hand)
    if each.told.get("cpu"):
        return Row(
            name, subject, FAILED, "it multiplies wrongly on the CPU", "have the environment made anew"
        )
    return Row(name, subject, OK, "it is imported, and multiplies on the CPU")


def framework_cuda(state: CheckState, wish: CheckWish) -> List[Row]:
    """Is it built for CUDA, and for one that the driver has?"""
    name = "framework_cuda"
    rows, frameworks = _rows(name, state, wish)
    return rows + [
        _cuda(name, _subject(each, wish.prefix or ""), each.told or {}, state) for each in frameworks
    ]


def _cuda(name: str, subject: str, told: Mapping[str, Any], state: CheckState) -> Row:
    if told.get("other"):
        reason = "this build is for GPUs of %s" % told["other"]
        return Row(name, subject, FAILED, reason, "have a build for CUDA installed (conda_gpu_env)")
    cuda = told.get("cuda")
    if cuda is None:
        return Row(
            name,
            subject,
            FAILED,
            "this build is for the CPU alone",
            "have a build for CUDA installed (conda_gpu_env)",
        )
    numbers = [int(part) for part in str(cuda).split(".")[:2] if part.isdigit()]
    if not numbers:
        return Row(name, subject, SKIPPED, "it does not tell for which CUDA it is built")
    if state.cuda is None:
        return Row(name, subject, SKIPPED, "it is built for CUDA %s, and the driver does not answer" % cuda)
    newest = (state.cuda // 1000, state.cuda % 1000 // 10)
    said = "it is built for CUDA %s, and the driver has CUDA %d.%d" % (cuda, *newest)
    if numbers[0] > newest[0]:
        return Row(name, subject, FAILED, said, "have a newer driver (nvidia_driver), or an older build")
    if len(numbers) > 1 and tuple(numbers) > newest:
        return Row(name, subject, WARNED, said, "expect that code which is compiled at run time fails")
    return Row(name, subject, OK, said)


def framework_cudnn(state: CheckState, wish: CheckWish) -> List[Row]:
    """Has it a cuDNN that loads?"""
    name = "framework_cudnn"
    rows, frameworks = _rows(name, state, wish)
    return rows + [_cudnn(name, _subject(each, wish.prefix or ""), each.told or {}) for each in frameworks]


def _cudnn(name: str, subject: str, told: Mapping[str, Any]) -> Row:
    if told.get("cudnn_trouble"):
        said = "its cuDNN does not load: %s" % _short(told["cudnn_trouble"])
        return Row(
            name, subject, FAILED, said, "have the environment's cuDNN match its framework (conda_gpu_env)"
        )
    if told.get("cuda") is None:
        return Row(name, subject, SKIPPED, "this build is for the CPU alone", "see the row framework_cuda")
    if "cudnn" not in told:
        return Row(name, subject, SKIPPED, "it does not tell its cuDNN")
    if not told["cudnn"]:
        return Row(
            name,
            subject,
            FAILED,
            "it finds no cuDNN",
            "have cuDNN installed in the environment (conda_gpu_env)",
        )
    return Row(name, subject, OK, "cuDNN %s" % told["cudnn"])


def framework_gpus(state: CheckState, wish: CheckWish) -> List[Row]:
    """Does it see the GPUs that NVML shows?"""
    name = "framework_gpus"
    rows, frameworks = _rows(name, state, wish)
    return rows + [
        _gpus(name, _subject(each, wish.prefix or ""), each.told or {}, state) for each in frameworks
    ]


def _gpus(name: str, subject: str, told: Mapping[str, Any], state: CheckState) -> Row:
    count, (least, most) = len(told["devices"]), visible(state)
    if told.get("cuda") is None and not count:
        reason = "it sees no GPU: this build is for the CPU alone"
        return Row(name, subject, FAILED, reason, "have a build for CUDA installed (conda_gpu_env)")
    if not count:
        why = ": %s" % _short(told["trouble"]) if told.get("trouble") else ""
        return Row(name, subject, FAILED, "it sees no GPU%s" % why, "see the rows nvml and framework_cuda")
    if not least <= count <= most:
        reason = "it sees %s, and NVML shows %d" % (many(count, "GPU"), len(state.gpus))
        return Row(name, subject, FAILED, reason, SEES_OTHERS)
    return Row(name, subject, OK, "it sees %s" % many(count, "GPU"))


def framework_product(state: CheckState, wish: CheckWish) -> List[Row]:
    """Is a product of matrices on each device what the CPU makes of it?"""
    name = "framework_product"
    rows, frameworks = _rows(name, state, wish)
    for each in frameworks:
        subject = _subject(each, wish.prefix or "")
        devices: List[Dict[str, str]] = each.told["devices"] if each.told else []
        if not devices:
            rows.append(Row(name, subject, SKIPPED, "it sees no GPU", "see the row framework_gpus"))
        rows += [
            _product(name, "device %d of %s" % (number, subject), device, state)
            for number, device in enumerate(devices)
        ]
        rows += [_on_mig(name, other, subject, state) for other in _of_mig(state, each.name)]
    return rows


def _of_mig(state: CheckState, name: str) -> List[Probed]:
    probes = state.environment.probes if state.environment else ()
    return [each for each in probes if each.device and each.name == name]


def _on_mig(name: str, each: Probed, subject: str, state: CheckState) -> Row:
    where = "%s of %s" % (each.device, subject)
    devices = each.told.get("devices", []) if each.told else []
    if not devices:
        said = (each.told or {}).get("trouble") or each.ran.last_words(1) or "nothing said"
        what = "see that the device is there (mig_layout) and /dev/nvidia-caps can be read"
        return Row(name, where, FAILED, "it does not see this MIG device: %s" % _short(said), what)
    return _product(name, where, devices[0], state)


def _product(name: str, subject: str, device: Mapping[str, str], state: CheckState) -> Row:
    trouble = device["trouble"]
    if not trouble:
        return Row(name, subject, OK, "the product of two matrices is right")
    if any(words in trouble for words in _TAKEN) and any(gpu.busy_for_one for gpu in state.gpus):
        reason = "it is in use, and its compute mode lets one process in"
        return Row(name, subject, SKIPPED, reason, "check again when it is free")
    if trouble == "wrong":
        what = "do not use this GPU: look for Xids and memory errors, then have it replaced"
        return Row(name, subject, FAILED, "the product of two matrices is wrong", what)
    what = "see the rows xids and ecc_errors, and framework_cuda"
    return Row(name, subject, FAILED, "the product of two matrices fails: %s" % _short(trouble), what)


def _short(text: object) -> str:
    """The first line, which says what; what follows is advice of the framework."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[0][:200].rstrip(".") if lines else ""
