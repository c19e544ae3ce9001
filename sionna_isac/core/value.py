"""Settings that several layers share: checked once, fixed afterwards, compared by content."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

__all__ = ["Value"]


class Value:
    """Base of settings that layers hold, such as a numerology.

    A value is checked when it is made and does not change afterwards. Values of the same class and
    the same content are equal and have the same hash. A layer that holds one saves and loads it
    with its own arguments.

    A subclass passes what its constructor has checked to ``_fix``, at least every argument under
    its own name.
    """

    def _fix(self, **entries: Any) -> None:
        for name, entry in entries.items():
            if isinstance(entry, np.ndarray):
                entry = entry.copy()
                entry.setflags(write=False)
            self.__dict__[name] = entry

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a {type(self).__name__} is fixed; make a new one to change {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is fixed; {name} cannot be deleted")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain values."""
        entries = {n: self.__dict__[n] for n in inspect.signature(type(self)).parameters}
        return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in entries.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Value made from what ``get_config`` returned."""
        return cls(**config)

    @functools.cached_property
    def _key(self) -> tuple[Any, ...]:
        entries = self.get_config().values()
        return (type(self), *(tuple(v) if isinstance(v, list) else v for v in entries))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{n}=[{v[0]:g} ... {v[-1]:g}]" if isinstance(v, list) else f"{n}={v!r}"
            for n, v in self.get_config().items()
            if v is not None
        )
        return f"{type(self).__name__}({shown})"
