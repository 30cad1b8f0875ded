# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and bad surroundings: one clear sentence, and a node that is as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from scenario import Fleet


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> Iterator[str]:
    """One bare node for all refusals: each leaves it as it was, or the next assertion fails."""
    fleet.reset("node1")
    fleet.lab("mark", "node1", "bare")
    yield "node1"


def refused(fleet: Fleet, node: str, *parts: str, **options: Any) -> dict[str, Any]:
    """The module fails with a message that has all parts, in check mode and for real, and changes nothing."""
    results = []
    for check in (True, False):
        result = fleet.driver(node, check=check, **options)
        assert result.get("failed"), result
        for part in parts:
            assert part in result["msg"], result["msg"]
        assert "Traceback" not in str(result)
        results.append(result)
    fleet.lab("diff", node, "--since", "bare")
    return results[-1]


WISHES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a branch that is a word": ({"branch": "banana"}, ("branch is 'banana'", "580")),
    "a version without its digits": ({"version": 580.10}, ("580.1", "quote it")),
    "a short version": ({"version": "580"}, ("no driver version", "branch: 580")),
    "two wishes at once": ({"branch": 580, "version": "580.95.05"}, ("Both branch (580) and version",)),
    "no wish": ({}, ("Neither branch nor version",)),
    "a misspelt option": ({"branch": 580, "kernel_modul": "open"}, ("kernel_modul", "kernel_module")),
    "a branch that is not there": ({"branch": 999}, ("999", "570.133.20", "580.95.05")),
    "a version that is not there": ({"version": "570.99.99"}, ("570.99.99", "570.133.20")),
    "a GPU that nobody knows": ({"branch": 580, "gpus": ["voodoo"]}, ("voodoo", "hopper")),
    "a flavour that cannot drive a declared GPU": (
        {"branch": 580, "gpus": ["volta"], "kernel_module": "open"},
        ("open kernel module cannot drive", "Volta", "kernel_module: proprietary"),
    ),
    "a branch that dropped the GPU": ({"branch": 590, "gpus": ["volta"]}, ("no longer drives", "branch 580")),
    "the wrong distribution's source": (
        {"branch": 580, "source": "debian"},
        ("source debian", "use source: nvidia"),
    ),
}


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_that_cannot_be_fulfilled(fleet: Fleet, node: str, name: str) -> None:
    options, parts = WISHES[name]
    refused(fleet, node, *parts, **options)


def test_a_misspelt_role_variable_is_refused_with_the_nearest_name(fleet: Fleet, node: str) -> None:
    run = fleet.site(node, nvidia_driver_brunch=580)
    assert run.rc != 0 and "did you mean nvidia_driver_branch?" in run.output, run.output
    fleet.lab("diff", node, "--since", "bare")


def test_a_role_variable_of_another_type_is_refused_by_the_role_itself(fleet: Fleet, node: str) -> None:
    """site.yml leaves out the task in which Ansible would check it."""
    for playbook in ("playbooks/site.yml", "playbooks/preflight.yml"):
        run = fleet.playbook(playbook, "-l", node, "-e", json.dumps({"gpu_node_check": "perhaps"}))
        assert "Validating arguments" not in run.output
        assert "value of gpu_node_check must be one of: never, changed, always" in run.output, run.output
    assert run.rc != 0


def test_a_wrong_variable_of_all_nodes_is_in_the_table(fleet: Fleet, node: str) -> None:
    wrong = {"nvidia_driver_brunch": 580}
    run = fleet.playbook("playbooks/preflight.yml", "-l", node, "-e", json.dumps(wrong))
    assert run.rc != 0 and f"cannot be converged as they are: {node}" in run.output, run.output
    assert "fatal" not in run.output.partition("TASK [The fleet before")[0], run.output
    assert "did you mean nvidia_driver_branch?" in run.output, run.output


def test_a_mirror_that_is_not_there(fleet: Fleet, node: str) -> None:
    refused(
        fleet,
        node,
        "http://10.220.0.1:9/",
        "cannot be",
        branch=580,
        repository_url="http://10.220.0.1:9/nothing/",
    )


def test_a_key_with_another_fingerprint(fleet: Fleet, node: str) -> None:
    other = "EB693B3035CD5710E231E123A4B469963BF863CC"
    url = "{{ nvidia_driver_repository_url }}{{ nvidia_driver_repository_key_fingerprint[-8:] | lower }}.pub"
    result = refused(fleet, node, other, branch=580, repository_key_fingerprint=other, repository_key_url=url)
    assert "expected" in result["msg"]


def test_a_repository_signed_by_another_key(fleet: Fleet, node: str) -> None:
    broken = "{{ lab_repository_url }}/broken/badsig/compute/cuda/repos/ubuntu2404/x86_64/"
    key = "{{ nvidia_driver_repository_url }}{{ nvidia_driver_repository_key_fingerprint[-8:] | lower }}.pub"
    refused(fleet, node, "broken/badsig", "sign", branch=580, repository_url=broken, repository_key_url=key)


def test_an_index_that_was_cut_off(fleet: Fleet, node: str) -> None:
    broken = "{{ lab_repository_url }}/broken/truncated/compute/cuda/repos/ubuntu2404/x86_64/"
    key = "{{ nvidia_driver_repository_url }}{{ nvidia_driver_repository_key_fingerprint[-8:] | lower }}.pub"
    refused(fleet, node, "broken/truncated", branch=580, repository_url=broken, repository_key_url=key)


def test_a_full_disk_is_seen_before_the_first_step(fleet: Fleet) -> None:
    fleet.reset("node1")
    fleet.sh("node1", "mkdir -p /var/lib/dkms && mount -t tmpfs -o size=16m tmpfs /var/lib/dkms")
    fleet.lab("mark", "node1", "bare")
    result = refused(fleet, "node1", "Not enough free space", "/var/lib/dkms", branch=580)
    assert "16 MiB" in result["msg"], result["msg"]
    fleet.sh("node1", "umount /var/lib/dkms")
    assert not fleet.driver("node1", branch=580).get("failed")
