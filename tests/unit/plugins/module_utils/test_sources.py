# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's sources in both formats, and ours written so that apt and we read them back."""

from __future__ import annotations

from typing import Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import (
    Source,
    normal_uri,
    observe_sources,
    parse_deb822,
    parse_one_line,
    render_source,
    stanzas,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree
from hypothesis import given
from hypothesis import strategies as st

ONE_LINE = """# deb http://mirror.example.org/old bookworm main
deb http://mirror.example.org/debian bookworm main contrib # comment
deb-src http://mirror.example.org/debian bookworm main
deb  [arch=amd64 signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg]   https://nv.example.org/x86_64/ /

this is no source
deb http://lonely.example.org
"""
DEB822 = """## Comment before
Types: deb deb-src
URIs: http://mirror.example.org/ubuntu
  http://second.example.org/ubuntu/
Suites: noble noble-updates
Components: main
 universe
# comment inside
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb-src
URIs: http://mirror.example.org/ubuntu
Suites: noble

Enabled: no
Types: deb
URIs: http://off.example.org/ubuntu
Suites: noble
Components: main
"""


def test_one_line_format() -> None:
    assert parse_one_line(ONE_LINE, "p") == [
        Source("http://mirror.example.org/debian/", "bookworm", ("main", "contrib"), None, "p"),
        Source(
            "https://nv.example.org/x86_64/",
            "/",
            (),
            "/usr/share/keyrings/cuda-archive-keyring.gpg",
            "p",
        ),
    ]


def test_deb822_format() -> None:
    found = parse_deb822(DEB822, "p")
    assert [(source.uri, source.suite) for source in found] == [
        ("http://mirror.example.org/ubuntu/", "noble"),
        ("http://mirror.example.org/ubuntu/", "noble-updates"),
        ("http://second.example.org/ubuntu/", "noble"),
        ("http://second.example.org/ubuntu/", "noble-updates"),
    ]
    assert {source.components for source in found} == {("main", "universe")}
    assert {source.signed_by for source in found} == {"/usr/share/keyrings/archive.gpg"}


@pytest.mark.parametrize("word", ["no", "No", "false", "0", "off", "without", "disable"])
def test_disabled_as_apt_reads_it(word: str) -> None:
    text = "Enabled: %s\nTypes: deb\nURIs: http://a.example.org\nSuites: x\nComponents: main\n" % word
    assert parse_deb822(text, "p") == []


def test_files_in_apts_order(tree: Tree) -> None:
    tree.write("/etc/apt/sources.list", "deb http://a.example.org x main\n")
    tree.write("/etc/apt/sources.list.d/b.list", "deb http://b.example.org x main\n")
    tree.write(
        "/etc/apt/sources.list.d/c.sources",
        "Types: deb\nURIs: http://c.example.org\nSuites: x\nComponents: m\n",
    )
    tree.write("/etc/apt/sources.list.d/d.list.save", "deb http://d.example.org x main\n")
    found = observe_sources(tree.files)
    assert [source.uri for source in found] == [
        "http://a.example.org/",
        "http://b.example.org/",
        "http://c.example.org/",
    ]
    assert found[2].path == "/etc/apt/sources.list.d/c.sources"


def test_no_sources(tree: Tree) -> None:
    assert observe_sources(tree.files) == ()


@pytest.mark.parametrize(
    "uri", ["http://a.example.org/x", "http://a.example.org/x/", "http://a.example.org/x//"]
)
def test_one_spelling_for_one_place(uri: str) -> None:
    assert normal_uri(uri) == "http://a.example.org/x/"


@pytest.mark.parametrize(
    "spelt, ours",
    [
        ("file:///srv/mirror", "file:/srv/mirror/"),
        ("file:/srv/mirror/", "file:/srv/mirror/"),
        ("mirror+file:///etc/apt/mirrors.txt", "mirror+file:/etc/apt/mirrors.txt/"),
        ("https://me:secret@a.example.org/x", "https://a.example.org/x/"),
        ("https://me@a.example.org:8443", "https://a.example.org:8443/"),
        ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x/"),
        ("http://a.example.org/@x", "http://a.example.org/@x/"),
        ("cdrom:[Debian GNU/Linux 12]/", "cdrom:[Debian GNU/Linux 12]/"),
    ],
)
def test_as_apt_says_it(spelt: str, ours: str) -> None:
    assert normal_uri(spelt) == ours
    assert normal_uri(ours) == ours


def test_the_written_uri_is_kept_beside_the_one_to_compare() -> None:
    written = "https://me:secret@a.example.org/x"
    (listed,) = parse_one_line("deb %s bookworm main\n" % written, "p")
    (stanza,) = parse_deb822("Types: deb\nURIs: %s\nSuites: bookworm\nComponents: main\n" % written, "p")
    assert listed.spelt == stanza.spelt == written
    assert listed.uri == stanza.uri == "https://a.example.org/x/"
    assert "secret" not in repr(listed)


WORD = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, blacklist_characters="#"), min_size=1, max_size=12
)
EMBEDDED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n.\nmI0EawIz0QEE\n-----END PGP PUBLIC KEY BLOCK-----"


@given(
    uri=WORD.map(lambda word: "http://a.example.org/" + word.replace("/", "") + "/"),
    suite=WORD,
    components=st.lists(WORD, max_size=3),
    signed_by=st.one_of(st.none(), st.just("/etc/apt/keyrings/x.asc"), st.just("\n" + EMBEDDED)),
)
def test_what_we_write_is_read_back(
    uri: str, suite: str, components: "list[str]", signed_by: Optional[str]
) -> None:
    text = render_source("About it.", uri, suite, " ".join(components), signed_by)
    assert parse_deb822(text, "p") == [Source(normal_uri(uri), suite, tuple(components), signed_by, "p")]


def test_stanzas_join_continuation_lines() -> None:
    assert list(stanzas("A: 1\n 2\n\n\nB:3\n  # 4\n")) == [{"a": "1\n2"}, {"b": "3\n# 4"}]
