# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, node lists, gres.conf and slurm.conf as text."""

from __future__ import annotations

from typing import Sequence

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm import gres_file, names, node_line
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.hostlist import covers, single


@pytest.mark.parametrize(
    "expression, inside, outside",
    [
        ("tux1", ("tux1",), ("tux", "tux10", "atux1")),
        ("tux[1-16]", ("tux1", "tux9", "tux16"), ("tux0", "tux17", "tux01", "tux")),
        ("tux[01-16]", ("tux01", "tux16"), ("tux1", "tux001", "tux17")),
        ("tux[1,4-6],login", ("tux1", "tux5", "login"), ("tux2", "tux7", "tux1,4-6")),
        ("r[1-2]n[3-4]", ("r1n3", "r2n4"), ("r3n3", "r1n5")),
        ("tux[098-102]", ("tux098", "tux099", "tux100"), ("tux98", "tux103")),
        ('"tux[1-2]"', ("tux2",), ("tux3",)),
        ("a.b", ("a.b",), ("axb",)),
        ("tux[x]", (), ("tuxx", "tux1")),
    ],
)
def test_which_nodes(expression: str, inside: Sequence[str], outside: Sequence[str]) -> None:
    assert all(covers(expression, name) for name in inside)
    assert not any(covers(expression, name) for name in outside)
    assert single(expression) == (expression in ("tux1", "a.b", "tux[x]"))


@pytest.mark.parametrize(
    "gpu, profile, short, detected",
    [
        # slurm's gres.html and NVIDIA/deepops#1214 have nvidia_a100_3g.20gb and nvidia_a100_1g.5gb.
        ("NVIDIA A100-SXM4-40GB", "1g.5gb", "1g.5gb", "nvidia_a100_1g.5gb"),
        ("NVIDIA A100-SXM4-40GB", "", "a100-sxm4-40gb", "nvidia_a100-sxm4-40gb"),
        ("NVIDIA A100-SXM4-40GB", "1c.3g.20gb", "1c.3g.20gb", "nvidia_a100_1c.3g.20gb"),
        ("NVIDIA H100 80GB HBM3", "1g.10gb+me", "1g.10gb+me", "nvidia_h100_80gb_hbm3_1g.10gb+me"),
        ("Tesla T4", "", "tesla_t4", "tesla_t4"),
    ],
)
def test_what_slurm_calls_them(gpu: str, profile: str, short: str, detected: str) -> None:
    for style, expected in (("profile", short), ("autodetect", detected)):
        found = names.of_mig_device(style, gpu, profile) if profile else names.of_gpu(style, gpu)
        assert found == expected
        assert found in detected, "slurmd takes a Type that is a part of what it detects"


def test_entries() -> None:
    assert names.entries(["b", "a", "b"]) == ("gpu:b:2", "gpu:a:1")
    assert names.split("gpu:a:2(S:0,3),nic:1,gpu:b:1(S:0)") == ["gpu:a:2(S:0,3)", "nic:1", "gpu:b:1(S:0)"]
    assert names.split("(null)") == [] == names.split("")
    assert names.same(["gpu:a:2(S:0,3)", "gpu:b:1"], ["gpu:b:1", "GPU:a:2"])
    assert not names.same(["gpu:a:2"], ["gpu:a:1"]) and not names.same(["gpu:a:1"], ["gpu:a:1", "gpu:b:1"])
    assert names.for_gpus(["gpu:2", "gpus:1", "gpu(S:1)", "nic:1"]) == ("gpu:2", "gpu(S:1)")


OTHERS = (
    "# the site's file\nNodeName=gpu2 Name=gpu File=/dev/nvidia0\nNodeName=gpu1 Name=nic File=/dev/nic0\n"
)


def test_a_block_beside_others() -> None:
    file = gres_file.parse(OTHERS, "gpu1")
    assert file.ours is None and not file.foreign
    text = file.with_block("gpu1", ["NodeName=gpu1 Name=gpu File=/dev/nvidia1"])
    assert text.startswith(OTHERS)
    again = gres_file.parse(text, "gpu1")
    assert again.ours == ("NodeName=gpu1 Name=gpu File=/dev/nvidia1",) and not again.foreign
    assert again.with_block("gpu1", again.ours) == text
    both = gres_file.parse(text, "gpu2").with_block("gpu2", ["#"]) + "Name=nic Count=2\n"
    assert gres_file.parse(both, "gpu1").ours == again.ours, "each node has a block of its own"
    assert gres_file.parse(both, "gpu1").with_block("gpu1", None).count("BEGIN") == 1
    assert gres_file.parse(text, "gpu1").with_block("gpu1", None) == OTHERS
    alone = gres_file.parse("", "gpu1").with_block("gpu1", [])
    assert gres_file.parse(alone, "gpu1").with_block("gpu1", None) == ""


