# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options become requests, and requests find their GPUs."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.mig_boards import BOARDS, board_of
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_of
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.options import of_config, of_options
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import solve
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import Gpu
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.targets import assign
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.wish import resolve
from ansible_collections.labfleet.gpu.plugins.module_utils._targets import Known, is_model
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

UUID = "GPU-6f5d3e2a-8a0b-4c1e-9d57-2f1d0a3b4c5d"
NODE = (
    Known(0, UUID, "0000:07:00.0", "NVIDIA A100-SXM4-40GB", 0x20B0),
    Known(1, "GPU-1", "0000:3b:00.0", "NVIDIA A30", 0x20B7),
    Known(2, "GPU-2", "0001:3b:00.0", "NVIDIA A30", 0x20B7),
    Known(3, "GPU-3", "0000:86:00.0", "Tesla T4", 0x1EB8, mig_capable=False),
)
CONFIG = "version: v1\nmig-configs:\n"


def chosen(**options: Any) -> Dict[int, Any]:
    """GPU index to what it shall have: False (MIG off), None (as it is), or its profiles."""
    found = {}
    for gpu, request in assign(of_options(options), NODE):
        names = None if request.instances is None else [each.profile for each in request.instances]
        found[gpu.index] = names if request.mig else False
    return found


@pytest.mark.parametrize(
    "options, found",
    [
        ({"instances": {"1g.5gb": 1}}, {0: ["1g.5gb"], 1: ["1g.5gb"], 2: ["1g.5gb"]}),
        ({"instances": []}, {0: [], 1: [], 2: []}),
        ({"mig": True}, {0: None, 1: None, 2: None}),
        ({"mig": False, "gpus": [1]}, {1: False}),
        ({"mig": False, "gpus": 3}, {3: False}),
        ({"mig": False, "instances": []}, {0: False, 1: False, 2: False}),
        ({"instances": ["1g.6gb"], "gpus": ["1"]}, {1: ["1g.6gb"]}),
        ({"instances": ["14"], "gpu_model": "A30"}, {1: ["14"], 2: ["14"]}),
        ({"layout": [{"gpus": [0, UUID, "0000:07:00.0", "07:00.0"], "instances": []}]}, {0: []}),
        (
            {"layout": [{"gpus": ["0001:3B:00.0"], "mig": False}, {"gpus": [1], "mig": True}]},
            {1: None, 2: False},
        ),
        ({"layout": [{"gpus": ["00000000:3b:00.0"], "instances": ["1g.6gb"]}]}, {1: ["1g.6gb"]}),
        ({"layout": [{"gpus": [0, 1], "gpu_model": "a30", "mig": False}]}, {1: False}),
        ({"layout": []}, {}),
        ({"config": "/etc/x", "label": "y"}, {}),
    ],
)
def test_options(options: Any, found: Any) -> None:
    assert chosen(**options) == found


@pytest.mark.parametrize(
    "options, said",
    [
        ({"layout": [], "instances": []}, "layout and instances exclude each other"),
        ({"layout": [], "config": "x", "label": "y"}, "layout and config exclude each other"),
        ({"config": "x"}, "config and label belong together"),
        ({"instances": [], "label": "x"}, "config and label belong together"),
        ({"layout": [], "gpus": [1]}, "gpus cannot be beside layout"),
        ({"config": "x", "label": "y", "mig": True}, "mig cannot be beside config"),
        ({}, "The task says nothing"),
        ({"gpus": [0]}, "The task says nothing"),
        ({"layout": {"gpus": [0]}}, "layout is no list"),
        ({"layout": ["1g.5gb"]}, "layout[0] is '1g.5gb': write a mapping"),
        ({"layout": [{"gpus": [0]}]}, "layout[0] says nothing"),
        ({"layout": [{"gpu": [0], "mig": True}]}, "layout[0] has the unknown key gpu"),
        ({"layout": [{"mig": "maybe"}]}, "layout[0].mig is 'maybe': write true or false."),
        ({"layout": [{"mig": False, "instances": ["1g.5gb"]}]}, "exclude each other"),
        ({"layout": [{"mig": True, "gpus": []}]}, "layout[0].gpus is empty"),
        ({"mig": True, "gpus": [600.0]}, "gpus[0] is the unquoted number 600.0"),
        ({"mig": True, "gpus": ["first"]}, "gpus[0] is 'first': write an index"),
        ({"mig": True, "gpus": [-1]}, "gpus[0] is '-1'"),
        (
            {"mig": True, "gpus": [7]},
            "There is no GPU 7 on this node, which has 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0)",
        ),
        (
            {"mig": True, "gpus": ["gpu-00000000-0000-4000-8000-0000000000FF"]},
            "There is no GPU GPU-00000000-0000-4000-8000-0000000000ff on this node",
        ),
        (
            {"mig": True, "gpu_model": "H100"},
            "is for a GPU model 'H100', and this node has NVIDIA A100-SXM4-40GB, ",
        ),
        (
            {"layout": [{"gpus": [1], "mig": True}, {"gpu_model": "A30", "mig": False}]},
            "layout[0] and layout[1] are both for GPU 1 (NVIDIA A30, 0000:3b:00.0)",
        ),
        (
            {"instances": ["14"]},
            "names a profile by its id, which is not the same on NVIDIA A100-SXM4-40GB and",
        ),
    ],
)
def test_nonsense(options: Any, said: str) -> None:
    with pytest.raises(BadWish) as error:
        chosen(**options)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "wanted, name, same",
    [
        ("A30", "NVIDIA A30", True),
        ("A30", "NVIDIA A30X", False),
        ("a100", "NVIDIA A100-SXM4-40GB", True),
        ("A100 40GB", "NVIDIA A100-SXM4-40GB", True),
        ("A100 80GB", "NVIDIA A100-SXM4-40GB", False),
        ("NVIDIA A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB", True),
        ("RTX PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Server Edition", True),
        ("6000 PRO", "NVIDIA RTX PRO 6000 Blackwell Server Edition", False),
    ],
)
def test_models(wanted: str, name: str, same: bool) -> None:
    assert is_model(wanted, name) is same


