# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each house rule is shown to fail on a sample that breaks it, and to accept one that does not."""

from __future__ import annotations

from pathlib import Path

import house
import pytest

HEAD = (
    "# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors\n"
    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
)  # fmt: skip
UTILS = "plugins/module_utils"


def findings(root: Path, samples: dict[str, str]) -> list[str]:
    """Write the samples below root and check them."""
    for name, text in samples.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return house.findings(root, sorted(samples))


def test_a_clean_plugin_has_no_finding(tmp_path: Path) -> None:
    samples = {
        f"{UTILS}/_host.py": HEAD + "from ._command import run\nfrom ._plan import Step\nimport os\n",
        f"{UTILS}/_command.py": HEAD + "def run(module):\n    return module.run_command(['true'])\n",
        f"{UTILS}/_plan.py": HEAD + "from dataclasses import dataclass\n",
        f"{UTILS}/_driver/plan.py": HEAD + "from .._host import Host\nfrom . import choose\nimport re\n",
        f"{UTILS}/_driver/choose.py": HEAD + "from .state import DriverState, newest\n",
        f"{UTILS}/_driver/state.py": HEAD + "import os\nfrom .._host import release\n",
        f"{UTILS}/_driver/component.py": HEAD + "from .._converge import Component\nfrom .plan import plan\n",
    }
    assert findings(tmp_path, samples) == []


# One word of each row of house_words.txt, put together here so that this file does not hold them.
WORDS = (
    ("/wor", "k/main"),
    ("/tmp", "/w/x"),
    ("/root/.py", "env"),
    ("Clau", "de"),
    ("an LL", "M"),
    ("anthro", "pic"),
    ("language mo", "del"),
    ("py", "pi.org"),
    ("files.pythonho", "sted.org"),
    ("deb.deb", "ian.org"),
    ("registry.np", "mjs.org"),
    ("ports.ubu", "ntu.com"),
)


@pytest.mark.parametrize("halves", WORDS, ids=range(len(WORDS)))
def test_words_that_must_not_be_there(tmp_path: Path, halves: tuple[str, str]) -> None:
    (found,) = findings(tmp_path, {"docs/page.md": "fine\nsee " + "".join(halves) + " there\n"})
    assert found.startswith("docs/page.md:2:") and "must not be here" in found


def test_every_forbidden_word_has_a_sample() -> None:
    rows = house.house_text.forbidden_words()
    assert [p.pattern for p, _why in rows if not any(p.search(" " + "".join(h)) for h in WORDS)] == []


TEXT = {
    "long file": ({"tests/a.py": HEAD + "x = 1\n" * 400}, "the limit is 400"),
    "no licence": ({"tests/a.py": "x = 1\n"}, "'SPDX-License-Identifier: GPL-3.0-or-later' is missing"),
    "no copyright": ({"tests/a.sh": HEAD.split("\n")[1] + "\n"}, "'SPDX-FileCopyrightText:' is missing"),
    "program without a suffix": ({"roles/x/files/run": "#!/bin/sh\n"}, "is missing from its first lines"),
}

LAYERS = {
    "up from a primitive": ("_host.py", "from ._converge import run\n", "_host must not import _converge"),
    "up from the catalogue": (
        "_catalog/gpus.py",
        "from .._host import x\n",
        "_catalog must not import",
    ),
    "absolute import": (
        "_command.py",
        "from ansible_collections.labfleet.gpu.plugins.module_utils._nvml import x\n",
        "_command must not import _nvml",
    ),
    "component above its join": (
        "_driver/state.py",
        "from .._converge import X\n",
        "_driver must not import",
    ),
    "between components": (
        "_cuda/state.py",
        "from .._driver.state import X\n",
        "_cuda must not import",
    ),
    "out of module_utils": (
        "_host.py",
        "from ansible_collections.labfleet.gpu.plugins.modules import nvidia_driver\n",
        "is above it",
    ),
    "planner with a file system": ("_driver/plan.py", "import os\n", "must not import os"),
    "planner that opens": ("_driver/plan.py", "x = open('y')\n", "must not call open()"),
    "planner that observes": ("_driver/plan.py", "from .state import observe\n", "must not import observe"),
    "planner's helper with effects": (
        "_driver/choose.py",
        "import socket\n",
        "plan.py uses this file",
    ),
    "second caller of run_command": ("_host.py", "def f(m):\n    m.run_command([])\n", "only _command.py"),
    "subprocess": ("_nvml.py", "import subprocess\n", "must not import subprocess"),
    "importlib": ("_nvml.py", "def f():\n    import importlib.util\n", "must not import importlib"),
    "os.system": ("_nvml.py", "import os\nos.system('true')\n", "os.system goes around"),
    "shell": (
        "_command.py",
        "def f(m):\n    m.run_command('a', use_unsafe_shell=True)\n",
        "no shell in",
    ),
    "assert": ("_nvml.py", "assert True\n", "raise an error instead"),
    "syntax above the floor": ("_nvml.py", "match 1:\n    case _: pass\n", "not Python 3.8"),
}


