# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for a node from plain data: who must leave and comes back, what is brought, what waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import User
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.module_wish import MigWish
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.node import MigState, NodeGpu, in_use
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.options import of_options
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import (
    ComputeInstance,
    Gpu,
    GpuInstance,
    Placement,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Client
from ansible_collections.labfleet.gpu.plugins.module_utils._targets import Known

HOST = Host("ubuntu", "24.04", "noble", "Ubuntu 24.04", "x86_64", "6.8.0")
PROFILES = profiles_named("a100-40gb")
KNOWN = Known(0, "GPU-0", "0000:07:00.0", "NVIDIA A100-SXM4-40GB", 0x20B0)
WHOLE = GpuInstance(0, Placement(0, 8), (ComputeInstance(4, Placement(0, 7), id=0),), id=0)
SERVING = User(Client(10, "serve", "triton"), "triton.service", instances=((0, 0),))
TRAINING = User(Client(11, "alice", "python3"), instances=((0, 0),))
PERSISTENCE = User(Client(12, "root", "nvidia-persiste"), "nvidia-persistenced.service", daemon=True)


def node(mode: bool, *users: User, **state: Any) -> MigState:
    """One A100, in MIG mode one instance of all of it."""
    gpu = in_use(Gpu(PROFILES, (WHOLE,) if mode else ()), users)
    seen = NodeGpu(KNOWN, gpu, mode, mode, users)
    return replace(MigState(HOST, (seen,), "580.95.05", tools="/opt/labfleet-gpu/python3.8"), **state)


def wish(consent: bool = False, **options: Any) -> MigWish:
    return MigWish(of_options(options), consent)


def told(state: MigState, wanted: MigWish) -> List[Tuple[str, str]]:
    found = plan(state, wanted, {})
    assert not found.blockers, found.blockers
    return [(step.action, step.what) for step in found.steps]


def test_daemons_make_way_for_a_switch_without_consent() -> None:
    watching = User(Client(14, "root", "nv-hostengine"), "nvidia-dcgm.service", daemon=True)
    steps = told(node(False, PERSISTENCE, watching), wish(instances=["7g.40gb"]))
    assert steps[0] == ("stop-gpu-services", "stop nvidia-dcgm.service")
    assert steps[1][0] == "set-mig-mode"
    assert steps[-1] == ("start-gpu-services", "start nvidia-dcgm.service")


def test_the_persistence_daemon_and_fabric_manager_stay() -> None:
    """Idle GPUs would forget their settings without one, and all work of the node end without the other."""
    fabric = User(Client(13, "root", "nv-fabricmanage"), "nvidia-fabricmanager.service", daemon=True)
    for consent in (False, True):
        steps = told(node(False, PERSISTENCE, fabric), wish(consent, instances=["7g.40gb"]))
        assert steps[0][0] == "set-mig-mode" and "services" not in str(steps)
        assert not plan(node(False, PERSISTENCE, fabric), wish(consent, instances=["7g.40gb"]), {}).warnings


def test_a_wish_for_gpus_with_mig_where_there_are_none_is_told() -> None:
    plain = NodeGpu(replace(KNOWN, name="Tesla T4", device=0x1EB8, mig_capable=False), Gpu(()))
    found = plan(node(False, gpus=(plain,)), wish(instances=["7g.40gb"]), {})
    assert not found.blockers and not found.steps
    assert found.warnings == (
        "The MIG layout is for no GPU of this node, which has 0 (Tesla T4, 0000:07:00.0): nothing is done.",
    )
    assert not plan(node(False, gpus=(plain,)), wish(mig=False), {}).warnings, "which it is"


def test_a_gpu_that_is_named_and_does_not_answer_is_told() -> None:
    state = node(False, silent=("GPU 1: GPU is lost",))
    (blocker,) = plan(state, wish(gpus=[1], instances=["7g.40gb"]), {}).blockers
    assert "There is no GPU 1" in blocker.what and blocker.which == "GPU 1: GPU is lost"


def test_a_daemon_on_an_instance_that_goes_is_away_for_it_without_consent() -> None:
    watching = User(Client(14, "root", "nv-hostengine"), "nvidia-dcgm.service", True, instances=((0, 0),))
    for wanted in (wish(mig=False), wish(instances=["3g.20gb"])):
        steps = told(node(True, watching), wanted)
        assert steps[0] == ("stop-gpu-services", "stop nvidia-dcgm.service")
        assert steps[-1] == ("start-gpu-services", "start nvidia-dcgm.service")
    assert not told(node(True, watching), wish(instances=["7g.40gb"])), "it watches on"
    (blocker,) = plan(node(True, replace(watching, unit=None)), wish(instances=["3g.20gb"]), {}).blockers
    assert "14 (root, nv-hostengine)" in blocker.which, "nobody could start it again"


def test_a_layout_leaves_daemons_alone() -> None:
    steps = told(node(True, PERSISTENCE), wish(instances=["3g.20gb"]))
    assert steps == [
        ("destroy_compute_instance", "GPU 0: destroy compute instances: 7g.40gb at 0"),
        ("destroy_gpu_instance", "GPU 0: destroy GPU instances: 7g.40gb at 0"),
        ("create_gpu_instance", "GPU 0: create GPU instances: 3g.20gb at 4"),
        ("create_compute_instance", "GPU 0: create compute instances: 3g.20gb at 4"),
    ]


def test_by_consent_services_stop_and_start_and_processes_end() -> None:
    state = node(True, SERVING, TRAINING)
    (blocker,) = plan(state, wish(instances=["3g.20gb"]), {}).blockers
    assert "10 (serve, triton); 11 (alice, python3)" in blocker.which
    steps = told(state, wish(consent=True, instances=["3g.20gb"]))
    assert [step for step in steps if "instance" not in step[0]] == [
        ("stop-gpu-services", "stop triton.service"),
        ("end-gpu-work", "end 11 (alice, python3)"),
        ("start-gpu-services", "start triton.service"),
    ]


def test_a_daemon_in_a_container_is_not_ended() -> None:
    loose = replace(PERSISTENCE, unit=None)
    assert told(node(False, loose), wish(instances=["7g.40gb"]))[0][0] == "set-mig-mode"


def test_what_a_cut_off_run_stopped_starts_again() -> None:
    steps = told(node(True, stopped=("triton.service",)), wish(instances=["7g.40gb"]))
    assert steps == [("start-gpu-services", "start triton.service")]


def test_work_on_what_stays_is_in_nobodys_way() -> None:
    assert told(node(True, SERVING, TRAINING), wish(instances=["7g.40gb"])) == []
    assert told(node(True, SERVING, TRAINING), wish(mig=True)) == []


def test_without_nvidia_ml_py() -> None:
    lacking = node(False, binding="the Python module pynvml is not installed: install it")
    found = plan(lacking, wish(instances=["7g.40gb"]), {})
    assert [str(each) for each in found.needs] == [
        "NVML cannot be asked: the Python module pynvml is not installed (Python on this node): "
        "install nvidia-ml-py beside Ansible on the controller, which then brings it, or on the node"
    ]
    offered = replace(lacking, offered="/tmp/x/pynvml.py")
    found = plan(offered, wish(instances=["7g.40gb"]), {})
    assert found.replan and not found.needs and not found.promise
    assert [(step.action, step.what) for step in found.steps] == [
        ("bring-pynvml", "put nvidia-ml-py into /opt/labfleet-gpu/python3.8")
    ]
    assert [each["profile"] for each in found.foretold()["gpus"]["GPU-0"]["layout"]] == ["7g.40gb"]


def test_without_a_driver_nothing_is_brought() -> None:
    bare = replace(node(False, binding="none", offered="/tmp/x/pynvml.py"), driver=None)
    found = plan(bare, wish(instances=["7g.40gb"]), {})
    assert [str(each) for each in found.needs] == [
        "NVML cannot be asked (no driver): have a driver installed and loaded (nvidia_driver does that)"
    ]
    assert [step.action for step in found.steps][:2] == ["bring-pynvml", "set-mig-mode"] and not found.replan


def test_a_gpu_that_waits_for_a_reset_is_not_tried_again() -> None:
    (seen,) = node(False).gpus
    waiting = replace(node(False), gpus=(replace(seen, pending=True, reset_refused="in use."),))
    found = plan(waiting, wish(instances=["7g.40gb"]), {})
    assert not found.steps
    assert found.reboot_reasons == (
        "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0) waits for a reset to switch MIG mode on: in use.",
    )
    untried = replace(waiting, gpus=(replace(seen, pending=True),))
    assert told(untried, wish(instances=["7g.40gb"]))[0] == ("set-mig-mode", "GPU 0: switch MIG mode on")
    assert told(waiting, wish(mig=False)) == [
        ("set-mig-mode", "GPU 0: take back the pending change of MIG mode")
    ]


@pytest.mark.parametrize("mig", [True, False])
def test_a_gpu_without_mig(mig: bool) -> None:
    seen = NodeGpu(replace(KNOWN, device=0x1EB8, name="Tesla T4", mig_capable=False), Gpu(()))
    state = MigState(HOST, (seen,), "580.95.05")
    found = plan(state, wish(gpus=[0], mig=mig), {})
    assert not found.steps
    assert [blocker.what for blocker in found.blockers] == (["This GPU has no MIG"] if mig else [])
