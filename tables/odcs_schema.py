"""Checks a contract against the JSON Schema that ODCS 3.2 publishes; a typo comes back with the word that was meant.

(The package's pydantic model lets nested typos pass; its JSON Schema does not.)
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError, best_match

from ledgerlake.errors import Problem
from tables.yaml_source import Path, Source

_SHAPES = {
    "object": "members (key: value)",
    "array": "a list (- ...)",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}


def schema_problems(source: Source) -> list[Problem]:
    """Everything in which the text departs from ODCS 3.2, in the order of the text."""
    problems = []
    for error in Draft201909Validator(_standard()).iter_errors(source.value):
        problems += _problems(source, _most_telling(error))
    return sorted(set(problems), key=_line)


def suggest(given: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?` if one of the known names is near, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1) or [name for name in names if name.lower() == given.lower()]
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."


def misfit(found: Any, kinds: list[str]) -> tuple[str, str]:
    """Message and fix for a value that is of none of the kinds of JSON Schema wanted."""
    wanted = " or ".join(_SHAPES[kind] for kind in kinds)
    fix = "Put it in quotes." if kinds == ["string"] and not isinstance(found, dict | list) else f"Write {wanted}."
    return f"found {_shown(found)}, expected {wanted}", fix


@cache
def _standard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8"),
    )
    return found


def _most_telling(error: ValidationError) -> ValidationError:
    """Inside anyOf and oneOf: the deepest error of the branch that came nearest."""
    while error.context:
        inner = best_match(error.context)
        if inner is None:
            break
        error = inner
    return error


def _problems(source: Source, error: ValidationError) -> list[Problem]:
    path: Path = tuple(error.absolute_path)
    found: Any = error.instance
    wanted: Any = error.validator_value
    match error.validator:
        case "additionalProperties" | "unevaluatedProperties":
            known = set(_known(error.schema))
            return [
                Problem(source.at((*path, name), key=True), f"ODCS has no {name!r} here", suggest(name, known))
                for name in found
                if name not in known
            ]
        case "required":
            missing = [name for name in wanted if name not in found]
            return [Problem(source.at(path), f"{name!r} is missing", f"Add `{name}: ...`.") for name in missing]
        case "enum":
            names = [str(name) for name in wanted]
            return [Problem(source.at(path), f"{found!r} is not possible", suggest(str(found), names))]
        case "type":
            return [Problem(source.at(path), *misfit(found, [wanted] if isinstance(wanted, str) else wanted))]
        case _:
            return [Problem(source.at(path), error.message, "See https://bitol.io for ODCS 3.2.")]


def _known(schema: Any) -> Iterator[str]:
    """Names of all members that a schema speaks of, in whatever branch."""
    if not isinstance(schema, dict):
        return
    yield from schema.get("properties", {})
    if "$ref" in schema:
        yield from _known(_standard()["$defs"][schema["$ref"].rpartition("/")[2]])
    for each in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("then")):
        yield from _known(each)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return _SHAPES["object" if isinstance(value, dict) else "array"]
    if isinstance(value, str):
        return repr(value)
    return "nothing" if value is None else str(value).lower()


def _line(problem: Problem) -> tuple[int, int]:
    line, column = problem.where.rsplit(":", 2)[1:]
    return int(line), int(column)
