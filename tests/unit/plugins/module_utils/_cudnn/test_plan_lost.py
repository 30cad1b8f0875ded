# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cuDNN of which files were removed by hand, or packages by force: mended at its version and tried out."""

from __future__ import annotations

from dataclasses import replace
from typing import List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.state import CudnnState, summary
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import CudnnWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction
from ansible_collections.labfleet.gpu.tests.unit.support.cudnns import Repository, done, node, settled

WISH = CudnnWish("9", "12")
LIBRARY = "/usr/lib/x86_64-linux-gnu/libcudnn.so.9"
LOST = {"libcudnn9-cuda-12": (LIBRARY, LIBRARY + ".5.1")}
HEADER = {"libcudnn9-dev-cuda-12": ("/usr/include/x86_64-linux-gnu/cudnn_v9.h",)}


def install(found: Plan) -> Step:
    (step,) = [step for step in found.steps if step.action == "install-cudnn"]
    return step


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


@pytest.fixture(name="state")
def older() -> CudnnState:
    """Not the newest: mending is no reason to move."""
    return done(node(), CudnnWish("9.5", "12"))


def test_a_lost_library_is_seen_brought_back_and_tried_out(state: CudnnState) -> None:
    state = replace(state, lost=LOST)
    found, asked = settled(state, WISH, Repository())
    assert actions(found) == ["refresh-index", "install-cudnn", "verify-cudnn"]
    data = install(found).data.install
    assert data.targets == ("libcudnn9-cuda-12=9.5.1.17-1",) and data.reinstall
    assert [each.reinstall for each in asked if isinstance(each, AskTransaction)] == [True]
    assert install(found).what == "install cuDNN 9.5.1.17 again: 1 package"
    assert install(found).why == "2 files of libcudnn9-cuda-12 are gone, such as " + LIBRARY
    assert summary(state)["lost"] == ["libcudnn9-cuda-12: %s and 1 more" % LIBRARY]
    assert summary(done(state, WISH))["lost"] == []


def test_the_reason_is_known_without_a_question(state: CudnnState) -> None:
    found = plan(replace(state, lost=LOST), WISH, {})
    assert found.questions
    assert found.reasons == ("2 files of libcudnn9-cuda-12 are gone, such as " + LIBRARY,)


def test_all_its_packages_count(state: CudnnState) -> None:
    wish = CudnnWish("9", "12", components="runtime")
    found, _asked = settled(replace(state, lost=HEADER), wish, Repository())
    assert install(found).data.install.targets == ("libcudnn9-dev-cuda-12=9.5.1.17-1",)
    assert summary(done(replace(state, lost=HEADER), wish))["lost"] == []


def test_what_no_source_has_is_refused(state: CudnnState) -> None:
    repository = Repository()
    repository.withdrawn = ("libcudnn9-cuda-12=9.5.1.17-1",)
    found, _asked = settled(replace(state, lost=LOST), WISH, repository)
    said = str(found.blockers[0])
    assert found.steps == ()
    assert "libcudnn9-cuda-12=9.5.1.17-1" in said and "update: true" in said and "state: absent" in said


def test_an_update_brings_it_at_the_newest(state: CudnnState) -> None:
    wish = CudnnWish("9", "12", update=True)
    found, _asked = settled(replace(state, lost=LOST), wish, Repository())
    assert "libcudnn9-cuda-12=9.26.0.51-1" in install(found).data.install.targets
    assert summary(done(replace(state, lost=LOST), wish))["lost"] == []


def test_headers_that_were_removed_by_force() -> None:
    state = done(node(), CudnnWish("9.10.2", "12"))
    name, by = "libcudnn9-headers-cuda-12", "libcudnn9-dev-cuda-12"
    packages = tuple(package for package in state.packages if package.name != name)
    state = replace(state, packages=packages, unmet={name: by})
    found, _asked = settled(state, WISH, Repository())
    assert install(found).data.install.targets == (name + "=9.10.2.21-1",)
    assert install(found).why == "%s is missing, which %s needs" % (name, by)
    assert summary(done(state, WISH))["lost"] == []


def test_what_is_not_this_cudnns_is_left(state: CudnnState) -> None:
    found = plan(replace(state, lost={"libcudnn8": ("/usr/lib/libcudnn.so.8",)}), WISH, {})
    assert (found.steps, found.questions) == ((), ())


def test_a_hold_is_put_back(state: CudnnState) -> None:
    packages = tuple(replace(package, want="hold") for package in state.packages)
    found, _asked = settled(replace(state, lost=LOST, packages=packages), WISH, Repository())
    assert install(found).data.install.held == ("libcudnn9-cuda-12",)
    found, _asked = settled(replace(state, lost=LOST), WISH, Repository())
    assert install(found).data.install.held == ()
