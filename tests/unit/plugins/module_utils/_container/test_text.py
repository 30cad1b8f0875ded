# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that are read and written: TOML, JSON, CDI specifications."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container import containerd, docker, toml
from ansible_collections.labfleet.gpu.plugins.module_utils._container.json_text import dumped, indent_of
from ansible_collections.labfleet.gpu.plugins.module_utils._container.spec import GpuDevice, parsed, stale

DOCUMENT = """
# A comment.
version = 2
imports = [ "a", # x
  'b\\c' , ]
"quoted key".sub = -1_000
[plugins]
  [plugins."io.containerd.grpc.v1.cri"] # c
    text = "tab\\t \\u00e9 \\"quoted\\" \\\\ #no comment"
    a.b = 3
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
      half = 0.5e3
      hexadecimal = 0xff
      long = \"\"\"
one "two"
\\
   three\"\"\"
      inline = {x = 1, "y z" = [1, 2], e = {}}
      empty = []
      [plugins.none]
[[stream]]
q = 1
[stream.sub]
z = ""
[[stream]]
q = 2
"""
DATA: Dict[str, Any] = {
    "version": 2,
    "imports": ["a", "b\\c"],
    "quoted key": {"sub": -1000},
    "plugins": {
        "io.containerd.grpc.v1.cri": {
            "text": 'tab\t \u00e9 "quoted" \\ #no comment',
            "a": {"b": 3},
            "containerd": {
                "runtimes": {
                    "runc": {
                        "options": {
                            "SystemdCgroup": True,
                            "half": 500.0,
                            "hexadecimal": 255,
                            "long": 'one "two"\nthree',
                            "inline": {"x": 1, "y z": [1, 2], "e": {}},
                            "empty": [],
                        }
                    }
                }
            },
        },
        "none": {},
    },
    "stream": [{"q": 1, "sub": {"z": ""}}, {"q": 2}],
}


def test_toml_there_and_back() -> None:
    assert toml.parsed(DOCUMENT) == DATA
    assert toml.parsed(toml.dumped(DATA)) == DATA


def test_toml_as_pythons_own_reader_has_it() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python reads TOML from 3.11 on")
    assert tomllib.loads(DOCUMENT) == DATA
    assert tomllib.loads(toml.dumped(DATA)) == DATA


@pytest.mark.parametrize(
    "text, said",
    [
        ("a = ", "line 1: this value"),
        ("a = 1\na = 2", "line 2: a is there twice"),
        ("[a\nb = 1", "line 1: ']' is expected"),
        ('\n\na = "x', "line 3: a string does not end"),
        ("a = 1 b = 2", "line 1: the line should end here"),
        ("a = 1\n[a.b]", "line 2: a is no table"),
        ("when = 2020-01-01", "line 1: this value"),
        ('a = "\\q"', "line 1: a string has an unknown escape"),
        ("a = [1, 2", "line 1: "),
        ("= 1", "line 1: a key is expected"),
    ],
)
def test_toml_that_is_none(text: str, said: str) -> None:
    with pytest.raises(toml.BadToml) as found:
        toml.parsed(text)
    assert str(found.value).startswith(said)


def test_json_as_pythons_own_writer_has_it() -> None:
    data: Dict[str, Any] = {
        "a": [1, -2.5, True, None, 'x\n"\\\x01\u00e9'],
        "b": {},
        "c": [],
        "d": {"e": ["f"]},
    }
    assert json.loads(dumped(data)) == data
    assert dumped(data) == json.dumps(data, indent=4, ensure_ascii=False)
    assert indent_of('{\n\t"a": 1\n}') == "\t" and indent_of("{}") == "    "


@pytest.mark.parametrize("sort", [False, True])
def test_a_specification_in_both_orders(sort: bool) -> None:
    edits = "containerEdits:\n    deviceNodes:\n    - path: %s\n      hostPath: /x\n  "
    entry = "- %sname: %s\n" if sort else "- name: %s\n  %s"
    rows = (("/dev/nvidia0", '"0"'), ("/dev/nvidia0", "GPU-a"), ("/dev/nvidia0", "all"))
    items = "".join(
        entry % ((edits % file, name) if sort else (name, (edits % file).rstrip(" "))) for file, name in rows
    )
    common = "containerEdits:\n  hooks:\n  - args:\n    - --host-driver-version=580.95.05\n"
    found = parsed("/run/cdi/x.yaml", "kind: nvidia.com/gpu\n%sdevices:\n%s" % (common, items))
    assert found and found.driver == "580.95.05"
    assert dict(found.devices) == {name: frozenset({"/dev/nvidia0"}) for name in ("0", "GPU-a", "all")}
    device = GpuDevice("0", "GPU-a", ("/dev/nvidia0",))
    assert not stale([found], [device], "580.95.05")
    assert "is for driver" in stale([found], [device], "590.48.01")
    assert "GPU-b is not in" in stale([found], [device, GpuDevice("1", "GPU-b", ("/dev/nvidia1",))], None)


