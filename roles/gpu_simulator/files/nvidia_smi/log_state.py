# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a GPU, middle part: from its mode to its temperature. Sources as in log_identity.py."""

from __future__ import annotations

from typing import Tuple

from . import readings as r
from .gpu import Gpu
from .log_tree import Node, none, pair, renamed, several
from .nvml import NvmlError


def _answers(ask: r.Ask, gpu: Gpu) -> bool:
    try:
        ask(gpu)
    except NvmlError:
        return False
    return True


def _degrees(ask: r.Ask) -> r.Ask:
    return lambda gpu: "{0} C".format(ask(gpu))


def _threshold(number: int) -> r.Ask:
    return _degrees(r.uint("nvmlDeviceGetTemperatureThreshold", number))


def _relative(gpu: Gpu) -> bool:
    """Whether its limits are told as distances, as from Hopper on."""
    return _answers(r.field(193), gpu)


def _absolute(gpu: Gpu) -> bool:
    return not _relative(gpu)


def _remaps(gpu: Gpu) -> bool:
    return _answers(r.remapped(0), gpu)


def _does_not_remap(gpu: Gpu) -> bool:
    return not _remaps(gpu)


def _tells_sram(gpu: Gpu) -> bool:
    """Whether it tells parity errors from others. Where it does not, as on Turing, captures have one line."""
    return _answers(r.sram("exceeded"), gpu)


def _one_sram(gpu: Gpu) -> bool:
    return not _tells_sram(gpu)


def _repairs(gpu: Gpu) -> bool:
    """Whether it mends itself, as from Ampere on."""
    return _answers(r.repair("channel"), gpu)


def _yes(ask: r.Ask) -> r.Ask:
    return r.either(ask, "Yes", "No")


def _errors(counter: str) -> Tuple[Node, ...]:
    name = "ecc.errors.{0}." + counter + ".{1}"
    parity, secded = (r.sram(counter + "_" + kind) for kind in ("parity", "secded"))
    return (
        Node("sram_correctable", "SRAM Correctable", name.format("corrected", "sram")),
        Node("sram_uncorrectable", "SRAM Uncorrectable", name.format("uncorrected", "sram"), when=_one_sram),
        Node("sram_uncorrectable_parity", "SRAM Uncorrectable Parity", parity, when=_tells_sram),
        Node("sram_uncorrectable_secded", "SRAM Uncorrectable SEC-DED", secded, when=_tells_sram),
        Node("dram_correctable", "DRAM Correctable", name.format("corrected", "dram")),
        Node("dram_uncorrectable", "DRAM Uncorrectable", name.format("uncorrected", "dram")),
    )


_EXCEEDED = Node(
    *("sram_threshold_exceeded", "SRAM Threshold Exceeded", r.either(r.sram("exceeded"), "Yes", "No")),
    when=_tells_sram,
)
_SOURCES = several(
    ("sram_l2", "SRAM L2", r.sram("l2")),
    ("sram_sm", "SRAM SM", r.sram("sm")),
    ("sram_microcontroller", "SRAM Microcontroller", r.sram("mcu")),
    ("sram_pcie", "SRAM PCIE", r.sram("pcie")),
    ("sram_other", "SRAM Other", r.sram("other")),
)
_ECC = (
    Node("volatile", "Volatile", _errors("volatile")),
    Node("aggregate", "Aggregate", (*_errors("aggregate"), _EXCEEDED)),
    Node(
        *("aggregate_uncorrectable_sram_sources", "Aggregate Uncorrectable SRAM Sources", _SOURCES),
        when=_tells_sram,
    ),
    Node(
        *("channel_repair_pending", "Channel Repair Pending", _yes(r.repair("channel"))),
        since=580,
        when=_repairs,
    ),
    Node("tpc_repair_pending", "TPC Repair Pending", _yes(r.repair("tpc")), since=580, when=_repairs),
    Node(
        *("unrepairable_memory", "Unrepairable Memory", _yes(r.unrepairable)),
        since=590,
        when=_repairs,
        r580=580.159,
    ),
)


def _retirement(tag: str, field: str) -> Node:
    children = several(("retired_count", "", field), ("retired_pagelist", "", none))
    return Node(tag, "", children)


