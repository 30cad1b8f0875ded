# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter mig_kubernetes, held against what GPU feature discovery documents and was seen to do."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.filter.mig_kubernetes import FilterModule

mig_kubernetes = FilterModule().filters()["mig_kubernetes"]
A100 = "NVIDIA A100-SXM4-40GB"


def node(*gpus: Optional[Sequence[str]], model: str = A100, last: str = "") -> Dict[str, Any]:
    """A result with these GPUs, each the profiles of its MIG devices, or None without MIG mode."""
    found = {}
    for index, profiles in enumerate(gpus):
        found["GPU-%d" % index] = {
            "index": index,
            "name": last if last and index == len(gpus) - 1 else model,
            "mig": {"current": profiles is not None, "pending": profiles is not None},
            "layout": [{"profile": name, "start": 0, "compute": [name]} for name in profiles or ()],
        }
    return {"gpus": found, "devices": {}}


def told(found: Dict[str, Any], prefix: str) -> Dict[str, str]:
    """Labels of one resource, without that in front."""
    start = "nvidia.com/%s." % prefix
    return {key[len(start) :]: value for key, value in found["labels"].items() if key.startswith(start)}


def test_the_single_strategy_as_documented() -> None:
    """docs/gpu-feature-discovery/README.md of NVIDIA/k8s-device-plugin: 8 GPUs in 7 MIG devices each."""
    found = mig_kubernetes(node(*[["1g.5gb"] * 7] * 8, model="A100-SXM4-40GB"))
    assert found["strategy"] == "single" and not found["reason"]
    assert found["labels"]["nvidia.com/mig.strategy"] == "single"
    assert told(found, "gpu") == {
        "product": "A100-SXM4-40GB-MIG-1g.5gb",
        "count": "56",
        "replicas": "1",
        "sharing-strategy": "none",
        "slices.gi": "1",
        "slices.ci": "1",
    }
    assert found["resources"] == {"nvidia.com/gpu": 56}


def test_the_mixed_strategy_as_seen() -> None:
    """Labels of a node with two A100-PCIE-40GB, one divided; seen with GPU feature discovery of 2021."""
    found = mig_kubernetes(node(None, ["1g.5gb", "2g.10gb"], model="A100-PCIE-40GB"))
    seen = {
        "nvidia.com/gpu.count": "2",
        "nvidia.com/gpu.product": "A100-PCIE-40GB",
        "nvidia.com/mig-1g.5gb.count": "1",
        "nvidia.com/mig-1g.5gb.slices.ci": "1",
        "nvidia.com/mig-1g.5gb.slices.gi": "1",
        "nvidia.com/mig-2g.10gb.count": "1",
        "nvidia.com/mig-2g.10gb.slices.ci": "2",
        "nvidia.com/mig-2g.10gb.slices.gi": "2",
    }
    assert seen.items() <= found["labels"].items()
    assert found["labels"]["nvidia.com/mig-2g.10gb.product"] == "A100-PCIE-40GB-MIG-2g.10gb"
    assert found["strategy"] == "mixed"
    assert found["resources"] == {
        "nvidia.com/gpu": 1,
        "nvidia.com/mig-1g.5gb": 1,
        "nvidia.com/mig-2g.10gb": 1,
    }


BASE = {"product": "NVIDIA-A100-SXM4-40GB", "sharing-strategy": "none"}
INVALID = {
    "product": "NVIDIA-A100-SXM4-40GB-MIG-INVALID",
    "count": "0",
    "replicas": "0",
    "sharing-strategy": "",
    "memory": "0",
}


@pytest.mark.parametrize(
    "gpus, strategy, fitting, labels",
    [
        # The cases of internal/lm/mig-strategy_test.go.
        ([None], "none", "none", {**BASE, "count": "1", "replicas": "1"}),
        ([[]], "none", "mixed", {**BASE, "count": "1", "replicas": "0"}),
        ([[], []], "none", "mixed", {**BASE, "count": "2", "replicas": "0"}),
        ([[], None], "none", "mixed", {**BASE, "count": "2", "replicas": "1"}),
        ([None, None], "single", "none", {**BASE, "count": "2", "replicas": "1"}),
        ([[]], "single", "mixed", INVALID),
        ([["1g.5gb", "3g.20gb"]], "single", "mixed", INVALID),
        ([["1g.5gb"], None], "single", "mixed", INVALID),
        ([["1g.5gb"], None, []], "single", "mixed", INVALID),
        ([None, ["1g.5gb"]], "mixed", "mixed", {**BASE, "count": "2", "replicas": "1"}),
    ],
)
def test_strategies(gpus: Any, strategy: str, fitting: str, labels: Dict[str, str]) -> None:
    assert mig_kubernetes(node(*gpus))["strategy"] == fitting
    found = mig_kubernetes(node(*gpus), strategy=strategy)
    assert told(found, "gpu") == labels
    assert bool(found["reason"]) == (labels is INVALID)
    given = sum(found["resources"].values())
    assert bool(given) == (labels is not INVALID)
    assert found["labels"].get("nvidia.com/mig.strategy") == (None if strategy == "none" else strategy)


def test_names() -> None:
    found = mig_kubernetes(node(["1g.5gb+me", "3g.20gb"]))
    assert found["resources"] == {"nvidia.com/mig-1g.5gb.me": 1, "nvidia.com/mig-3g.20gb": 1}
    assert found["labels"]["nvidia.com/mig-1g.5gb.me.product"].endswith("-MIG-1g.5gb.me")


def test_devices_that_share_an_instance() -> None:
    """rm.go makes resources of profiles with all compute slices only; any other ends the plugin."""
    found = mig_kubernetes(node(["1g.5gb", "1c.3g.20gb", "1c.3g.20gb"]))
    assert found["strategy"] == "mixed" and not found["resources"]
    assert found["reason"].endswith("share a GPU instance: 1c.3g.20gb.")
    shared = told(found, "mig-1c.3g.20gb")
    assert (shared["count"], shared["slices.ci"], shared["slices.gi"]) == ("2", "1", "3")
    alike = mig_kubernetes(node(["1c.3g.20gb"] * 3))
    assert alike["strategy"] == "single" and alike["resources"] == {"nvidia.com/gpu": 3}


def test_several_models() -> None:
    found = mig_kubernetes(node(["1g.5gb"], None, last="Tesla T4"))
    assert not told(found, "gpu") and told(found, "mig-1g.5gb")["count"] == "1"
    assert found["resources"] == {"nvidia.com/gpu": 1, "nvidia.com/mig-1g.5gb": 1}


def test_without_mig_and_without_gpus() -> None:
    without = node(None)
    without["gpus"]["GPU-0"]["mig"] = {"current": None, "pending": None}
    assert mig_kubernetes(without)["labels"]["nvidia.com/mig.capable"] == "false"
    assert mig_kubernetes(node(None))["labels"]["nvidia.com/mig.capable"] == "true"
    empty = {"strategy": "none", "reason": "", "labels": {}, "resources": {}}
    assert mig_kubernetes({"gpus": {}}) == empty


@pytest.mark.parametrize("wrong", [None, [], {}, {"gpus": [1]}, {"gpus": {"a": {}}}])
def test_what_makes_no_sense(wrong: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="pass 'after' of its result"):
        mig_kubernetes(wrong)
    with pytest.raises(AnsibleFilterError, match="write one of none, single, mixed"):
        mig_kubernetes(node(None), strategy="all")
