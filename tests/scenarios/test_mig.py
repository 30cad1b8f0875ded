# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG layouts on booted nodes: from a bare one to many, by label, drifted; modes, resets, refusals."""

from __future__ import annotations

import json
from typing import Any

from mig_node import (
    A30,
    A100,
    DRIVER,
    H100,
    LIBRARY,
    MODULE,
    NODE,
    T4,
    devices,
    held,
    layouts,
    names,
    node_with,
    task,
)
from proof import in_one_playbook, proved, refused
from scenario import Fleet

SEVEN: dict[str, Any] = {"gpus": [0], "instances": {"1g.5gb": 7}}
#: As mig-parted documents its files.
CONFIG = """version: v1
mig-configs:
  all-disabled:
    - devices: all
      mig-enabled: false
  all-balanced:
    - device-filter: ["0x20B010DE"]
      devices: all
      mig-enabled: true
      mig-devices:
        "1g.5gb": 2
        "2g.10gb": 1
        "3g.20gb": 1
    - device-filter: "0x20B710DE"
      devices: all
      mig-enabled: true
      mig-devices:
        "1g.6gb": 2
        "2g.12gb": 1
"""


def test_from_a_bare_node_to_layouts_that_stay(fleet: Fleet) -> None:
    fleet.reset(NODE, A100, A100, A30)
    bare, no_driver = in_one_playbook(fleet, NODE, [{**task(**SEVEN), "check_mode": True}, task(**SEVEN)])
    assert not bare.get("failed") and bare["changed"], bare
    assert all(gpu["predicted"] for gpu in bare["after"]["gpus"].values())
    assert layouts(bare)[0] == [("1g.5gb", start) for start in range(7)]
    assert "A run would be refused now. NVML cannot be asked (no driver)" in str(bare["warnings"])
    assert no_driver["msg"].startswith("NVML cannot be asked (no driver)") and not no_driver["changed"]
    assert no_driver["msg"].endswith("Nothing was changed.")

    assert not fleet.driver(NODE, version=DRIVER).get("failed")
    done = proved(fleet, NODE, rounds=True, module=MODULE, **SEVEN)
    assert [step["action"] for step in done["steps"]] == [
        "bring-pynvml",
        "set-mig-mode",
        "create_gpu_instance",
        "create_compute_instance",
    ]
    assert layouts(done) == [[("1g.5gb", start) for start in range(7)], [], []]
    listed = fleet.sh(NODE, f'python3 -c "{LIBRARY}{_UUIDS}"').split()
    assert sorted(listed) == sorted(devices(done, 0)) and len(set(listed)) == 7

    before = set(listed)
    mixed = [
        {"gpus": [0], "instances": ["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"]},
        {"gpu_model": "A30", "instances": {"2g.12gb": 2}},
    ]
    done = proved(fleet, NODE, module=MODULE, layout=mixed)
    assert sorted(names(done)[0]) == ["1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"]
    assert names(done)[1:] == [[], ["2g.12gb", "2g.12gb"]]
    assert len(before & set(devices(done, 0))) == 2, "the two that could stay are the same devices"

    fleet.sh(NODE, f'python3 -c "{LIBRARY}{_DRIFT}"')
    done = proved(fleet, NODE, module=MODULE, layout=mixed)
    assert [step["action"] for step in done["steps"]] == ["create_compute_instance"], "drift by hand"


_UUIDS = (
    "print(*(nvmlDeviceGetUUID(nvmlDeviceGetMigDeviceHandleByIndex(h, i)) "
    "for i in range(nvmlDeviceGetMaxMigDeviceCount(h))))"
)
#: Destroys the compute instance of the 2g.10gb.
_DRIFT = (
    "f, n = (c_nvmlGpuInstance_t * 8)(), c_uint(8); nvmlDeviceGetGpuInstances(h, 14, f, byref(n)); g = f[0]; "
    "c, n = (c_nvmlComputeInstance_t * 8)(), c_uint(8); "
    "nvmlGpuInstanceGetComputeInstances(g, 1, c, byref(n)); nvmlComputeInstanceDestroy(c[0])"
)


def test_compute_instances_labels_and_mode_off(fleet: Fleet) -> None:
    node_with(fleet, A100, A100, A30)
    share = [{"profile": "3g.20gb", "placement": 4, "compute": ["1c.3g.20gb", "2c.3g.20gb"]}]
    done = held(fleet, gpus=[0], instances=share)
    ((only,),) = [gpu["layout"] for gpu in done["after"]["gpus"].values() if gpu["index"] == 0]
    assert (only["profile"], only["start"]) == ("3g.20gb", 4)
    assert sorted(only["compute"]) == ["1c.3g.20gb", "2c.3g.20gb"] and len(devices(done, 0)) == 2
    share[0]["compute"] = ["1c.3g.20gb"] * 3
    again = proved(fleet, NODE, module=MODULE, gpus=[0], instances=share)
    assert len(set(devices(done, 0)) & set(devices(again, 0))) == 1, "the one that is still wished stays"

    path = "/etc/nvidia-mig-manager/config.yaml"
    fleet.sh(NODE, f"mkdir -p {path.rpartition('/')[0]}; cat > {path} <<'E'\n{CONFIG}E")
    done = proved(fleet, NODE, module=MODULE, config=path, label="all-balanced")
    assert [sorted(each) for each in names(done)] == [
        ["1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"],
        ["1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"],
        ["1g.6gb", "1g.6gb", "2g.12gb"],
    ]
    done = proved(fleet, NODE, module=MODULE, config=path, label="all-disabled")
    assert names(done) == [[], [], []]
    assert not any(gpu["mig"]["current"] for gpu in done["after"]["gpus"].values())


