# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner on every state and wish of a GPU that is small enough to try them all."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import PERSISTENCED, Dependent, User
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Client
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.node import (
    GpuState,
    Power,
    Service,
    SettingsState,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import (
    BOARDS_OWN,
    FREE,
    Request,
    Settings,
    SettingsWish,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._targets import Known

HOST = Host("ubuntu", "24.04", "noble", "Ubuntu 24.04", "x86_64", "6.8.0")
WORK = User(Client(4711, "alice", "python3"))
DAEMON = User(Client(99, "root", "nv-hostengine"), "nvidia-dcgm.service", daemon=True)
POWER = Power(400000, 400000, 100000, 400000)


def gpu(index: int = 0, **changes: Any) -> GpuState:
    known = Known(index, "GPU-%d" % index, "0000:0%d:00.0" % index, "NVIDIA A100-SXM4-40GB", 0x20B0)
    usual = GpuState(
        known,
        mig=False,
        persistence=True,
        ecc=(True, True),
        compute_mode="default",
        power=POWER,
        gpu_clocks=FREE,
        memory_clocks=FREE,
        gpu_range=(210, 1410),
        memory_range=(1215, 1215),
    )
    return replace(usual, **changes)


def node(*gpus: GpuState, **changes: Any) -> SettingsState:
    return replace(SettingsState(HOST, gpus, driver="580.95.05"), **changes)


def wish(consent: bool = False, gpus: Optional[Tuple[str, ...]] = None, **settings: Any) -> SettingsWish:
    return SettingsWish((Request("gpu_settings", gpus=gpus, settings=Settings(**settings)),), consent)


def after(state: SettingsState, found: Plan) -> SettingsState:
    """The node as the plan foretells it, in so far as it tells."""
    told: Dict[str, Any] = found.foretold()
    gpus = []
    for seen in state.gpus:
        now = told["gpus"][seen.key]
        gpus.append(
            replace(
                seen,
                persistence=now["persistence"],
                ecc=None if now["ecc"] is None else (now["ecc"]["current"], now["ecc"]["pending"]),
                compute_mode=now["compute_mode"],
                power=None
                if seen.power is None
                else replace(seen.power, limit=int(now["power_limit"] * 1000)),
                gpu_clocks=_clocks(now["gpu_clocks"]),
                memory_clocks=_clocks(now["memory_clocks"]),
            )
        )
    daemon = told["persistenced"]
    unit_file = state.service.unit_file
    if unit_file in ("enabled", "disabled"):
        unit_file = "enabled" if daemon["enabled"] else "disabled"
    service = replace(state.service, active=daemon["active"], unit_file=unit_file)
    return replace(state, gpus=tuple(gpus), service=service, stopped=())


def _clocks(value: Any) -> Any:
    return FREE if value == "unlocked" else None if value is None else tuple(value)


#: Who uses the GPU, and whether it is in MIG mode.
_USES = (((), False), ((WORK,), False), ((DAEMON,), False), ((), True))
STATES: List[Dict[str, Any]] = [
    {
        "persistence": persistence,
        "ecc": ecc,
        "compute_mode": mode,
        "gpu_clocks": clocks,
        "users": users,
        "mig": mig,
    }
    for persistence, ecc, mode, clocks, (users, mig) in product(
        (True, False),
        (None, (True, True), (True, False)),
        ("default", "prohibited"),
        (None, FREE, (900, 1200)),
        _USES,
    )
]
_VALUES: Dict[str, Tuple[Any, ...]] = {
    "persistence": (None, True, False),
    "ecc": (None, True, False),
    "compute_mode": (None, "default", "prohibited"),
    "gpu_clocks": (None, FREE, (900, 1200)),
}
WISHES: List[Dict[str, Any]] = [
    {name: value for name, value in zip(_VALUES, values) if value is not None}
    for values in product(*_VALUES.values())
][1:]
#: With the service for all there is one GPU, which is all of them.
NODES = (
    (Service(), (gpu(1),)),
    (Service(True, "disabled", False), ()),
    (Service(True, "enabled", True), ()),
    (Service(True, "static", True, covers=False), ()),
)


def cases() -> Iterator[Tuple[SettingsState, Dict[str, Any], bool, Plan]]:
    for state, wished, (service, others) in product(STATES, WISHES, NODES):
        for consent in (False, True) if state["users"] == (WORK,) else (False,):
            seen = node(gpu(**state), *others, service=service)
            yield seen, wished, consent, plan(seen, wish(consent, ("0",), **wished), {})


def test_every_small_case() -> None:
    """What is refused has no steps; what is planned comes true, touches what is named, and then rests."""
    refused = planned = 0
    for state, wished, consent, found in cases():
        case = (state.gpus[0], state.service, wished, consent)
        if found.blockers:
            refused += 1
            assert not found.steps and all(each.next for each in found.blockers), case
            continue
        planned += 1
        told, was = found.foretold()["gpus"], summary(state)["gpus"]
        assert told.get("GPU-1") == was.get("GPU-1"), case
        _as_wished(state.gpus[0], wished, told["GPU-0"], case)
        _work_stays(state.gpus[0], consent, found, case)
        then = after(state, found)
        again = plan(then, wish(consent, ("0",), **wished), {})
        if not found.reboot_reasons:
            assert not again.steps and not again.blockers and not again.warnings, (case, again)
        if not found.steps:
            assert told["GPU-0"] == was["GPU-0"], case
    assert refused > 1000 and planned > 1000, (refused, planned)


def _as_wished(seen: GpuState, wished: Dict[str, Any], told: Dict[str, Any], case: object) -> None:
    for name in ("persistence", "compute_mode"):
        if name in wished:
            assert told[name] == wished[name], case
    if "gpu_clocks" in wished:
        assert told["gpu_clocks"] == (list(wished["gpu_clocks"]) or "unlocked"), case
    if "ecc" in wished and seen.ecc is not None:
        assert told["ecc"]["pending"] is wished["ecc"], case
        assert told["ecc"]["current"] is (seen.ecc[0] if seen.mig else wished["ecc"]), case
    elif seen.ecc is not None:
        assert told["ecc"] == {"current": seen.ecc[0], "pending": seen.ecc[1]}, case


def _work_stays(seen: GpuState, consent: bool, found: Plan, case: object) -> None:
    actions = [step.action for step in found.steps]
    if WORK in seen.users and not consent:
        assert "reset-gpus" not in actions and "end-gpu-work" not in actions, case
    if "reset-gpus" in actions:
        assert not seen.mig, case
        assert ("end-gpu-work" in actions) == (WORK in seen.users), case
        assert ("stop-gpu-services" in actions) == ("start-gpu-services" in actions), case


def steps(found: Plan) -> List[str]:
    return [step.what for step in found.steps]


@pytest.mark.parametrize("lost", [True, False])
def test_what_a_reset_takes_is_put_back(lost: bool) -> None:
    """Only what was other than after a reset, and only where it is known."""
    power = replace(POWER, limit=300000) if lost else POWER
    mode, clocks = ("prohibited", (900, 1200)) if lost else ("default", None)
    state = node(gpu(compute_mode=mode, power=power, gpu_clocks=clocks, persistence=lost))
    found = plan(state, wish(ecc=False), {})
    assert steps(found)[:2] == ["GPU 0: set ECC off from the next reset on", "reset GPU 0"]
    back = "GPU 0: set persistence on (NVML's legacy mode), compute mode prohibited, power limit 300 W, "
    assert steps(found)[2:] == ([back + "GPU clocks 900 to 1200 MHz"] if lost else [])


def test_a_gpu_without_persistence_may_be_found_otherwise() -> None:
    """What uses such a GPU for a moment, as monitoring does, makes its locks unknown: no broken promise."""
    plain = gpu(1, persistence=False, gpu_clocks=None)
    state = node(gpu(), plain)
    found = plan(state, wish(gpus=("0",), power_limit=300000), {})
    busy = replace(state, gpus=(state.gpus[0], replace(plain, users=(WORK,))))
    foretold = found.foretold()["gpus"]["GPU-1"]
    assert summary(busy)["gpus"]["GPU-1"] != foretold == summary(state)["gpus"]["GPU-1"]
    assert not found.promised()


def test_daemons_are_away_for_a_reset_but_those_that_it_needs() -> None:
    """The persistence daemon stays, which keeps the settings of other GPUs."""
    users = (DAEMON, User(Client(98, "root", "nvidia-persiste"), PERSISTENCED, daemon=True))
    state = node(gpu(users=users), service=Service(True, "enabled", True), stopped=("x.service",))
    exporter = (("nvidia-dcgm.service", (Dependent("y.service", watches=True),)),)
    along = steps(plan(replace(state, dependents=exporter), wish(ecc=False), {}))
    assert along[1] == "stop nvidia-dcgm.service, and y.service, which systemd stops with that"
    assert along[3] == "start nvidia-dcgm.service, x.service, y.service"
    assert steps(plan(state, wish(ecc=False), {})) == [
        "GPU 0: set ECC off from the next reset on",
        "stop nvidia-dcgm.service",
        "reset GPU 0",
        "start nvidia-dcgm.service, x.service",
        "GPU 0: set persistence on",
    ]
    state = replace(state, stopped=(PERSISTENCED,))
    off = plan(state, wish(ecc=False, persistence=False), {})
    assert steps(off)[0] == "disable and stop " + PERSISTENCED
    assert steps(off)[-2:] == ["start nvidia-dcgm.service", "GPU 0: set persistence off"]


def test_a_service_that_would_stop_with_a_daemon_is_asked_for() -> None:
    """For a reset alone: nothing stops for other settings."""
    agents = (("nvidia-dcgm.service", (Dependent("agent.service"), Dependent("b.service"))),)
    state = replace(node(gpu(users=(DAEMON,))), dependents=agents)
    (blocker,) = plan(state, wish(ecc=False), {}).blockers
    along = "agent.service with nvidia-dcgm.service, b.service with nvidia-dcgm.service"
    assert blocker.which == "GPU 0; systemd stops " + along
    assert "gpu_services: [agent.service, b.service]" in blocker.next
    (blocker,) = plan(state, replace(wish(ecc=False), gpu_services=("b.service",)), {}).blockers
    assert "b.service" not in blocker.which + blocker.next
    assert "agent.service" in steps(plan(state, wish(True, ecc=False), {}))[1]
    assert not plan(state, wish(power_limit=300000), {}).blockers


def test_a_cut_off_run_is_tidied_up_after() -> None:
    assert steps(plan(node(gpu(), stopped=("x.service",)), wish(compute_mode="default"), {})) == [
        "start x.service"
    ]


def test_a_reset_is_not_tried_again_for_what_it_was_refused() -> None:
    refused = "Not supported"
    waiting = plan(node(gpu(ecc=(True, False), reset_refused=refused)), wish(ecc=False), {})
    assert not waiting.steps and "switch ECC off: Not supported." in waiting.reboot_reasons[0]
    anew = plan(node(gpu(ecc=(True, True), reset_refused=refused)), wish(ecc=False), {})
    assert steps(anew)[-1].startswith("GPU 0: set persistence on") and "reset GPU 0" in steps(anew)


def test_gpus_are_reset_at_once() -> None:
    found = plan(node(gpu(0), gpu(1), gpu(2)), wish(gpus=("0", "2"), ecc=False), {})
    (reset,) = [step for step in found.steps if step.action == "reset-gpus"]
    back = (("persistence", True),)
    assert reset.data.gpus == (("GPU-0", "GPU 0", False, back), ("GPU-2", "GPU 2", False, back))


def test_a_service_for_all_is_not_used_for_some() -> None:
    state = node(gpu(0, persistence=False), gpu(1, persistence=False), service=Service(True, "disabled"))
    assert steps(plan(state, wish(gpus=("0",), persistence=True), {})) == [
        "GPU 0: set persistence on (NVML's legacy mode)"
    ]
    assert steps(plan(state, wish(persistence=True), {})) == ["enable and start " + PERSISTENCED]


@pytest.mark.parametrize(
    "changes, wished, words",
    [
        ({"power": None}, {"power_limit": 300000}, "power limit of this GPU cannot be set"),
        ({"power": replace(POWER, own=None)}, {"power_limit": BOARDS_OWN}, "tells no default"),
        ({"gpu_range": None}, {"gpu_clocks": (900, 900)}, "GPU clocks of this GPU cannot be locked"),
        ({"compute_mode": None}, {"compute_mode": "default"}, "has no compute mode"),
        ({"persistence": None}, {"persistence": True}, "has no persistence mode"),
    ],
)
def test_what_a_gpu_does_not_have(changes: Dict[str, Any], wished: Dict[str, Any], words: str) -> None:
    (blocker,) = plan(node(gpu(**changes)), wish(**wished), {}).blockers
    assert words in blocker.what and blocker.next


def test_before_the_controller_sends_nvidia_ml_py() -> None:
    state = node(gpu(predicted=True), binding="pynvml is not installed: install it", tools="/opt/x")
    (needed,) = plan(state, wish(persistence=True), {}).needs
    assert "install nvidia-ml-py beside Ansible" in needed.next
    found = plan(replace(state, offered="/tmp/pynvml.py"), wish(power_limit=1), {})
    assert found.replan and steps(found) == ["put nvidia-ml-py into /opt/x"] and not found.needs


def test_a_service_that_may_stop_makes_way_for_a_reset_and_for_nothing_else() -> None:
    serving = User(Client(12, "serve", "server"), "inference.service")
    state = node(gpu(users=(serving,)))
    consent = replace(wish(ecc=False), gpu_services=("inference.service", "elsewhere.service"))
    (blocker,) = plan(state, wish(ecc=False), {}).blockers
    assert blocker.next.endswith("or for services alone gpu_services: [inference.service]")
    told = steps(plan(state, consent, {}))
    assert told[1:4] == ["stop inference.service", "reset GPU 0", "start inference.service"]
    (blocker,) = plan(node(gpu(users=(serving, WORK))), consent, {}).blockers
    assert blocker.which.endswith("used by 4711 (alice, python3)")
    mode = replace(consent, requests=wish(compute_mode="prohibited").requests)
    (blocker,) = plan(state, mode, {}).blockers
    assert "12 (serve, server)" in blocker.which and "gpu_services" not in blocker.next


def test_an_exporter_in_a_container_is_in_the_way_of_a_reset_alone() -> None:
    exporter = User(Client(12, "root", "dcgm-exporter"), inside="container 0123456789ab")
    state = node(gpu(users=(exporter,)))
    (blocker,) = plan(state, wish(ecc=False), {}).blockers
    assert blocker.which.endswith("used by 12 (root, dcgm-exporter) in container 0123456789ab")
    assert blocker.next.startswith("let them end (stop the container; a pod leaves when its DaemonSet")
    assert steps(plan(state, wish(True, ecc=False), {}))[1] == "end 12 (root, dcgm-exporter)"
    assert steps(plan(state, wish(compute_mode="prohibited"), {})) == ["GPU 0: set compute mode prohibited"]


def test_who_uses_screens_is_in_the_way_of_a_reset_of_any_gpu() -> None:
    """It is named, and it goes by the same consent as others; a setting that takes no reset is none of it."""
    screen = User(Client(12, "root", "Xorg"), unit="display-manager.service")
    state = node(gpu(), drm=(screen,))
    (blocker,) = plan(state, wish(ecc=False), {}).blockers
    assert "nvidia_drm is used by 12 (root, Xorg)" in blocker.which
    assert "gpu_services: [display-manager.service]" in blocker.next
    agreed = replace(wish(ecc=False), gpu_services=("display-manager.service",))
    for consent in (agreed, wish(True, ecc=False)):
        told = steps(plan(state, consent, {}))
        assert told[1:3] == ["stop display-manager.service", "unload nvidia_drm"]
        assert "load nvidia_drm and start display-manager.service" in told
    assert "Xorg" not in str(plan(state, wish(compute_mode="prohibited"), {}))


def test_the_module_for_screens_is_away_for_a_reset_alone() -> None:
    state = node(gpu(users=(DAEMON,)), drm=())
    assert steps(plan(state, wish(ecc=False), {}))[1:5] == [
        "stop nvidia-dcgm.service",
        "unload nvidia_drm",
        "reset GPU 0",
        "load nvidia_drm and start nvidia-dcgm.service",
    ]
    assert "nvidia_drm" not in str(steps(plan(replace(state, drm=None), wish(ecc=False), {})))
    assert steps(plan(node(gpu(), drm=()), wish(compute_mode="prohibited"), {})) == [
        "GPU 0: set compute mode prohibited"
    ]