_REMAPPED = (
    Node("remapped_row_corr", "Correctable Error", "remapped_rows.correctable"),
    Node("remapped_row_corr_inactive", "Inactive Correctable Error", r.field(301), since=595, r580=580.159),
    Node("remapped_row_unc", "Uncorrectable Error", "remapped_rows.uncorrectable"),
    Node(
        *("remapped_row_unc_inactive", "Inactive Uncorrectable Error", r.field(302)), since=595, r580=580.159
    ),
    Node("remapped_row_pending", "Pending", "remapped_rows.pending"),
    Node("remapped_row_failure", "Remapping Failure Occurred", "remapped_rows.failure"),
    Node(
        "row_remapper_histogram",
        "Bank Remap Availability Histogram",
        several(
            *(
                (
                    "row_remapper_histogram_" + word,
                    word.capitalize(),
                    lambda gpu, word=word: "{0} bank(s)".format(r.histogram(word)(gpu)),
                )
                for word in ("max", "high", "partial", "low", "none")
            )
        ),
    ),
)
STATE: Tuple[Node, ...] = (
    Node("compute_mode", "Compute Mode", "compute_mode", display=("COMPUTE",)),
    Node(
        "utilization",
        "Utilization",
        (
            *renamed("gpu_util", "Gpu", 580, "GPU", "utilization.gpu"),
            *several(
                ("memory_util", "Memory", "utilization.memory"),
                ("encoder_util", "Encoder", "utilization.encoder"),
                ("decoder_util", "Decoder", "utilization.decoder"),
                ("jpeg_util", "JPEG", "utilization.jpeg"),
                ("ofa_util", "OFA", "utilization.ofa"),
            ),
        ),
        display=("UTILIZATION",),
    ),
    Node(
        "encoder_stats",
        "Encoder Stats",
        several(
            ("session_count", "Active Sessions", "encoder.stats.sessionCount"),
            ("average_fps", "Average FPS", "encoder.stats.averageFps"),
            ("average_latency", "Average Latency", "encoder.stats.averageLatency"),
        ),
        display=("ENCODER_STATS",),
    ),
    Node(
        "fbc_stats",
        "FBC Stats",
        several(
            ("session_count", "Active Sessions", r.captures("sessions")),
            ("average_fps", "Average FPS", r.captures("fps")),
            ("average_latency", "Average Latency", r.captures("latency")),
        ),
        display=("FBC_STATS",),
    ),
    Node("dram_encryption_mode", "DRAM Encryption Mode", pair("dram_encryption", none, none), since=570),
    Node("ecc_mode", "ECC Mode", pair("ecc", "ecc.mode.current", "ecc.mode.pending"), display=("ECC",)),
    Node(
        "ecc_errors",
        "ECC Errors",
        _ECC,
        display=("ECC",),
    ),
    Node(
        "retired_pages",
        "Retired Pages",
        (
            _retirement("multiple_single_bit_retirement", "retired_pages.sbe"),
            _retirement("double_bit_retirement", "retired_pages.dbe"),
            Node("pending_blacklist", "", "retired_pages.pending"),
            Node("pending_retirement", "", "retired_pages.pending"),
            Node("", "Single Bit ECC", "retired_pages.sbe"),
            Node("", "Double Bit ECC", "retired_pages.dbe"),
            Node("", "Pending Page Blacklist", "retired_pages.pending"),
        ),
        display=("PAGE_RETIREMENT",),
    ),
    Node("remapped_rows", "Remapped Rows", _REMAPPED, when=_remaps, display=("ROW_REMAPPER",)),
    Node("remapped_rows", "Remapped Rows", none, when=_does_not_remap, display=("ROW_REMAPPER",)),
    Node(
        "temperature",
        "Temperature",
        (
            Node("gpu_temp", "GPU Current Temp", _degrees(r.uint("nvmlDeviceGetTemperature", 0))),
            *renamed(
                "gpu_temp_tlimit", "GPU T.Limit Temp", 610, "GPU Current T.Limit Temp", _degrees(r.margin)
            ),
            Node("gpu_temp_max_threshold", "GPU Shutdown Temp", _threshold(0), when=_absolute),
            Node("gpu_temp_slow_threshold", "GPU Slowdown Temp", _threshold(1), when=_absolute),
            Node("gpu_temp_max_gpu_threshold", "GPU Max Operating Temp", _threshold(3), when=_absolute),
            Node(
                *("gpu_temp_max_tlimit_threshold", "GPU Shutdown T.Limit Temp", _degrees(r.field(193))),
                when=_relative,
            ),
            Node(
                *("gpu_temp_slow_tlimit_threshold", "GPU Slowdown T.Limit Temp", _degrees(r.field(194))),
                when=_relative,
            ),
            Node(
                *("gpu_temp_max_gpu_tlimit_threshold", "GPU Max Operating T.Limit Temp"),
                *(_degrees(r.field(196)),),
                when=_relative,
            ),
            *renamed(
                *("gpu_target_temperature", "GPU Target Temperature", 610),
                *("GPU Target Temperature Specification", _threshold(5)),
            ),
            Node("memory_temp", "Memory Current Temp", _degrees(r.field(82))),
            Node("gpu_temp_max_mem_threshold", "Memory Max Operating Temp", _threshold(2), when=_absolute),
            Node(
                *("gpu_temp_max_mem_tlimit_threshold", "Memory Max Operating T.Limit Temp"),
                *(_degrees(r.field(195)),),
                when=_relative,
            ),
        ),
        display=("TEMPERATURE",),
    ),
    Node(
        "supported_gpu_target_temp",
        "",
        several(("gpu_target_temp_min", "", _threshold(4)), ("gpu_target_temp_max", "", _threshold(6))),
    ),
)