NOWHERE = "GPU-00000000-0000-4000-8000-0000000000ff"
#: What cannot be had, and what is said of it.
REFUSALS: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"gpus": [0], "instances": {"3g.20gb": 3}},
        "and 3 are wanted (GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0)): take the nearest layout that fits: "
        "2 x 3g.20gb",
    ),
    ({"gpus": [0], "instances": ["1g.24gb"]}, "is no profile of this GPU, which has 1g.5gb"),
    ({"gpus": [1], "instances": ["7g.40gb"]}, "This GPU has no MIG (GPU 1 (Tesla T4"),
    ({"gpus": [NOWHERE], "mig": True}, NOWHERE),
    ({"layout": [{"gpus": [0], "mig": True}, {"gpu_model": "A100", "mig": False}]}, "GPU 0"),
)
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"instances": ["7g.40gb"], "layout": [{"mig": True}]}, "layout"),
    ({"config": "/etc/none.yaml", "label": "x"}, "cannot be read on the node"),
)
MANAGER = "nvidia-mig-manager.service"


def test_refusals_come_before_anything_is_destroyed(fleet: Fleet) -> None:
    node_with(fleet, A100, T4)
    seven: dict[str, Any] = {"gpus": [0], "instances": ["7g.40gb"]}
    before = held(fleet, **seven)
    for options, words in REFUSALS:
        said = refused(fleet, NODE, module=MODULE, **options)
        assert words in said, said
    wrong = in_one_playbook(fleet, NODE, [task(**options) for options, _words in WRONG])
    for (_options, words), result in zip(WRONG, wrong, strict=True):
        assert result["failed"] and words in result["msg"], result["msg"]
    fleet.sh(
        NODE,
        f"printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n"
        f"[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/{MANAGER}; "
        f"systemctl daemon-reload; systemctl -q enable --now {MANAGER}",
    )
    assert "set take_over: true" in refused(fleet, NODE, module=MODULE, gpus=[0], mig=False)
    done = proved(fleet, NODE, module=MODULE, take_over=True, **seven)
    assert [step["action"] for step in done["steps"]] == ["disable-mig-manager"]
    assert fleet.sh(NODE, f"systemctl is-enabled {MANAGER}; systemctl is-active {MANAGER}", status=None) == (
        "disabled\ninactive"
    )
    assert done["after"]["devices"] == before["after"]["devices"]


def test_hopper_switches_at_once_and_forgets_at_a_reboot(fleet: Fleet) -> None:
    node_with(fleet, H100, H100)
    assert not held(fleet, gpus=[1], mig=False)["reboot_required"]
    wish: dict[str, Any] = {"gpus": [0], "instances": ["3g.40gb", "1g.10gb"]}
    done = proved(fleet, NODE, module=MODULE, **wish)
    assert not done["reboot_required"] and done["steps"][0]["action"] == "set-mig-mode"
    fleet.lab("reboot", NODE)
    again = proved(fleet, NODE, module=MODULE, **wish)
    assert [gpu["mig"]["current"] for gpu in again["before"]["gpus"].values()] == [False, False]
    assert again["steps"][0]["action"] == "set-mig-mode" and layouts(again) == layouts(done)


def test_ampere_that_cannot_be_reset_waits_for_a_reboot_which_the_role_makes(fleet: Fleet) -> None:
    node_with(fleet, A100)
    fleet.sh(NODE, "gpu-simulator set 0 mig_reset_status 16")
    done = held(fleet, **SEVEN)
    assert done["reboot_required"] and "waits for a reset" in done["reboot_reasons"][0]
    again = held(fleet, **SEVEN)
    assert not again["changed"] and again["reboot_reasons"] == done["reboot_reasons"]
    play = {
        "hosts": NODE,
        "gather_facts": False,
        "become": True,
        "roles": [
            {
                "role": "labfleet.gpu.mig_layout",
                "mig_layout_instances": {"1g.5gb": 7},
                "mig_layout_reboot_allowed": True,
            }
        ],
    }
    path = fleet.work / "mig-role.yml"
    path.write_text(json.dumps([play]))
    run = fleet.playbook(path)
    assert run.rc == 0, run.output
    now = held(fleet, **SEVEN)
    assert not now["changed"] and not now["reboot_required"] and len(layouts(now)[0]) == 7
    fleet.lab("reboot", NODE)
    again = proved(fleet, NODE, module=MODULE, **SEVEN)
    assert [step["action"] for step in again["steps"]] == ["create_gpu_instance", "create_compute_instance"]