@pytest.mark.parametrize(
    "text, found",
    [
        ("Name=gpu File=/dev/nvidia0", [(1, False)]),
        ("# Name=gpu File=/dev/nvidia0", []),
        ("\nname=GPU type=a \\\n  file=/dev/nvidia0 # mine\nAutoDetect=nvml", [(2, False)]),
        ("NodeName=gpu1 Name=gpu File=/dev/nvidia0", [(1, False)]),
        ("NodeName=gpu[1-4] Name=gpu File=/dev/nvidia0", [(1, True)]),
        ("NodeName=gpu[2-4] Name=gpu File=/dev/nvidia0", []),
        ("Name=gpu File=/dev/nvidia0\nNodeName=gpu2 Name=nic", [(1, True)]),
        ("NodeName=gpu1 AutoDetect=nvml", [(1, False)]),
        ("Name=mps Count=100", []),
    ],
)
def test_lines_of_others(text: str, found: Sequence[object]) -> None:
    file = gres_file.parse(text, "gpu1")
    assert [(each.number, each.shared) for each in file.foreign] == found
    if found:
        kept = gres_file.parse(file.with_block("gpu1", ["x"]), "gpu1")
        assert not kept.foreign and kept.ours == ("x",)
        assert ("AutoDetect=nvml" in file.with_block("gpu1", ["x"])) == ("\nAutoDetect" in text)


def test_a_block_that_lost_its_end() -> None:
    text = gres_file.parse("", "gpu1").with_block("gpu1", ["NodeName=gpu1 Name=gpu"])
    file = gres_file.parse(text.replace("# END", "# end"), "gpu1")
    assert file.ours is None and len(file.foreign) == 1
    whole = gres_file.parse(file.with_block("gpu1", ["a"]), "gpu1")
    assert whole.ours == ("a",) and not whole.foreign


CONF = (
    "ClusterName=c\nNodeName=DEFAULT CPUs=2\nNodeName=gpu1 CPUs=4%s State=UNKNOWN # here\n"
    "PartitionName=p Nodes=ALL\n"
)


@pytest.mark.parametrize(
    "before, gpus, after",
    [
        ("", ["gpu:a:1"], " State=UNKNOWN Gres=gpu:a:1 # here"),
        (" Gres=gpu:b:2", ["gpu:a:1"], " Gres=gpu:a:1 State=UNKNOWN # here"),
        (" gres=gpu:b:2,nic:1", ["gpu:a:1"], " Gres=gpu:a:1,nic:1 State=UNKNOWN # here"),
        (" Gres=gpu:b:2,nic:1", [], " Gres=nic:1 State=UNKNOWN # here"),
        (" Gres=gpu:b:2", [], " State=UNKNOWN # here"),
        (' Gres="gpu:b:2"', ["gpu:b:1"], " Gres=gpu:b:1 State=UNKNOWN # here"),
        (" \\\n Gres=gpu:b:2", ["gpu:a:1"], " \\\n Gres=gpu:a:1 State=UNKNOWN # here"),
        (" Gres=gpu:b:2,gpu:a:1", ["gpu:a:1", "gpu:b:2"], " Gres=gpu:b:2,gpu:a:1 State=UNKNOWN # here"),
    ],
)
def test_the_line_of_a_node(before: str, gpus: Sequence[str], after: str) -> None:
    text = CONF % before
    line = node_line.find(text, "gpu1")
    assert line and line.nodes == "gpu1" and not line.shared
    assert node_line.with_gpus(text, line, gpus) == CONF.replace("%s State=UNKNOWN # here", after)


def test_which_line_it_is() -> None:
    assert node_line.find(CONF % "", "gpu2") is None
    shared = node_line.find("nodename=gpu[1-8] Gres=gpu:2\n", "gpu7")
    assert shared and shared.shared and shared.gres == ("gpu:2",)
    assert node_line.words("gpu1", ()) == "NodeName=gpu1"
