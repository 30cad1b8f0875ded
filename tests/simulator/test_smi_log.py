# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi -q, -q -x and --query-gpu beside captures of the real one."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from smi_node import SmiNode, sample


def _differences(shown: "list[str]", captured: "list[str]") -> "list[str]":
    """Lines that only one of them has, with + if it is the simulated one."""
    changes = difflib.ndiff(captured, shown)
    return [line for line in changes if line[0] in "+-"]


def _outline(text: str) -> "list[str]":
    """The first GPU's elements, without the supported graphics clocks."""
    inside = text[text.index("<gpu id=") : text.index("</gpu>") + 6]
    lines = (line.strip() for line in inside.splitlines() if "supported_graphics_clock" not in line)
    return [
        re.sub(r' id="[^"]*"|>[^<]*</.*', "", line).rstrip(">") + ">" for line in lines if line[:1] == "<"
    ]


def _labels(text: str) -> "list[str]":
    return [re.sub(r" +:( .*)?$", "", line).rstrip() for line in text.splitlines()]


def test_xml_of_535(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "535.54.03", "a100-sxm4-80gb")
    node.smi("-mig", "1")
    node.smi("mig", "-cgi", "15,15,15,15", "-C")
    shown = _outline(node.smi("-q", "-x"))
    captured = [line for line in sample("xml_a100_mig_535").splitlines() if line[0] == "<"]
    extra = _differences(shown, captured)
    # The capture went through a tool that closes empty elements at once; its rows were not told in MIG mode.
    assert all(
        re.search("remapp|inforom_bbx|latest_|processes>|supported_|<value", line) for line in extra
    ), extra


def test_xml_of_595(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "595.84", "l40s")
    shown = _outline(node.smi("-q", "-x"))
    captured = [line for line in sample("xml_rtx4000_595").splitlines() if line[0] == "<"]
    extra = _differences(shown, captured)
    assert all(
        re.search("process|instance_id|pid|type|used_memory|supported_mem|value", line) for line in extra
    )
    assert not [line for line in extra if line[0] == "+"]


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("565.57.01", "log_h100_565"),
        ("580.159.04", "log_h100_580"),
        ("590.48.01", "log_h100_mig_590"),
    ],
)
def test_labels_of_the_log(tmp_path: Path, version: str, name: str) -> None:
    node = SmiNode(tmp_path, version, "h100-sxm5-80gb")
    if "mig" in name:
        node.smi("-mig", "1")
        node.smi("mig", "-cgi", "9,14,19,19", "-C")
    shown = [line for line in _labels(node.smi("-q")) if line]
    captured = [line for line in sample(name).splitlines() if line]
    extra = [line for line in _differences(shown, captured) if "GPU 00000000" not in line]
    # In MIG mode the real library does not tell remapped rows.
    assert all(re.search("Error|Pending|Remapping|Bank|Max|High|Partial|Low|None", line) for line in extra), (
        extra
    )
    assert "mig" in name or not extra


def test_values_begin_in_their_column(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "h100-sxm5-80gb")
    lines = node.smi("-q").splitlines()
    assert {line.index(":") for line in lines if " : " in line} == {55}


def test_sections_of_the_log(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "h100-sxm5-80gb")
    lines = node.smi("-q", "-d", "ecc,COMPUTE").splitlines()
    top = [line.strip() for line in lines if re.match(" {4}[A-Z]", line)]
    assert [line.split("  ")[0] for line in top] == ["Compute Mode", "ECC Mode", "ECC Errors"]
    clocks = node.smi("-q", "-d", "SUPPORTED_CLOCKS").splitlines()
    assert clocks[9].strip() == "Supported Clocks" and clocks[10].endswith(": 2619 MHz")


