# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The library's dataclass, where frozen ones have methods that all of them share.

A dataclass writes and compiles half a dozen methods for each class. Modules are sent as sources and read anew
with each task, and that took a tenth of the time of a look at a node that needs nothing, and more of a larger
one. To type checkers, replace(), fields() and asdict() nothing is different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, NamedTuple, NoReturn, Optional, Tuple

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from dataclasses import MISSING

    def dataclass(cls: Optional[type] = None, *, frozen: bool = False) -> Any:
        """The decorator, as @dataclass or @dataclass(frozen=True)."""
        if frozen:
            return _frozen
        return dataclasses.dataclass(cls)

    class _Shape(NamedTuple):
        """Names of all fields, of those that count for equality, of those that are shown; what is preset."""

        names: Tuple[str, ...]
        known: FrozenSet[str]
        compared: Tuple[str, ...]
        shown: Tuple[str, ...]
        defaults: Dict[str, Any]
        factories: Tuple[Tuple[str, Callable[[], Any]], ...]

    def _frozen(cls: type) -> type:
        own = {"__post_init__", *_METHODS} & set(vars(cls))
        if own:
            named = ", ".join(sorted(own))
            raise TypeError("%s has its own %s, which frozen ones share" % (cls.__name__, named))
        # Without a text the library would write one, with the signature in it.
        cls.__doc__ = cls.__doc__ or cls.__name__
        made = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
        fields = dataclasses.fields(made)
        names = tuple(each.name for each in fields)
        made._shape = _Shape(
            names,
            frozenset(names),
            tuple(each.name for each in fields if each.compare),
            tuple(each.name for each in fields if each.repr),
            {each.name: each.default for each in fields if each.default is not MISSING},
            tuple(
                (each.name, each.default_factory) for each in fields if each.default_factory is not MISSING
            ),
        )
        for name, method in _METHODS.items():
            setattr(made, name, method)
        return made

    def _init(self: Any, *values: Any, **named: Any) -> None:
        own, shape = self.__dict__, self._shape
        own.update(shape.defaults)
        own.update(zip(shape.names, values))
        own.update(named)
        for name, make in shape.factories:
            if name not in own:
                own[name] = make()
        if len(own) != len(shape.names) or len(values) > len(own) or not named.keys() <= shape.known:
            _refuse(self, values, named)
        if values and named and not named.keys().isdisjoint(shape.names[: len(values)]):
            _refuse(self, values, named)

    def _refuse(self: Any, values: Any, named: Dict[str, Any]) -> NoReturn:
        names = self._shape.names
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
        return tuple([own[name] for name in self._shape.compared])

    def _eq(self: Any, other: object) -> Any:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or _identity(self) == _identity(other)

    def _hash(self: Any) -> int:
        return hash(_identity(self))

    def _repr(self: Any) -> str:
        shown = ("%s=%r" % (name, self.__dict__[name]) for name in self._shape.shown)
        return "%s(%s)" % (type(self).__qualname__, ", ".join(shown))

    def _set(self: Any, name: str, _value: Any) -> NoReturn:
        raise dataclasses.FrozenInstanceError("cannot assign to field %r" % name)

    def _delete(self: Any, name: str) -> NoReturn:
        raise dataclasses.FrozenInstanceError("cannot delete field %r" % name)

    _METHODS = {
        "__init__": _init,
        "__eq__": _eq,
        "__hash__": _hash,
        "__repr__": _repr,
        "__setattr__": _set,
        "__delattr__": _delete,
    }
