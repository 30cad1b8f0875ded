# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Plain data that does not change: @dataclass(frozen=True) with methods that all classes share.

A dataclass writes and compiles half a dozen methods for each class. Modules are sent as sources and read anew
with each task, and that took a tenth of the time of a look at a node that needs nothing, and more of a larger
one. To type checkers, to replace() and to fields() such a class is a dataclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass as plain
else:
    from dataclasses import MISSING, FrozenInstanceError, dataclass

    def plain(*, frozen: bool) -> Any:
        """The decorator. ``frozen`` is for type checkers: what it decorates always is."""
        return _made_plain

    def _made_plain(cls: type) -> type:
        # Without a text it would write one, with the signature in it.
        cls.__doc__ = cls.__doc__ or cls.__name__
        made = dataclass(init=False, repr=False, eq=False)(cls)
        fields = made.__dataclass_fields__.values()
        made.__names__ = names = tuple(each.name for each in fields)
        made.__known__ = frozenset(names)
        made.__compared__ = tuple(each.name for each in fields if each.compare)
        made.__shown__ = tuple(each.name for each in fields if each.repr)
        made.__preset__ = {each.name: each.default for each in fields if each.default is not MISSING}
        made.__made__ = tuple(
            (each.name, each.default_factory) for each in fields if each.default_factory is not MISSING
        )
        for name, method in _METHODS.items():
            setattr(made, name, method)
        return made

    def _init(self: Any, *values: Any, **named: Any) -> None:
        own: Dict[str, Any] = self.__dict__
        names = self.__names__
        own.update(self.__preset__)
        own.update(zip(names, values))
        own.update(named)
        for name, make in self.__made__:
            if name not in own:
                own[name] = make()
        if len(own) != len(names) or len(values) > len(names) or not named.keys() <= self.__known__:
            _refuse(self, values, named)
        if values and named and not named.keys().isdisjoint(names[: len(values)]):
            _refuse(self, values, named)

    def _refuse(self: Any, values: Any, named: Dict[str, Any]) -> NoReturn:
        names = self.__names__
        missing = [name for name in names if name not in self.__dict__]
        wrong = [name for name in named if name not in names or name in names[: len(values)]]
        if len(values) > len(names):
            wrong.append("%d values for %d fields" % (len(values), len(names)))
        raise TypeError(
            "%s: missing %s; not expected %s"
            % (type(self).__name__, ", ".join(missing) or "nothing", ", ".join(wrong) or "nothing")
        )

    def _identity(self: Any) -> Any:
        own = self.__dict__
        return tuple([own[name] for name in self.__compared__])

    def _eq(self: Any, other: object) -> Any:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or _identity(self) == _identity(other)

    def _hash(self: Any) -> int:
        return hash(_identity(self))

    def _repr(self: Any) -> str:
        shown = ("%s=%r" % (name, self.__dict__[name]) for name in self.__shown__)
        return "%s(%s)" % (type(self).__qualname__, ", ".join(shown))

    def _set(self: Any, name: str, _value: Any) -> NoReturn:
        raise FrozenInstanceError("cannot assign to field %r" % name)

    def _delete(self: Any, name: str) -> NoReturn:
        raise FrozenInstanceError("cannot delete field %r" % name)

    _METHODS = {
        "__init__": _init,
        "__eq__": _eq,
        "__hash__": _hash,
        "__repr__": _repr,
        "__setattr__": _set,
        "__delattr__": _delete,
    }
