# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files are read as PyYAML reads them, or refused with the line."""

from __future__ import annotations

from typing import Optional

import pytest
import yaml
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.yaml_text import BadYaml, parse
from hypothesis import given
from hypothesis import strategies as st

TEXTS = (
    "",
    "# nothing\n\n",
    "---\nversion: v1\n",
    "a: 1\nb: true\nc: No\nd:\ne: ~\nf: null\n",
    "a:\n  b:\n    c: d\n  e: f\ng: h\n",
    "a:\n- b\n- c\nd: e\n",
    "a:\n  - b: 1\n    c: 2\n\n  - b: 3\n    c:\n      d: 4\n",
    "-\n  a: 1\n-\n  - b\n- c\n",
    "- - a\n  - b\n- c\n",
    "a: []\nb: {}\nc: [1, 2]\nd: {e: 1, 'f g': [x, y]}\n",
    'a: [ "0x290110DE" , "0x20B010DE" ]\nb: 0x233010DE\n',
    "a: [\n  1,\n  2,  # two\n  ]\nb: 3\n",
    "\"1g.5gb\": 7\n'1g.5gb+me': 1\n1g.10gb: 2\n1c.3g.20gb: 0\n",
    "a: its # a comment\nb: 'it''s # none'\nc: \"x \\\" y\"\n",
    "a: http://host:80/x\nb: x:y\n'c: d': e\n",
    "a:    \n    # comment\n    b: c   \n",
    "a: [{b: 1}, {c: [2]}]\n",
    "plain words\n",
    "key with blanks : value\n",
    "a: -1\nb: +2\nc: 0\nd: -me\n",
)


@pytest.mark.parametrize("text", TEXTS)
def test_as_pyyaml_reads_it(text: str) -> None:
    assert parse(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text, said",
    [
        ("a: &b 1\n", "Line 1 has more of YAML than is understood here"),
        ("a: *b\n", "Line 1 has more"),
        ("a: |\n  text\n", "Line 1 has more"),
        ("a: !!int 1\n", "Line 1 has more"),
        ("a: 1\na: 2\n", "Line 2 has a key that was there before"),
        ("a: 1\n   b: 2\n", "Line 2 is indented in a way that fits nothing above it"),
        ("a:\n    b: 1\n  c: 2\n", "Line 3 is indented"),
        ("\ta: 1\n", "Line 1 is indented with a tab"),
        ("a: [1, 2\nb: 3\n", "Line 1 lacks"),
        ("a: [1 2] 3\n", "Line 1 goes on after its end"),
        ("a: {b}\n", "Line 1 has a key that is none"),
        ("a: {[b]: 1}\n", "Line 1 has a key that is none"),
        ("a: [, 1]\n", "Line 1 has an empty entry"),
        ('a: "b\n', "Line 1 has quotes that are not understood"),
        ("a: it's\n", "Line 1 has quotes that are not understood"),
        ("a: 'b\n  c'\n", "Line 1 has quotes that are not understood"),
        ("a: 1.5\n", "Line 1 has more of YAML than is understood here, or should be quoted"),
        ("a: 1:20\n", "Line 1 has more"),
        ("a: 2026-01-01\n", "Line 1 has more"),
        ("a: - b\n", "Line 1 has more"),
        ("---\n---\n", "Line 2 has more"),
        ("a: ]\n", "Line 1 has a bracket that closes nothing"),
        ("a: 1\nplain\n", "Line 2 is indented in a way that fits nothing above it"),
    ],
)
def test_refused_with_the_line(text: str, said: str) -> None:
    with pytest.raises(BadYaml) as error:
        parse(text)
    assert str(error.value).startswith(said)


KEYS = st.from_regex(r"[a-z][a-z0-9.+-]{0,8}", fullmatch=True)
LEAVES = st.one_of(st.integers(-9, 999), st.booleans(), KEYS, st.none())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(value=st.dictionaries(KEYS, VALUES, max_size=4), flow=st.sampled_from([None, False]))
def test_what_pyyaml_writes(value: object, flow: Optional[bool]) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, width=1000)
    assert parse(text) == value


TOKENS = st.sampled_from(
    [
        "a",
        "b1",
        "x",
        "1",
        "0",
        "-",
        "- ",
        ": ",
        ":",
        " ",
        "\n",
        "\n  ",
        "\n- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "#",
    ]
    + [
        " #",
        '"',
        "'",
        '""',
        ".",
        "~",
        "null",
        "true",
        "0x1F",
        "1g.5gb",
        "a: ",
        "b: ",
        "\n    ",
        "---\n",
        "_",
        "\\",
    ]
)


@given(text=st.lists(TOKENS, max_size=12).map("".join))
def test_never_otherwise_than_pyyaml(text: str) -> None:
    """Whatever is not refused means the same to PyYAML."""
    try:
        mine = parse(text)
    except BadYaml:
        return
    assert mine == yaml.safe_load(text)