def test_a_specification_of_others() -> None:
    assert parsed("/etc/cdi/x.yaml", "kind: vendor.com/net\ndevices: []\n") is None
    assert stale([], [GpuDevice("0", "GPU-a", ())], None) == "there is no CDI specification"


def test_the_entry_of_imports() -> None:
    text = 'version = 2\nimports = ["/a/*.toml"]\n[x]\ny = 1\n'
    new = containerd.with_import(text, toml.parsed(text))
    assert toml.parsed(new)["imports"] == ["/a/*.toml", containerd.DROP_IN], "the last one decides"
    assert containerd.without_import(new, listed=True) == text
    empty = "imports = [\n]\nversion = 3\n"
    new = containerd.with_import(empty, toml.parsed(empty))
    assert toml.parsed(new) == {"imports": [containerd.DROP_IN], "version": 3}
    assert containerd.without_import(new, listed=True) == empty


@pytest.mark.parametrize(
    "written",
    [
        '["/a.toml"]',
        '["/a.toml",]',
        '[\n  "/a.toml", # ours ] is below\n]',
        '[ # first, "no entry"\n  "/a.toml"\n  # last\n]',
        "['/a]b.toml', \"/c.toml\"]",
        '["/a.toml", "/b\\"].toml"]',
    ],
)
def test_the_entry_comes_last_however_the_list_is_written(written: str) -> None:
    text = "version = 2\nimports = %s\n" % written
    there = toml.parsed(text)["imports"]
    new = containerd.with_import(text, toml.parsed(text))
    assert toml.parsed(new) == {"version": 2, "imports": [*there, containerd.DROP_IN]}
    assert containerd.without_import(new, listed=True) == text


@pytest.mark.parametrize(
    "text, left",
    [
        ('# imports = ["%s"]\nimports = ["/a.toml", "%s"]\n', '# imports = ["%s"]\nimports = ["/a.toml"]\n'),
        ("imports = ['/a.toml', '%s']\n", "imports = ['/a.toml']\n"),
        ('imports = [\n  "/a.toml",\n  "%s",\n]\n', 'imports = [\n  "/a.toml",\n]\n'),
        ('imports = ["%s",]\n', "imports = []\n"),
        ('imports = [ # "%s"\n  "/a.toml"]\n', 'imports = [ # "%s"\n  "/a.toml"]\n'),
    ],
)
def test_the_entry_goes_however_somebody_wrote_it(text: str, left: str) -> None:
    text, left = (each.replace("%s", containerd.DROP_IN) for each in (text, left))
    assert containerd.without_import(text, listed=True) == left
    assert containerd.DROP_IN not in (toml.parsed(left)["imports"] or [])


def test_a_line_of_ours_goes_and_a_comment_stays() -> None:
    text = '# see "%s"\nimports = ["%s"]\nversion = 2\n' % (containerd.DROP_IN, containerd.DROP_IN)
    assert containerd.without_import(text, listed=False) == '# see "%s"\nversion = 2\n' % containerd.DROP_IN


def test_an_entry_that_came_first_goes_as_well() -> None:
    text = 'imports = ["%s", "/a.toml"]\n' % containerd.DROP_IN
    assert containerd.without_import(text, listed=True) == 'imports = ["/a.toml"]\n'


