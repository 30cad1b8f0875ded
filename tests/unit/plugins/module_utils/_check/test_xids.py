# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The row of Xids: lines as drivers write them, from the journal and from the kernel."""

from __future__ import annotations

import json
import shutil
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.xids import FATAL, LOOK, PROGRAM, meaning
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import FAILED, OK, SKIPPED, WARNED
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import UPTIME, CheckNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"
#: From public reports: NVIDIA/open-gpu-kernel-modules#1150, leptonai/gpud pull requests 46, 870 and 1174, and
#: the Fabric Manager User Guide.
OF_A_PROGRAM = "NVRM: Xid (PCI:0000:07:00): 13, pid='<unknown>', name=<unknown>, Graphics SM Warp Exception"
TIMED_OUT = (
    "NVRM: Xid (PCI:0000:07:00): 109, pid=1797828, name=pt_main_thread, Ch 00000008, CTX SWITCH TIMEOUT"
)
OFF_THE_BUS = "NVRM: Xid (PCI:0000:07:00): 79, GPU has fallen off the bus"
CONTAINED = "NVRM: Xid (PCI:0000:07:00): 94, pid=1234, name=python3, Contained ECC error"
NONFATAL = (
    "NVRM: Xid (PCI:0000:07:00): 145, RLW_RXPIPE Nonfatal XC0 i0 Link 13 (0x0409a0c2 0x00000008 0x00000001)"
)
NVLINK = "NVRM: Xid (PCI:0000:07:00): 149, NETIR Fatal XC0 i0 Link -1 (0x000fe406 0x00000000 0x00000000)"
OLD = "NVRM: Xid (0000:07:00): 48, Channel 00000001"
OF_AN_INSTANCE = "NVRM: Xid (PCI:0000:07:00 GPU-I:05): 31, pid=7, name=python3, Ch 0000000d, intr 00000000"
SWITCH = "nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 12028, %s, Link 36 egress non-posted PRIV error"


@pytest.mark.parametrize(
    "line, result, words",
    [
        (OF_A_PROGRAM, OK, "1 Xid of programs (13)"),
        (OF_AN_INSTANCE, OK, "1 Xid of programs (31)"),
        (TIMED_OUT, FAILED, "Xid 109: a context switch timed out"),
        (OFF_THE_BUS, FAILED, "Xid 79: the GPU has fallen off the bus"),
        (OLD, FAILED, "Xid 48: a memory error that could not be corrected"),
        (NVLINK, FAILED, "Xid 149: an NVLink 5 error"),
        (NONFATAL, WARNED, "Xid 145: an NVLink 5 error"),
        (CONTAINED, WARNED, "Xid 94: a memory error that ended a program"),
        ("NVRM: Xid (PCI:0000:07:00): 999, something new", WARNED, "not in NVIDIA's catalogue"),
        ("NVRM: loading NVIDIA UNIX x86_64 Kernel Module", OK, "no Xid"),
    ],
)
def test_one_line(gpus: CheckNode, line: str, result: str, words: str) -> None:
    gpus.add(A100)
    gpus.log(line)
    row = gpus.row("xids")
    assert (row.result, row.subject) == (result, "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0)")
    assert words in row.reason and (row.next or result == OK)


def test_each_gpu_for_itself(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.add(A100)
    gpus.log(TIMED_OUT.replace(":07:", ":08:"))
    gpus.log(TIMED_OUT.replace(":07:", ":08:"), 600)
    gpus.log(OF_A_PROGRAM.replace(":07:", ":08:"), 601)
    first, second = gpus.rows("xids")
    assert first.result == OK and second.result == FAILED
    assert second.reason == "Xid 109 (2 times): a context switch timed out"


def test_a_gpu_that_is_gone_is_told_by_its_address(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.log(OFF_THE_BUS.replace(":07:", ":C7:"))
    well, gone = gpus.rows("xids")
    assert well.result == OK and (gone.result, gone.subject) == (FAILED, "GPU at 0000:c7:00.0")


@pytest.mark.parametrize("kind, result", [("Fatal", FAILED), ("Non-fatal", WARNED)])
def test_switches(gpus: CheckNode, kind: str, result: str) -> None:
    gpus.add(A100)
    gpus.log(SWITCH % kind)
    _gpu, switch = gpus.rows("xids")
    assert (switch.result, switch.subject) == (
        result,
        "NVSwitch at 0000:c1:00.0",
    ) and "12028" in switch.reason
    _gpu, switch = gpus.rows("xids", accepted_xids=[12028])
    assert switch.result == OK


def test_what_is_accepted_and_what_is_old(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.log(TIMED_OUT, UPTIME - 7200)
    assert gpus.row("xids").result == FAILED
    row = gpus.row("xids", accepted_xids=[109])
    assert (row.result, row.reason) == (OK, "no Xid, 1 accepted")
    assert gpus.row("xids", xid_hours=3).result == FAILED
    assert gpus.row("xids", xid_hours=1).result == OK


def entry(text: str, at: int) -> str:
    return json.dumps({"MESSAGE": text, "_SOURCE_MONOTONIC_TIMESTAMP": str(at)})


def test_journal_and_kernel_together(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.log(TIMED_OUT, 500)
    lines = [
        entry(TIMED_OUT, 500000000),
        entry(TIMED_OUT, 400000000),
        json.dumps({"MESSAGE": [1, 2]}),
        "broken",
    ]
    gpus.machine.answers["journalctl"] = (0, "\n".join(lines), "")
    row = gpus.row("xids")
    assert row.reason.startswith("Xid 109 (2 times)"), "the one that both have counts once"


def test_a_journal_that_cannot_search(gpus: CheckNode) -> None:
    gpus.add(A100)
    answers = gpus.machine.answers
    del answers["journalctl"]
    start = "journalctl --dmesg --boot --quiet --no-pager --output=json "
    whole = start + "--output-fields=MESSAGE,_SOURCE_MONOTONIC_TIMESTAMP"
    answers[whole + " --grep"] = (1, "", "Compiled without pattern matching support")
    answers[whole] = (0, entry(TIMED_OUT, 400000000), "")
    assert gpus.row("xids").result == FAILED


def test_a_log_that_begins_too_late(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.tree.path("/dev/kmsg").unlink()
    gpus.log("NVRM: loading NVIDIA UNIX x86_64 Kernel Module", 700)
    row = gpus.row("xids")
    assert row.result == WARNED and row.reason.startswith("no Xid as far back as the kernel log goes")
    assert gpus.row("xids", xid_hours=1).result == OK, "that far it goes"


def test_no_log(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.tree.path("/dev/kmsg").unlink()
    row = gpus.row("xids")
    assert row.result == SKIPPED and "cannot be read" in row.reason
    gpus.machine.answers["journalctl"] = (127, "", "journalctl: not found")
    assert gpus.row("xids").result == SKIPPED


def test_the_catalogue() -> None:
    told: Dict[int, Any] = {number: meaning(number, "") for number in range(1, 200)}
    assert all(grave in (FATAL, LOOK, PROGRAM) and means and what for grave, means, what in told.values())
    fatal = {number for number, (grave, _means, _what) in told.items() if grave == FATAL}
    assert {48, 64, 74, 79, 95, 119, 120, 140} <= fatal and not fatal & {13, 31, 43, 45, 63, 92, 94, 154}