def test_the_same_value_everywhere(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "h100-sxm5-80gb")
    node.set(0, temperature_c=77, ecc_volatile_uncorrected_sram=3)
    gpu = ElementTree.fromstring(node.smi("-q", "-x")).find("gpu")
    assert gpu is not None
    pairs = {
        "uuid": "uuid",
        "fb_memory_usage/total": "memory.total",
        "clocks/sm_clock": "clocks.sm",
        "gpu_power_readings/default_power_limit": "power.default_limit",
        "ecc_errors/volatile/sram_uncorrectable_secded": "ecc.errors.uncorrected.volatile.sram.secded",
        "pci/pci_gpu_link_info/pcie_gen/max_link_gen": "pcie.link.gen.max",
        "fabric/state": "fabric.state",
    }
    for path, field in pairs.items():
        assert gpu.findtext(path) == node.value(field), path
    assert gpu.findtext("temperature/gpu_temp") == "77 C" and node.value("temperature.gpu") == "77"
    assert gpu.findtext("ecc_errors/volatile/sram_uncorrectable_secded") == "3"


@pytest.mark.parametrize(("version", "name"), [("580.159.04", "query_580"), ("590.48.01", "query_590")])
def test_the_header_of_all_fields(tmp_path: Path, version: str, name: str) -> None:
    node = SmiNode(tmp_path, version, "h100-sxm5-80gb")
    names = re.findall(r'^"([^"]+)"', node.smi("--help-query-gpu"), re.MULTILINE)
    header, row = node.smi("--query-gpu=" + ",".join(names), "--format=csv").splitlines()
    assert header.split(", ") == sample(name).splitlines()
    assert len(row.split(", ")) == len(names)
    assert "[Requested functionality has been deprecated]" in row


def test_values_of_an_h100(tmp_path: Path) -> None:
    """An H100 80GB HBM3 with 580.159.04, asked 2026-11-22, beside its board table."""
    node = SmiNode(tmp_path, "580.159.04", "h100-sxm5-80gb")
    captured = {
        "display_attached": "Yes",
        "addressing_mode": "None",
        "accounting.buffer_size": "4000",
        "inforom.checksum_validation": "valid",
        "clocks_event_reasons.supported": "0x00000000000001FF",
        "clocks_event_reasons_counters.hw_thermal_slowdown": "0 us",
        "encoder.stats.sessionCount": "0",
        "ecc.errors.uncorrected.aggregate.sram.thresholdExceeded": "No",
        "remapped_rows.correctable_inactive": "0",
        "module.power.limit": "[N/A]",
        "gsp.mode.current": "Enabled",
        "c2c.mode": "Disabled",
        "protected_memory.total": "0 MiB",
        "fabric.health.summary": "N/A",
        "hostname": "[N/A]",
    }
    assert {field: node.value(field) for field in captured} == captured
    log = dict(re.findall(r"^ +(\S.*?) +: (.*)$", node.smi("-q"), re.MULTILINE))
    assert log["GPU Shutdown T.Limit Temp"] == "-8 C"
    assert log["Memory Max Operating T.Limit Temp"] == "0 C"
    node.set(0, violation_power_ns=1500999, power_memory_mw=53345)
    assert node.value("clocks_event_reasons_counters.sw_power_cap") == "1500 us"
    assert "        Average Power Draw                             : 53.34 W" in node.smi("-q").splitlines()


def test_forms_of_a_query(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "l40s*2")
    query = "--query-gpu=index,memory.total,gpu_uuid,clocks_throttle_reasons.active"
    lines = node.smi(query, "--format=csv").splitlines()
    assert lines[0] == "index, memory.total [MiB], uuid, clocks_event_reasons.active"
    assert lines[2].startswith("1, 46068 MiB, GPU-")
    assert node.smi(query, "--format=csv,noheader,nounits").startswith("0, 46068, GPU-")
    assert node.smi(query, "--format=csv,nounits").splitlines()[0] == lines[0]
    words = 'Field "colour" is not a valid field to query.\n\n'
    assert node.smi("--query-gpu=name,colour", "--format=csv", status=2) == words
    assert node.smi("--query-gpu=kmd_version", "--format=csv", status=2).startswith('Field "kmd_version"')
    missing = "\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n\n"
    assert node.smi("--query-gpu=name", status=2) == missing
