# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver, toolkits and cuDNN in one run: planned together, refused together, shared steps done once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scenario import MIRROR, Fleet

Result = dict[str, Any]
SOURCE = "/etc/apt/sources.list.d/labfleet-gpu-nvidia.sources"


def stack(fleet: Fleet, node: str, check: bool = False, **components: Any) -> Result:
    """The result of one gpu_stack task against the lab's mirror."""
    options = {name: {**MIRROR, **wish} for name, wish in components.items()}
    return fleet.task(node, {"labfleet.gpu.gpu_stack": options}, check)


def held(fleet: Fleet, node: str, **components: Any) -> Result:
    """The result of a run that did what check mode foretold, and after which the same again does nothing."""
    fleet.lab("mark", node, "stack")
    foretold = stack(fleet, node, check=True, **components)
    fleet.lab("diff", node, "--since", "stack")
    done = stack(fleet, node, **components)
    assert not done.get("failed"), done.get("msg")
    assert done["changed"] and foretold["steps"] == done["steps"], (foretold["steps"], done["steps"])
    assert foretold["reboot_reasons"] == done["reboot_reasons"]
    requests = fleet.requests()
    again = stack(fleet, node, **components)
    assert not again["changed"] and again["steps"] == [], again["steps"]
    assert fleet.requests() == requests, "a run that changes nothing asks no server"
    return done


def toolkits(result: Result) -> list[str]:
    return sorted(each["version"] for each in result["components"]["cuda"]["after"]["toolkits"].values())


def test_a_bare_node_gets_both_and_each_shared_step_once(fleet: Fleet, ubuntu: str) -> None:
    whole: dict[str, Any] = {
        "driver": {"branch": 580},
        "cuda": {"versions": ["12.8", "13.0"], "default": "12.8"},
        "cudnn": {"version": "9", "cuda": "12"},
    }
    done = held(fleet, ubuntu, **whole)
    phases = Counter(step["phase"] for step in done["steps"])
    assert phases["index"] == 1 and phases["packages"] == 3, done["steps"]
    written = [step["what"] for step in done["steps"] if step["phase"] == "source"]
    assert len(written) == len(set(written)), written
    assert [step["component"] for step in done["steps"]] == sorted(
        (step["component"] for step in done["steps"]), key=list(whole).index
    )
    assert toolkits(done) == ["12.8.1", "13.0.2"]
    assert len(fleet.sh(ubuntu, "nvidia-smi -L").splitlines()) == 8
    assert "release 12.8" in fleet.sh(ubuntu, "bash -lc 'nvcc --version'")

    # The driver goes, the toolkits stay, and so does the source from which they have their updates.
    gone = held(fleet, ubuntu, driver={"state": "absent"}, cuda={"versions": ["12.8", "13.0"]})
    assert {step["component"] for step in gone["steps"]} == {"driver"}
    fleet.sh(ubuntu, f"test -e {SOURCE}")
    assert "release 12.8" in fleet.sh(ubuntu, "bash -lc 'nvcc --version'")


def test_what_one_refuses_none_does_and_a_newer_driver_of_the_same_run_counts(fleet: Fleet) -> None:
    node = "node1"
    fleet.reset(node, "rtx-4090")
    fleet.lab("mark", node, "bare")
    refused = stack(fleet, node, driver={"branch": 570}, cuda={"versions": ["13.0"]})
    assert refused["failed"] and "The driver is too old for this CUDA" in refused["msg"], refused["msg"]
    assert "570." in refused["msg"], "the driver that would be there"
    assert {blocker["component"] for blocker in refused["blockers"]} == {"cuda"}
    fleet.lab("diff", node, "--since", "bare")

    assert not stack(fleet, node, driver={"branch": 570}).get("failed")
    done = held(fleet, node, driver={"branch": 580}, cuda={"versions": ["13.0"]})
    assert {step["component"] for step in done["steps"]} == {"driver", "cuda"}
    assert done["reboot_required"] and toolkits(done) == ["13.0.2"]


def test_ubuntus_driver_beside_nvidias_toolkits(fleet: Fleet) -> None:
    """The toolkits bring NVIDIA's repository, which has drivers of the same names: never mixed in."""
    ubuntu = "node1"
    fleet.reset(ubuntu, "rtx-4090")
    driver = {"branch": 580, "source": "ubuntu"}
    done = held(fleet, ubuntu, driver=driver, cuda={"versions": ["12.8"]})
    assert done["components"]["driver"]["after"]["source"] == "ubuntu"
    policy = fleet.sh(ubuntu, "apt-get -qq update; apt-get -s dist-upgrade | grep -c '^Inst.*nvidia' || true")
    assert policy == "0", "an upgrade by hand would not take NVIDIA's driver"


def test_two_mirrors_for_one_source_are_refused(fleet: Fleet, ubuntu: str) -> None:
    other = "{{ nvidia_driver_repository_url | regex_replace('/x86_64', '//x86_64') }}"
    wish = {"versions": ["12.8"], "repository_url": other}
    said = stack(fleet, ubuntu, driver={"branch": 580}, cuda=wish)
    assert said["failed"] and not said["changed"]
    assert f"ask for different content of one file ({SOURCE})" in said["msg"], said["msg"]


def test_site_holds_the_stack_and_a_second_run_changes_nothing(fleet: Fleet, ubuntu: str) -> None:
    wish = {
        "nvidia_driver_branch": 580,
        "cuda_toolkit_versions": ["12.8"],
        "cudnn_version": "9",
        "gpu_node_reboot_allowed": True,
    }
    first = fleet.site(ubuntu, **wish)
    assert first.rc == 0 and first.recap[ubuntu]["changed"] == 1, first.output
    assert "release 12.8" in fleet.sh(ubuntu, "bash -lc 'nvcc --version'")
    assert "libcudnn.so.9" in fleet.sh(ubuntu, "ldconfig -p")
    second = fleet.site(ubuntu, **wish)
    assert second.recap[ubuntu]["changed"] == 0 and second.recap[ubuntu]["ok"] == 1, second.output
    # What a look says is what the whole modules say, each by itself.
    options: dict[str, Result] = {
        "driver": {"branch": 580},
        "cuda": {"versions": ["12.8"]},
        "cudnn": {"version": "9"},
    }
    looked = fleet.task(ubuntu, {"labfleet.gpu.gpu_stack": options})
    for name, module in (("driver", "nvidia_driver"), ("cuda", "cuda_toolkit"), ("cudnn", "cudnn")):
        whole = fleet.task(ubuntu, {"labfleet.gpu." + module: options[name]})
        report = looked["components"][name]
        assert report == {key: whole[key] for key in report}, name
        assert looked["msg"] == whole["msg"] == "Nothing to change."