def labelled(body: str, label: str = "mine") -> Dict[int, Any]:
    found = {}
    for gpu, request in assign(of_config("/etc/config.yaml", body, label), NODE):
        found[gpu.index] = [each.profile for each in request.instances or ()] if request.mig else False
    return found


def test_labels() -> None:
    body = CONFIG + (
        "  mine:\n"
        '    - device-filter: ["0x20B010DE", "0x20B110DE"]\n'
        "      devices: all\n"
        "      mig-enabled: true\n"
        '      mig-devices: {"3g.20gb": 2}\n'
        "    - devices: [1]\n"
        "      mig-enabled: false\n"
        '    - device-filter: "0x20B710DE"\n'
        "      devices: [2, 3]\n"
        "      mig-enabled: true\n"
        "      mig-devices: {}\n"
        "  other:\n"
        "    - devices: all\n"
        "      mig-enabled: false\n"
    )
    assert labelled(body) == {0: ["3g.20gb", "3g.20gb"], 1: False, 2: []}
    assert labelled(body, "other") == {0: False, 1: False, 2: False}


@pytest.mark.parametrize(
    "body, said",
    [
        (
            "version: v2\n",
            "/etc/config.yaml is no configuration of mig-parted: it does not say 'version: v1'.",
        ),
        ("version: v1\n", "/etc/config.yaml has no mig-configs."),
        ("version: |\n", "/etc/config.yaml cannot be read. Line 1 has more of YAML"),
        (CONFIG + "  his: []\n", "has no label 'mine': it has his."),
        (CONFIG + "  mine: []\n", "mine of /etc/config.yaml is no list of devices."),
        (CONFIG + "  mine: [x]\n", "mine[0] of /etc/config.yaml is no mapping."),
        (CONFIG + "  mine:\n  - {devices: all}\n", "lacks mig-enabled: true or false."),
        (CONFIG + "  mine:\n  - {devices: all, mig-enabled: true}\n", "lacks mig-devices"),
        (
            CONFIG + "  mine:\n  - {devices: all, mig-enabled: false, mig-devices: {a: 1}}\n",
            "although mig-enabled",
        ),
        (CONFIG + "  mine:\n  - {devices: [true], mig-enabled: false}\n", "has no devices: all, or a list"),
        (CONFIG + "  mine:\n  - {devices: some, mig-enabled: false}\n", "has no devices: all, or a list"),
        (
            CONFIG + "  mine:\n  - {device-filter: 20B0, devices: all, mig-enabled: false}\n",
            "device-filter '20B0'",
        ),
        (CONFIG + "  mine:\n  - {devices: all, mig-enabled: false, gpus: 1}\n", "has the unknown key gpus"),
        (
            CONFIG + "  mine:\n  - {devices: all, mig-enabled: true, mig-devices: {}}\n"
            "  - {devices: [0], mig-enabled: false}\n",
            "mine[0] of /etc/config.yaml and mine[1] of /etc/config.yaml are both for GPU 0",
        ),
    ],
)
def test_bad_configurations(body: str, said: str) -> None:
    with pytest.raises(BadWish) as error:
        labelled(body)
    assert said in str(error.value)


LABELS: Dict[str, List[Any]] = json.loads(text("mig_labels.json"))["labels"]


@pytest.mark.parametrize("label", sorted(LABELS))
def test_labels_that_users_have(label: str) -> None:
    """Each can be had on the boards that it is for: those of its filter, or one at least."""
    specs = "".join(
        "    - devices: all\n      mig-enabled: %s\n      device-filter: %s\n      mig-devices: %s\n"
        % (
            json.dumps(profiles is not None),
            json.dumps(["0x%s10DE" % each for each in ids or []]),
            json.dumps(profiles),
        )
        for ids, profiles in LABELS[label]
    )
    had = []
    for request in of_config("x", CONFIG + "  %s:\n%s" % (label, specs), label):
        boards = [board_of(device) for device in request.devices] if request.devices else BOARDS
        for board in boards:
            if board is None or not board.family:
                continue
            profiles = profiles_of(board)
            try:
                wanted = resolve(request.instances or (), profiles)
            except ValueError:
                if request.devices:
                    raise
                continue
            try:
                had.append(solve(Gpu(profiles), wanted))
            except ValueError:
                if request.devices:
                    raise
    assert had