@pytest.mark.parametrize("case", TEXT)
def test_text_rules(tmp_path: Path, case: str) -> None:
    samples, message = TEXT[case]
    assert any(message in line for line in findings(tmp_path, samples))


@pytest.mark.parametrize("case", LAYERS)
def test_layer_rules(tmp_path: Path, case: str) -> None:
    file, code, message = LAYERS[case]
    samples = {f"{UTILS}/{name}": HEAD for name in ("_driver/state.py", "_driver/choose.py")}
    samples[f"{UTILS}/_driver/plan.py"] = HEAD + "from . import choose\n"
    assert findings(tmp_path, samples) == []
    found = findings(tmp_path, {**samples, f"{UTILS}/{file}": samples.get(f"{UTILS}/{file}", HEAD) + code})
    assert len(found) == 1 and message in found[0]


def test_what_a_planner_has_loaded_later_is_pure_too(tmp_path: Path) -> None:
    planner = HEAD + 'from .._later import later\n\n\ndef plan():\n    return later(__name__, ".choose").x\n'
    samples = {
        f"{UTILS}/_later.py": HEAD + "import importlib\n",
        f"{UTILS}/_driver/plan.py": planner,
        f"{UTILS}/_driver/choose.py": HEAD,
    }
    assert findings(tmp_path, samples) == []
    (found,) = findings(tmp_path, {**samples, f"{UTILS}/_driver/choose.py": HEAD + "import socket\n"})
    assert "plan.py uses this file" in found


ROLE = {
    "roles/thing/README.md": "| `thing_size` | its size |\n",
    "roles/thing/defaults/main.yml": "---\nthing_size: 3\n",
    "roles/thing/meta/main.yml": "---\n",
    "roles/thing/meta/argument_specs.yml": (
        "---\nargument_specs: {main: {options: {thing_size: {type: int, default: 3}}}}\n"
    ),
}
SPEC = "roles/thing/meta/argument_specs.yml"
ROLES = {
    "undeclared": ("defaults/main.yml", "---\nthing_size: 3\nthing_more: 1\n", "thing_more is not in meta"),
    "no default": ("defaults/main.yml", "---\n", "thing_size of meta/argument_specs.yml has no default"),
    "other default": ("defaults/main.yml", "---\nthing_size: 4\n", "thing_size is 4, but"),
    "no prefix": ("defaults/main.yml", "---\nthing_size: 3\nsize: 3\n", "size lacks the prefix thing_"),
    "not explained": ("README.md", "nothing\n", "thing_size is not explained"),
    "explained in vain": ("README.md", "`thing_size` `thing_old`\n", "thing_old is not a variable"),
}


@pytest.mark.parametrize("case", ROLES)
def test_role_rules(tmp_path: Path, case: str) -> None:
    file, text, message = ROLES[case]
    assert findings(tmp_path, ROLE) == []
    assert any(message in line for line in findings(tmp_path, {**ROLE, f"roles/thing/{file}": text}))


@pytest.mark.parametrize("file", ["README.md", "meta/argument_specs.yml", "meta/main.yml"])
def test_a_role_has_its_files(tmp_path: Path, file: str) -> None:
    samples = {name: text for name, text in ROLE.items() if name != f"roles/thing/{file}"}
    assert any(line.startswith(f"roles/thing/{file}:1: every role") for line in findings(tmp_path, samples))
