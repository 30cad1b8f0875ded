# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated GPU's answers beside those of a real one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
RECORDS = HERE / "records"
FUNCTION_NOT_FOUND = 13
KINDS = {
    "missing": "the simulated library lacks the call",
    "code": "another result",
    "form": "another type or structure",
    "figure": "another figure",
}

Answers = dict[str, dict[str, Any]]

# The simulated library lacks these: no monitor and no manager of GPUs that was looked at depends on them.
NOT_SIMULATED = {
    "APIRestriction 0", "APIRestriction 1", "AdaptiveClockInfoStatus", "ConfComputeGpuCertificate",
    "CoolerInfo", "CurrentClockFreqs", "FanSpeedRPM", "GpcClkMinMaxVfOffset", "GpcClkVfOffset",
    "GridLicensableFeatures", "GridLicensableFeatures_v4", "Hostname_v1", "IrqNum", "LastBBXFlushTime",
    "MemClkMinMaxVfOffset", "MemClkVfOffset", "MinMaxFanSpeed", "PerformanceModes", "PgpuMetadataString",
    "SystemConfComputeCapabilities", "SystemConfComputeGpusReadyState",
    "SystemConfComputeKeyRotationThresholdInfo", "SystemConfComputeState", "SystemDriverBranch",
    "SystemHicVersion", "SystemNvlinkBwMode", "VgpuHeterogeneousMode", "VgpuMetadata",
    "VgpuSchedulerCapabilities", "VgpuSchedulerLog", "VgpuSchedulerState",
}  # fmt: skip


class Difference(NamedTuple):
    """One question that the two answer differently."""

    kind: str
    question: str
    real: dict[str, Any]
    simulated: dict[str, Any]


def differences(real: Answers, simulated: Answers) -> list[Difference]:
    """By kind, then as they were asked; of what both were asked."""
    found = []
    for question, answer in real.items():
        if question not in simulated:
            continue
        kind = _kind(answer, simulated[question])
        if kind:
            found.append(Difference(kind, question, answer, simulated[question]))
    return sorted(found, key=lambda one: list(KINDS).index(one.kind))


def _kind(real: dict[str, Any], simulated: dict[str, Any]) -> str:
    if real.get("code") != simulated.get("code"):
        return "missing" if simulated.get("code") == FUNCTION_NOT_FOUND else "code"
    if real.get("form") != simulated.get("form"):
        return "form"
    return "figure" if "value" in real and real["value"] != simulated["value"] else ""


def simulated_answers(environment: dict[str, str], index: int = 0) -> Answers:
    """What record.py gets in that environment.

    :raises subprocess.CalledProcessError: it got nothing
    """
    command = [sys.executable, str(HERE / "record.py"), str(index)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    answers: Answers = json.loads(done.stdout)
    return answers