def runtime(program: str, default: str) -> str:
    plugin = 'plugins."io.containerd.grpc.v1.cri".containerd'
    head = 'version = 2\n[%s]\ndefault_runtime_name = "%s"\n' % (plugin, default)
    return '%s[%s.runtimes.nvidia.options]\nBinaryName = "%s"\n' % (head, plugin, program)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize(
    "listed, order",
    [
        (["/etc/containerd/conf.d/*.toml"], "anz"),
        (["/etc/containerd/conf.d/z.toml", "/etc/containerd/conf.d/a.toml"], "za"),
        (["conf.d/z.toml", "./conf.d//a.toml", "../containerd/conf.d/n.toml"], "zan"),
        (["/etc/containerd/conf.d/z.toml", "/etc/containerd/conf.d/*.toml"], "zan"),
        (["/etc/containerd/conf.d/[az].toml", "/etc/containerd/conf.d/[az].*"], "az"),
        (["/etc/*/z.toml"], ""),
    ],
    ids=str,
)
def test_the_last_import_decides(listed: List[str], order: str, merged: bool) -> None:
    """Source: resolveImports and LoadConfig of containerd v1.6.20 to v2.1.0."""
    config: Dict[str, Any] = {"version": 2, "imports": listed}
    files = {"/etc/containerd/conf.d/%s.toml" % name: runtime("/" + name, "of-" + name) for name in "zan"}
    read = list(containerd.reads(config, files))
    assert read == [
        "/etc/containerd/config.toml",
        *("/etc/containerd/conf.d/%s.toml" % each for each in order),
    ]
    engine = containerd.in_effect(config, files, merged)
    assert containerd.runtime_in(engine) == ("/" + order[-1] if order else None)
    assert containerd.default_in(engine) == ("of-" + order[-1] if order else None)


def test_imports_of_imports_come_last() -> None:
    """Each file is read once, and a relative path counts from the file that has it."""
    config = toml.parsed('version = 2\nimports = ["conf.d/*.toml", "/z.toml"]\n')
    files = {
        "/etc/containerd/conf.d/a.toml": 'imports = ["../config.toml", "more/x.toml", "b.toml"]\n',
        "/etc/containerd/conf.d/b.toml": "",
        "/etc/containerd/conf.d/more/x.toml": 'imports = ["/z.toml"]\n',
        "/z.toml": "",
    }
    read = [path.rpartition("/")[2] for path in containerd.reads(config, files)]
    assert read == ["config.toml", "a.toml", "b.toml", "z.toml", "x.toml"]


CRI = 'plugins."io.containerd.grpc.v1.cri"'


@pytest.mark.parametrize(
    "last, merged, of_one",
    [
        ("[%s.containerd.runtimes.nvidia.options]\nSystemdCgroup = true\n" % CRI, "/a", ""),
        ('[%s.cni]\nbin_dir = "/x"\n' % CRI, "/a", None),
        ("[%s]\n" % CRI, "/a", None),
        ('[plugins."other"]\nx = 1\n', "/a", "/a"),
        ("version = 3\n[%s]\n" % CRI, "/a", "/a"),
    ],
)
def test_what_a_later_file_takes_away(last: str, merged: Optional[str], of_one: Optional[str]) -> None:
    """Source: mergeConfig of v1.7.24 and v2.0.0; a file without a version is of that of the others."""
    config = toml.parsed('version = 2\nimports = ["/*.toml"]\n')
    files = {"/a.toml": runtime("/a", "a"), "/b.toml": last}
    assert containerd.runtime_in(containerd.in_effect(config, files, True)) == merged
    assert containerd.runtime_in(containerd.in_effect(config, files, False)) == of_one


def test_our_entry_as_the_last() -> None:
    for before, after in (
        ('["%s", "/a.toml"]', '["/a.toml", "%s"]'),
        (
            '[\n  "/a.toml", # a\n  "%s",\n  "/b.toml", # b\n]',
            '[\n  "/a.toml", # a\n  "/b.toml", "%s", # b\n]',
        ),
        ('["/a.toml", "./conf.d/99-nvidia.toml", "/b.toml"]',) * 2,
        ('[ "%s" # ours\n, "/a.toml"]',) * 2,
    ):
        old, new = (
            "version = 2\nimports = %s\n" % each.replace("%s", containerd.DROP_IN) for each in (before, after)
        )
        assert containerd.last_import(old) == new


def test_what_is_remembered_of_docker() -> None:
    config: Dict[str, Any] = {"default-runtime": "kata", "x": 1}
    new = docker.with_runtime(config, True, None)
    record = docker.recorded(config, new, None, True)
    assert record == {"made": False, "runtime": None, "default": "kata"}
    assert docker.without(new, record) == config
    changed = {**new, "default-runtime": "runc", "y": 2}
    assert docker.without(changed, record) == {"default-runtime": "runc", "x": 1, "y": 2}, "theirs stays"
