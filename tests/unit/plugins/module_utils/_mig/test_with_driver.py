# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG layouts in a run that holds the driver too, judged by the driver as it will be."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._after_driver import Coming, Following, informed
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Component, Part, converge
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._gpu_values import Change, SetAll
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.module_utils._lock import HostLock
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.component import MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.with_driver import for_all_gpus, plan
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker, Plan, Step
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import VERSION, MigNode
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, A30, H100, T4 = "a100-sxm4-40gb", "a30-24gb", "h100-sxm5-80gb", "t4"
SEVEN: Dict[str, Any] = {"instances": {"1g.5gb": 7}}
LOADED = "/run/gpu-simulator/module/version"
HELD = Coming(VERSION, VERSION)
BRINGS = replace(HELD, changes=True)
NEWER = "590.48.01"


def planned(mig: MigNode, driver: Coming, **options: Any) -> Plan:
    return plan(mig.observe(), Following(mig.wish(**options), driver), {})


def shown(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


@pytest.fixture
def bare(mig: MigNode) -> MigNode:
    """A node without a driver."""
    mig.tree.path(LOADED).unlink()
    mig.tree.path("/proc/driver/nvidia/version").unlink()
    return mig


@pytest.fixture
def pid() -> Iterator[int]:
    """A process that lives."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def test_what_is_told_of_the_driver() -> None:
    step = Step("activate", "unload-modules", "unload", "another is installed")
    others: Dict[str, Mapping[str, Any]] = {
        "driver": {"version": NEWER, "loaded_version": NEWER, "steps": (step,)},
        "cuda": {},
    }
    wish = Following(None)
    assert informed(wish, others).driver == Coming(NEWER, NEWER, changes=True, reloads=True)
    assert informed(wish, {"cuda": {}}).driver is None


def test_a_driver_that_stays_changes_nothing_about_the_plan(mig: MigNode) -> None:
    mig.add(A100)
    assert planned(mig, HELD, **SEVEN) == mig.plan(**SEVEN)
    mig.hold(**SEVEN)
    assert planned(mig, HELD, **SEVEN).steps == ()


def test_a_driver_that_the_run_brings(bare: MigNode) -> None:
    bare.add(A100)
    found = planned(bare, BRINGS, **SEVEN)
    assert shown(found) == ["set-mig-mode", "create_gpu_instance", "create_compute_instance"]
    assert found.forecast and not found.needs and not found.blockers
    assert all(step.why.endswith("(predicted)") for step in found.steps)
    after = found.foretold()
    assert after["driver_version"] == VERSION
    assert [len(gpu["layout"]) for gpu in after["gpus"].values()] == [7]


@pytest.mark.parametrize(
    "version, options, words",
    [
        (
            "440.33.01",
            SEVEN,
            "driver is too old for MIG on this GPU (GPU 0 (A100-SXM4-40GB, 0000:07:00.0), d",
        ),
        (VERSION, {"instances": ["3g.20gb"] * 3}, "nearest layout that fits"),
        (VERSION, {"instances": ["1g.10gb.bad"]}, "is no profile of this GPU, which has 1g.5gb"),
        (None, SEVEN, "MIG needs a driver, and this run leaves none"),
    ],
)
def test_what_cannot_be_is_refused_before_the_driver_comes(
    bare: MigNode, version: str, options: Dict[str, Any], words: str
) -> None:
    bare.add(A100)
    found = planned(bare, replace(BRINGS, version=version, loaded=version), **options)
    assert words in "; ".join(map(str, found.blockers)) and not found.steps


def test_what_only_nvml_can_tell_is_a_doubt(bare: MigNode) -> None:
    """Nothing is known of UUIDs yet, nor of boards that the catalogue lacks."""
    uuid = bare.add(A100)
    bare.tree.pci("0000:50:00.0", "0x3fff", "0x030200")
    for wish in (
        {"gpus": ["GPU-00000000-0000-4000-8000-0000000000ff"], "instances": ["1g.5gb"]},
        {"gpus": [1], "instances": ["1g.5gb"]},
        {"gpus": [uuid], "instances": ["1g.5gb"]},
    ):
        found = planned(bare, BRINGS, **wish)
        assert not found.blockers and not found.steps and found.forecast
        (warning,) = found.warnings
        assert warning.startswith("MIG may be refused once driver %s is loaded and can be asked" % VERSION)


def test_gpus_without_mig_and_nodes_without_gpus(bare: MigNode) -> None:
    assert planned(bare, replace(BRINGS, loaded=None), **SEVEN) == Plan(
        promise={"gpus": {}}, outlook={"devices": {}}
    )
    bare.add(T4, mode=None)
    assert planned(bare, BRINGS, **SEVEN).steps == ()


def test_an_installed_driver_that_waits_for_a_reboot(bare: MigNode) -> None:
    """Nothing is done, nothing refused, and it is said when the layout comes: in this run and in the next."""
    bare.add(A100)
    for driver in (Coming(VERSION, None, changes=True), Coming(VERSION, None), Coming(NEWER, VERSION)):
        found = planned(bare, driver, **SEVEN)
        assert not found.steps and not found.blockers and not found.needs and not found.forecast
        assert found.warnings == (
            "MIG waits for driver %s, which is to be loaded by a reboot: a run after it goes on."
            % driver.version,
        )
    refused = planned(bare, Coming(VERSION, None), instances=["3g.20gb"] * 3)
    assert refused.blockers, "what no driver can do is refused all the same"


def test_a_loaded_driver_that_does_not_answer_is_needed(bare: MigNode) -> None:
    bare.add(A100)
    (needed,) = planned(bare, HELD, **SEVEN).needs
    assert needed.what.startswith("NVML cannot be asked")


@pytest.mark.parametrize("board, mode", [(A100, []), (H100, ["set-mig-mode"])])
def test_a_driver_that_is_loaded_anew_ends_instances(
    mig: MigNode, board: str, mode: List[str], pid: int
) -> None:
    """From Hopper on it ends the mode too. Whose work ends with them is said, and what is not made again."""
    mig.add(board)
    other = mig.add(board)
    wish: Dict[str, Any] = {"instances": ["1g.5gb" if board == A100 else "1g.10gb"] * 2}
    mig.hold(**wish)
    instance = mig.observe().gpus[0].gpu.instances[0]
    mig.work(0, pid, "%s %s" % (instance.id, instance.compute[0].id))
    found = planned(mig, Coming(NEWER, NEWER, changes=True, reloads=True), gpus=[0], **wish)
    assert shown(found) == [*mode, "create_gpu_instance", "create_compute_instance"]
    assert found.forecast and found.foretold()["gpus"][other]["layout"] == []
    first, second = found.warnings
    assert first.endswith(
        "and those that are wished are made after it. So does the work on them: %s." % user(pid)
    )
    assert second.startswith("The MIG instances of GPU 1") and second.endswith("and none are wished for it.")
    waits = planned(mig, Coming(NEWER, VERSION, changes=True), gpus=[0], **wish)
    assert not waits.steps and waits.warnings[1:] == found.warnings
    stays = planned(mig, BRINGS, **wish)
    assert not stays.steps and not stays.warnings, "the driver changes, and is not loaded anew"


def test_a_switch_puts_back_what_the_same_run_sets(mig: MigNode) -> None:
    """And not what the settings' steps take away; of a GPU without persistence nothing is kept."""
    uuid, other = mig.add(A100), mig.add(A100)
    limit = SetAll(uuid, "GPU 0", (Change("power_limit", 300000), Change("gpu_clocks", ())))
    set_limit = Step("settings", "set-gpu", "set", "it is not so", limit)
    start = Step("service", "start-persistenced", "start", "it is off", None)
    stop = replace(start, action="stop-persistenced")
    wish = mig.wish(gpus=[0], instances={"1g.5gb": 7})
    for steps, back in (
        ((start, set_limit), ["GPU 0: put back power limit 300 W"]),
        ((set_limit, stop), []),
        ((replace(set_limit, data=replace(limit, uuid=other)), start), []),
    ):
        told = informed(Following(wish), {"settings": {"steps": steps}})
        found = plan(mig.observe(), told, {})
        assert [step.what for step in found.steps if step.action == "put-settings-back"] == back


def test_a_compute_mode_and_mig_on_one_gpu_are_refused(mig: MigNode) -> None:
    uuid, _other = mig.add(A100), mig.add(A100)
    change = SetAll(uuid, "GPU 0", (Change("compute_mode", "prohibited"),))
    steps = (Step("settings", "set-gpu", "set", "it is not so", change),)
    for options, refused in (({"gpus": [0], "mig": True}, True), ({"gpus": [1], "mig": True}, False)):
        told = informed(Following(mig.wish(**options)), {"settings": {"steps": steps}})
        found = plan(mig.observe(), told, {})
        assert bool(found.blockers) == refused
        if refused:
            assert "Compute mode prohibited and MIG mode are both wished" in str(found.blockers[0])


def user(pid: int) -> str:
    return "%d (root, python3)" % pid


@pytest.mark.parametrize(
    "options, covered",
    [
        (SEVEN, True),
        ({"mig": False}, True),
        ({"mig": True}, False),
        ({"gpus": [0], "instances": []}, False),
        ({"layout": [{"gpu_model": "A30", "mig": False}]}, False),
    ],
)
def test_which_wishes_make_all_instances_again(mig: MigNode, options: Dict[str, Any], covered: bool) -> None:
    assert for_all_gpus(mig.wish(**options)) is covered


def test_nvidia_ml_py_is_brought_where_it_lacks(mig: MigNode) -> None:
    mig.add(A100)
    lacking = replace(
        mig.observe(), binding="pynvml is not installed: install it", trouble="", tools="/opt/x"
    )
    bring = replace(lacking, offered="/tmp/pynvml.py")
    wish = Following(mig.wish(**SEVEN), BRINGS)
    assert shown(plan(bring, wish, {}))[0] == "bring-pynvml" and plan(bring, wish, {}).forecast
    assert plan(lacking, wish, {}).needs[0].what.startswith("NVML cannot be asked: pynvml is not installed")
    held = plan(bring, replace(wish, driver=HELD), {})
    assert shown(held) == ["bring-pynvml"] and held.replan
    impossible = Following(mig.wish(instances=["7g.40gb"] * 2), HELD)
    assert plan(replace(bring, gpus=lacking.gpus), impossible, {}).blockers


# A run of both: the driver here is a file, which is what loads the simulated one.


def driver(refused: bool = False) -> Component:
    def observe(_commands: Any, files: Files, _host: Any) -> Any:
        return files.text(LOADED)

    def decide(state: Any, wish: str, _answers: Any) -> Plan:
        if refused:
            return Plan(blockers=(Blocker("No driver", "this node", "take another"),))
        if state == wish:
            return Plan()
        step = Step("activate", "load-modules", "load", "it is missing", WriteFile(LOADED, wish))
        told = {"version": wish.strip(), "loaded_version": wish.strip()}
        return Plan(steps=(step,), promise=told)

    def summary(state: Any) -> Dict[str, Any]:
        version = state.strip() if state else None
        return {"version": version, "loaded_version": version}

    def load(context: Any, data: WriteFile) -> None:
        Path(context.files.path(data.path)).write_text(data.content, encoding="utf-8")

    return Component("driver", observe, decide, summary, lambda: {"load-modules": load})


@pytest.fixture
def both(bare: MigNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """Run both on the bare node; the result."""
    monkeypatch.setattr(HostLock.__init__, "__defaults__", (str(tmp_path / "lock"),))
    # The node's root is the only thing that converge() does not take from outside.
    monkeypatch.setattr(Files.__init__, "__defaults__", (str(bare.tree.root),))

    def run(check: bool = False, refused: bool = False, **options: Any) -> Dict[str, Any]:
        parts = [
            Part(driver(refused), VERSION + "\n"),
            Part(replace(MIG, plan=plan, informed=informed), Following(bare.wish(**options))),
        ]
        with module(_ansible_check_mode=check) as ansible_module, pytest.raises(SystemExit):
            # Commands would run on this machine.
            monkeypatch.setattr(ansible_module, "run_command", bare.programs.run_command)
            converge(ansible_module, parts, single=False)
        found: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def what(result: Mapping[str, Any]) -> List[Tuple[str, str]]:
    return [(step["component"], step["what"]) for step in result["steps"]]


def test_one_run_brings_the_driver_and_then_divides(bare: MigNode, both: Any) -> None:
    uuid = bare.add(H100)
    wish = {"instances": {"1g.10gb": 7}}
    foretold = both(check=True, **wish)
    assert not bare.tree.path(LOADED).exists()
    done = both(**wish)
    assert what(done) == what(foretold), (done, foretold)
    assert [component for component, _what in what(done)] == ["driver", "mig", "mig", "mig"]
    assert bare.names(uuid) == ["1g.10gb"] * 7
    again = both(**wish)
    assert not again["changed"] and again["steps"] == [] and "warnings" not in again


@pytest.mark.parametrize("refusing", ["driver", "mig"])
def test_what_one_refuses_none_does(bare: MigNode, both: Any, refusing: str) -> None:
    bare.add(H100)
    wish = {"instances": {"7g.80gb": 1 if refusing == "driver" else 2}}
    refused = both(refused=refusing == "driver", **wish)
    assert refused["failed"] and not refused["changed"] and refused["msg"].endswith("Nothing was changed.")
    assert {blocker["component"] for blocker in refused["blockers"]} == {refusing}
    assert not bare.tree.path(LOADED).exists()
