"""A value of a contract's text together with its place: reads it as the type wanted, or notes what is wrong there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ledgerlake.errors import Problem
from tables.odcs_schema import misfit, suggest
from tables.yaml_source import Path, Source


@dataclass(frozen=True, slots=True)
class Place:
    """`value` stands at `path`; `problems` is the one list that all places of a text share."""

    source: Source
    path: Path
    value: Any
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, message: str, fix: str, *, key: bool = False) -> None:
        """Notes a problem with this value (or with its key)."""
        self.problems.append(Problem(self.source.at(self.path, key=key), message, fix))

    def child(self, name: str) -> Place:
        """The member of that name; its value is None if there is none."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return Place(self.source, (*self.path, name), value, self.problems)

    def each(self) -> list[Place]:
        """The items of a list; a single value that is no list is noted and has none."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            self.refuse(*misfit(self.value, ["array"]))
            return []
        return [Place(self.source, (*self.path, i), value, self.problems) for i, value in enumerate(self.value)]

    def text(self, default: str = "") -> str:
        """A text."""
        return str(self._typed(str, "string", default))

    def whole(self, default: int = 0) -> int:
        """A whole number."""
        return int(self._typed(int, "integer", default))

    def flag(self, *, default: bool = False) -> bool:
        """true or false."""
        return bool(self._typed(bool, "boolean", default))

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(each.text() for each in self.each())

    def choice(self, known: Collection[str], default: str) -> str:
        """One of the known texts."""
        found = self.text(default)
        if found in known:
            return found
        self.refuse(f"{found!r} is not possible", suggest(found, known))
        return default

    def only(self, known: Collection[str]) -> None:
        """Notes each member that is not known."""
        if self.value is not None and not isinstance(self.value, dict):
            self.refuse(*misfit(self.value, ["object"]))
        for name in self.value if isinstance(self.value, dict) else ():
            if name not in known:
                self.child(name).refuse(f"{name!r} means nothing here", suggest(name, known), key=True)

    def custom(self, known: Collection[str]) -> dict[str, Place]:
        """Our own `customProperties` by name; those of another `vendor` are not read."""
        found: dict[str, Place] = {}
        for entry in self.child("customProperties").each():
            name = entry.child("property")
            if entry.child("vendor").value not in (None, "ledgerlake"):
                continue
            if str(name.value) not in known:
                name.refuse(
                    f"no custom property {name.value!r} here",
                    f"{suggest(str(name.value), known)} If another tool's: state its `vendor`.",
                )
            elif str(name.value) in found:
                name.refuse(f"{name.value!r} is stated twice", "Keep one.")
            else:
                found[str(name.value)] = entry.child("value")
        return found

    def _typed(self, kind: type, shape: str, default: Any) -> Any:
        if self.value is None:
            return default
        if not isinstance(self.value, kind) or (isinstance(self.value, bool) and kind is not bool):
            self.refuse(*misfit(self.value, [shape]))
            return default
        return self.value
