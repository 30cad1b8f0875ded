# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of gpu_settings: their forms, and one clear sentence for what is none of them."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import (
    BOARDS_OWN,
    FREE,
    Settings,
    requests_of,
    wish_from,
)


@pytest.mark.parametrize(
    "options, settings",
    [
        ({"persistence": True, "ecc": False}, Settings(persistence=True, ecc=False)),
        ({"power_limit": 300}, Settings(power_limit=300000)),
        ({"power_limit": "300"}, Settings(power_limit=300000)),
        ({"power_limit": 250.5}, Settings(power_limit=250500)),
        ({"power_limit": "default"}, Settings(power_limit=BOARDS_OWN)),
        ({"gpu_clocks": [1200, "1410"]}, Settings(gpu_clocks=(1200, 1410))),
        ({"gpu_clocks": 1410}, Settings(gpu_clocks=(1410, 1410))),
        ({"memory_clocks": "1215"}, Settings(memory_clocks=(1215, 1215))),
        ({"memory_clocks": "unlocked"}, Settings(memory_clocks=FREE)),
        ({"compute_mode": "prohibited", "ecc": None}, Settings(compute_mode="prohibited")),
    ],
)
def test_forms(options: Dict[str, Any], settings: Settings) -> None:
    (request,) = requests_of(options)
    assert request.settings == settings and request.gpus is None
    (group,) = requests_of({"settings": [{"gpus": 1, **options}]})
    assert group.settings == settings and group.gpus == ("1",)


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "The task says nothing: write one of persistence, ecc, compute_mode, "),
        ({"gpus": [0]}, "The task says nothing: "),
        ({"settings": []}, "settings is no list of groups: "),
        ({"settings": ["ecc"]}, "settings[0] is 'ecc': write a mapping "),
        ({"settings": [{"gpus": [0]}]}, "settings[0] says nothing: "),
        ({"settings": [{"ecc": True}], "ecc": True}, "ecc cannot be beside settings: "),
        ({"settings": [{"ecc": True}], "gpus": [1]}, "gpus cannot be beside settings: "),
        (
            {"settings": [{"ecc": True, "mig": True}]},
            "settings[0] has the unknown key mig: it can have gpus, ",
        ),
        ({"settings": [{"ecc": "yes"}]}, "settings[0].ecc is 'yes': write true or false."),
        (
            {"settings": [{"compute_mode": "exclusive"}]},
            "settings[0].compute_mode is 'exclusive': write one of ",
        ),
        ({"power_limit": "300W"}, "power_limit is '300W': write watts such as 300, or default."),
        ({"power_limit": True}, "power_limit is 'True': "),
        ({"power_limit": -1}, "power_limit is '-1': "),
        ({"power_limit": "nan"}, "power_limit is 'nan': "),
        ({"power_limit": [300]}, "power_limit is '[300]': "),
        ({"gpu_clocks": "free"}, "gpu_clocks is 'free': write the lowest and highest MHz "),
        ({"gpu_clocks": [1, 2, 3]}, "gpu_clocks is '[1, 2, 3]': "),
        ({"gpu_clocks": [0, 100]}, "gpu_clocks is '[0, 100]': "),
        ({"gpu_clocks": False}, "gpu_clocks is 'False': "),
        ({"memory_clocks": [1410, 1200]}, "memory_clocks is [1410, 1200]: write the lower number first."),
        ({"gpus": [], "ecc": True}, "gpus is empty: name a GPU, or leave it out for all."),
        ({"gpus": ["x"], "ecc": True}, "gpus[0] is 'x': write an index (0), "),
    ],
)
def test_bad_input_in_one_sentence(options: Dict[str, Any], said: str) -> None:
    with pytest.raises(BadWish) as caught:
        requests_of(options)
    words = str(caught.value)
    assert words.startswith(said), words
    assert words.endswith(".") and "\n" not in words


def test_services_are_named_with_and_without_their_suffix() -> None:
    options = {"ecc": True, "disrupt_running_work": False}
    named = wish_from({**options, "gpu_services": ["a", "b@1.service", "c.d"]}).gpu_services
    assert named == ("a.service", "b@1.service", "c.d.service")
    assert wish_from(options).gpu_services == ()
    with pytest.raises(BadWish, match="gpu_services has 'docker.socket', which names no service"):
        wish_from({**options, "gpu_services": ["docker.socket"]})
