# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password in a repository's address is in nothing that a module says, nor where it fails at once."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any, Dict

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import PASS_VARS
from ansible.module_utils.testing import patch_module_args
from ansible_collections.labfleet.gpu.plugins.modules import (
    conda_gpu_env,
    container_toolkit,
    cuda_toolkit,
    cudnn,
    gpu_stack,
    gpu_stack_at_rest,
    nvidia_driver,
)

ADDRESS = "http://mirror:hunter22@packages.example/cuda"


@pytest.mark.parametrize(
    "module, options",
    [
        (nvidia_driver, {"branch": "none such", "repository_url": ADDRESS}),
        (cuda_toolkit, {"versions": ["none such"], "repository_url": ADDRESS}),
        (cudnn, {"version": "none such", "repository_url": ADDRESS}),
        (container_toolkit, {"version": "none such", "repository_url": ADDRESS}),
        (gpu_stack, {"cudnn": {"version": "none such", "repository_url": ADDRESS}}),
    ],
    ids=lambda each: each.__name__.rpartition(".")[2] if isinstance(each, ModuleType) else "",
)
def test_no_password_is_said(
    module: Any, options: Dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    if "inject_invocation" in PASS_VARS:  # from ansible-core 2.20 on only where it is asked for
        options = {**options, "_ansible_inject_invocation": True}
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    said = json.loads(capsys.readouterr().out)
    assert said["failed"] and "none such" in said["msg"]
    assert "packages.example" in json.dumps(said["invocation"]), "the rest of the address stays"
    assert "hunter22" not in json.dumps(said)


@pytest.mark.parametrize(
    "module, options",
    [
        (nvidia_driver, {"branch": 580, "hold": "perhaps", "repository_url": ADDRESS}),
        (cuda_toolkit, {"versions": ["12.8"], "vresions": ["12.8"], "repository_url": ADDRESS}),
        (cudnn, {"version": "9", "components": "some", "repository_url": ADDRESS}),
        (container_toolkit, {"state": "perhaps", "repository_url": ADDRESS}),
        (gpu_stack, {"cudnn": {"version": "9", "update": "perhaps", "repository_url": ADDRESS}}),
        (conda_gpu_env, {"name": "train", "state": "perhaps", "channels": [ADDRESS]}),
        (gpu_stack_at_rest, {"asked": {"cudnn": {"repository_url": ADDRESS}}, "surces": "x"}),
    ],
    ids=lambda each: each.__name__.rpartition(".")[2] if isinstance(each, ModuleType) else "",
)
def test_nor_where_the_options_are_not_even_options(
    module: Any, options: Dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "inject_invocation" in PASS_VARS:
        options = {**options, "_ansible_inject_invocation": True}
    logged = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, msg, **_more: logged.append(msg))
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    said = json.loads(capsys.readouterr().out)
    assert said["failed"] and "packages.example" in json.dumps(said["invocation"])
    assert "hunter22" not in json.dumps(said) and "hunter22" not in str(logged)


def test_the_log_of_the_node_has_no_options_of_a_module_with_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, msg, **_more: logged.append(msg))
    token = "https://packages.example/t/hunter22/cuda"
    with patch_module_args({"branch": "none such", "repository_url": token}), pytest.raises(SystemExit):
        nvidia_driver.main()
    assert "hunter22" not in str(logged)
