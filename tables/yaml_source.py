"""A YAML text as plain values that remember where they stand: the first step of reading a contract.

YAML 1.2, so `NO`, `on` and `yes` are texts; a date stays the text that was written; a number with a point is a
Decimal. Duplicate keys, tags, anchors and further documents are refused: a contract says each thing once, in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ledgerlake.errors import ContractError, Problem

MAX_CHARACTERS = 256 * 1024
Path = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Source:
    """`value`: dict, list, str, int, Decimal, bool and None. `keys` and `values` map a path to (line, column)."""

    where: str
    value: Any
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: Path, *, key: bool = False) -> str:
        """`file:line:column` (1-based) of the value at `path`, or of its key; of its parent if it is not there."""
        positions = self.keys if key else self.values
        while path and path not in positions:
            path, positions = path[:-1], self.values
        line, column = positions.get(path, (1, 1))
        return f"{self.where}:{line}:{column}"


def read_yaml(text: str, where: str) -> Source:
    """The text's one document.

    Raises:
        ContractError: it is not YAML, is too large, or uses what is refused above; one problem for each place.
    """
    if len(text) > MAX_CHARACTERS:
        raise _error(f"{where}:1:1", f"{len(text)} characters", f"A contract has at most {MAX_CHARACTERS}.")
    try:
        root = YAML(typ="rt").compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else f"{where}:1:1"
        raise _error(place, f"not YAML: {error.problem or error.context}", _yaml_fix(error)) from error
    except (YAMLError, RecursionError) as error:
        raise _error(f"{where}:1:1", f"not YAML: {str(error).splitlines()[0]}", "Write UTF-8 text.") from error
    if root is None:
        raise _error(f"{where}:1:1", "the contract is empty", "Start from an example in contracts/.")
    source, problems = Source(where, None), []  # type: tuple[Source, list[Problem]]
    value = _value(root, (), source, problems, set())
    if problems:
        raise ContractError(tuple(problems))
    return Source(where, value, source.keys, source.values)


def _value(node: Node, path: Path, source: Source, problems: list[Problem], seen: set[int]) -> Any:
    source.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in seen:
        problems.append(Problem(source.at(path), "an alias repeats another part", "Write the value out in full."))
        return None
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        return [_value(each, (*path, i), source, problems, seen) for i, each in enumerate(node.value)]
    if isinstance(node, MappingNode):
        return _mapping(node, path, source, problems, seen)
    return _scalar(node, path, source, problems)


def _mapping(node: Node, path: Path, source: Source, problems: list[Problem], seen: set[int]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in node.value:
        place = (key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, ScalarNode):
            problems.append(Problem(f"{source.where}:{place[0]}:{place[1]}", "a key must be a text", "Name it."))
            continue
        child = (*path, str(key.value))
        if key.value in members:
            problems.append(
                Problem(
                    f"{source.where}:{place[0]}:{place[1]}",
                    f"{key.value!r} is stated twice",
                    f"The first is on line {source.keys[child][0]}; keep one.",
                ),
            )
            continue
        source.keys[child] = place
        members[str(key.value)] = _value(value, child, source, problems, seen)
    return members


def _scalar(node: Node, path: Path, source: Source, problems: list[Problem]) -> Any:
    text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
    try:
        match kind:
            case "str" | "timestamp":
                return text
            case "int":
                return _whole(text.replace("_", ""))
            case "float":
                number = Decimal(text.replace("_", ""))
                if number.is_finite():
                    return number
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
    except (ValueError, ArithmeticError):
        pass
    problems.append(Problem(source.at(path), f"cannot take {text!r} as a value ({kind})", "Put it in quotes."))
    return None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int(text, 0)


def _yaml_fix(error: MarkedYAMLError) -> str:
    if "\t" in str(error):
        return "Indent with blanks, not with tabs."
    return "Check indentation, brackets and quotes here and on the line above; quote texts that contain ': ' or ' #'."


def _error(where: str, message: str, fix: str) -> ContractError:
    return ContractError((Problem(where, message, fix),))
