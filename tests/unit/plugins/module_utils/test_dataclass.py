# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dataclasses behave as those of the library do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, is_dataclass, replace
from typing import Any, Callable, Dict, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._dataclass import dataclass


@dataclass(frozen=True)
class Base:
    name: str
    size: int = 0


@dataclass(frozen=True)
class Plain(Base):
    """A kind of Base."""

    parts: Tuple[str, ...] = ()
    notes: List[str] = field(default_factory=list)
    passing: Any = field(default=None, compare=False, repr=False)

    @property
    def shouted(self) -> str:
        return self.name.upper()


@dataclasses.dataclass(frozen=True)
class BaseOfTheLibrary:
    name: str
    size: int = 0


@dataclasses.dataclass(frozen=True)
class OfTheLibrary(BaseOfTheLibrary):
    parts: Tuple[str, ...] = ()
    notes: List[str] = field(default_factory=list)
    passing: Any = field(default=None, compare=False, repr=False)


VALUES: List[Tuple[Tuple[Any, ...], Dict[str, Any]]] = [
    (("a",), {}),
    (("a", 1), {}),
    (("a", 1, ("x",), ["n"], 5), {}),
    ((), {"name": "a", "passing": 7}),
    (("a",), {"notes": ["m"]}),
]


@pytest.mark.parametrize("values, named", VALUES, ids=str)
def test_what_is_given_or_by_default(values: Tuple[Any, ...], named: Dict[str, Any]) -> None:
    ours, theirs = Plain(*values, **named), OfTheLibrary(*values, **named)
    assert asdict(ours) == asdict(theirs)
    assert repr(ours) == repr(theirs).replace("OfTheLibrary", "Plain")
    assert ours == Plain(*values, **named)
    assert asdict(replace(ours, size=9)) == asdict(replace(theirs, size=9))
    assert [each.name for each in fields(ours)] == [each.name for each in fields(theirs)]


@pytest.mark.parametrize(
    "values, named",
    [
        ((), {}),
        ((), {"size": 1}),
        (("a",), {"nmae": "b"}),
        ((), {"nmae": "b", "size": 1}),
        (("a",), {"name": "b"}),
        (("a", 1, (), [], None, "too much"), {}),
    ],
    ids=str,
)
def test_what_does_not_fit(values: Tuple[Any, ...], named: Dict[str, Any]) -> None:
    for kind in (Plain, OfTheLibrary):
        with pytest.raises(TypeError):
            kind(*values, **named)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(TypeError, match="Base: missing name; not expected nmae"):
        Base(nmae="b")  # type: ignore[call-arg]


def test_one_list_for_each() -> None:
    first, second = Plain("a"), Plain("a")
    first.notes.append("mine")
    assert second.notes == [] and first != second


def test_what_is_passing_does_not_count() -> None:
    @dataclass(frozen=True)
    class Seen:
        name: str
        at: float = field(default=0.0, compare=False)

    assert Seen("a", 1.0) == Seen("a", 2.0) and len({Seen("a", 1.0), Seen("a", 2.0), Seen("b")}) == 2
    assert Base("a", 1) in {Base("a", 1): "found"}
    with pytest.raises(TypeError):
        hash(Plain("a"))


def test_another_class_is_another_thing() -> None:
    assert Base("a") != Plain("a") and Plain("a") != Base("a")
    assert Base("a") != ("a", 0) and Base("a") != BaseOfTheLibrary("a")


@pytest.mark.parametrize(
    "change",
    [
        lambda each: setattr(each, "name", "b"),
        lambda each: setattr(each, "other", 1),
        lambda each: delattr(each, "name"),
    ],
)
def test_it_does_not_change(change: Callable[[Any], None]) -> None:
    ours = Plain("a")
    with pytest.raises(FrozenInstanceError):
        change(ours)
    assert ours.name == "a" and ours.shouted == "A"


def test_it_is_a_dataclass_and_can_be_copied() -> None:
    ours = Plain("a", 1, ("x",), ["n"], 5)
    assert is_dataclass(Plain) and Plain.__doc__ == "A kind of Base." and Base.__doc__
    assert copy.deepcopy(ours) == ours and pickle.loads(pickle.dumps(ours)) == ours


def test_one_that_changes_is_the_library_s() -> None:
    @dataclass
    class Changing:
        name: str
        notes: List[str] = field(default_factory=list)

    ours = Changing("a")
    ours.name = "b"
    assert ours == Changing("b") and "__init__" in vars(Changing)


@pytest.mark.parametrize("name", ["__post_init__", "__repr__", "__eq__", "__init__"])
def test_what_is_not_kept_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="Own has its own %s" % name):
        dataclass(frozen=True)(type("Own", (), {name: lambda self: None}))
