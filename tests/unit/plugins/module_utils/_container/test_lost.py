# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the toolkit that somebody removed by hand come back, at the version that is there."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container.state import summary
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import ContainerNode, actions

CTK, CLI = "/usr/bin/nvidia-ctk", "/usr/bin/nvidia-container-cli"
BASE = "nvidia-container-toolkit-base"


@pytest.fixture(autouse=True)
def held(node: ContainerNode) -> None:
    node.hold(version="1.18.2", hold=True)


def test_a_program_is_gone(node: ContainerNode) -> None:
    node.tree.path(CTK).unlink()
    assert summary(node.state())["lost"] == ["%s: %s" % (BASE, CTK)]
    plan = node.hold(version="1.18.2")
    assert actions(plan) == ["refresh-index", "install", "hold"]
    install = plan.steps[1]
    assert install.data == Install(("%s=1.18.2-1" % BASE,), False, True, True)
    assert install.what == "install %s again, at the version that is there" % BASE
    assert install.why == "a file of %s is gone: %s" % (BASE, CTK)
    assert node.text(CTK) is not None and len(node.programs.holds) == 4


def test_a_newer_release_of_the_wish_is_no_reason_to_move(node: ContainerNode) -> None:
    for path in (CTK, CLI):
        node.tree.path(path).unlink()
    plan = node.hold()
    assert plan.steps[1].data.targets == ("libnvidia-container-tools=1.18.2-1", "%s=1.18.2-1" % BASE)
    assert "such as %s of libnvidia-container-tools" % CLI in plan.steps[1].why


def test_another_release_brings_them_too(node: ContainerNode) -> None:
    node.tree.path(CTK).unlink()
    plan = node.hold(version="1.20")
    install = next(step for step in plan.steps if step.action == "install")
    assert len(install.data.targets) == 4 and not install.data.reinstall
    assert install.what == "install the container toolkit 1.20.1: 4 packages" and node.text(CTK) is not None


def test_a_version_that_no_source_has_any_more(node: ContainerNode) -> None:
    node.tree.path(CTK).unlink()
    node.offered = ("1.20.1-1", "1.17.9-1")
    said = node.refused()
    assert "%s=1.18.2-1" % BASE in said and "set update: true" in said
    assert node.hold(update=True).promised()["version"] == "1.20.1"


def test_absent_needs_none_of_it(node: ContainerNode) -> None:
    node.tree.path(CTK).unlink()
    plan = node.plan(state="absent")
    assert "install" not in actions(plan) and "purge" in actions(plan)
