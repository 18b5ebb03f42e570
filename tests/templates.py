"""The AWS templates as values: parsed with CloudFormation's tags in their long form, and translated as AWS would."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

ROOT = Path(__file__).parents[1]
INFRA = ROOT / "infra"
ROOMS = ("storage", "ingestion", "streaming", "catalog", "monitoring")

Json = dict[str, Any]


class _Constructor(SafeConstructor):
    """YAML with CloudFormation's short tags, each as its long form."""


def _long_form(constructor: _Constructor, tag: str, node: ScalarNode | SequenceNode | MappingNode) -> Json:
    if isinstance(node, ScalarNode):
        value: Any = constructor.construct_scalar(node)
    elif isinstance(node, SequenceNode):
        value = constructor.construct_sequence(node, deep=True)
    else:
        value = constructor.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Constructor.add_multi_constructor("!", _long_form)


@cache
def _text(name: str) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return json.dumps(yaml.load((INFRA / f"{name}.yaml").read_text()))


def template(name: str) -> Json:
    """A template of `infra/` as JSON; a fresh copy for each caller."""
    loaded: Json = json.loads(_text(name))
    return loaded


def templates() -> Mapping[str, Json]:
    """Every template, the root first."""
    return {name: template(name) for name in ("template", *ROOMS)}


def resources(*kinds: str) -> dict[str, Json]:
    """Every resource of these types (all, if none is named), by `template.LogicalId`."""
    return {
        f"{name}.{logical}": each
        for name, whole in templates().items()
        for logical, each in whole["Resources"].items()
        if not kinds or each["Type"] in kinds
    }


def properties(name: str) -> Json:
    """Properties of the resource `template.LogicalId`."""
    found: Json = resources()[name]["Properties"]
    return found


def handler(function: Json) -> str:
    """The handler of a function's properties, whether it comes as a zip file or as an image."""
    return str(function["Handler"] if "Handler" in function else function["ImageConfig"]["Command"][0])


def statements(name: str) -> list[Json]:
    """The statements of a policy's, key's or role's document, either branch of an `Fn::If` included."""
    return list(_statements(properties(name)))


def _statements(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for member in value.values():
            yield from _statements(member)
    elif isinstance(value, list):
        for member in value:
            yield from _statements(member)


def listed(value: Any) -> list[Any]:
    """A policy's element, which may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


PSEUDO = {
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Scope:
    """What a template's intrinsic functions mean, given its parameters and the attributes of other resources."""

    whole: Json
    parameters: Mapping[str, Any]
    attributes: Mapping[str, str] = field(default_factory=dict)

    def resolved(self, value: Any) -> Any:
        """The value without intrinsic functions; a resource that is not among the attributes is called by its id."""
        if isinstance(value, list):
            made = [self.resolved(each) for each in value]
            return [each for each in made if each != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in FUNCTIONS:
                return FUNCTIONS[name](self, argument)
        made_of = {name: self.resolved(member) for name, member in value.items()}
        return {name: member for name, member in made_of.items() if member != NO_VALUE}

    def holds(self, condition: Json) -> bool:
        """Whether a condition is true."""
        if "Fn::Not" in condition:
            return not self.holds(condition["Fn::Not"][0])
        left, right = (self.resolved(each) for each in condition["Fn::Equals"])
        return bool(left == right)

    def ref(self, name: str) -> Any:
        """A parameter's value, or the name of a resource."""
        if name == "AWS::NoValue":
            return NO_VALUE
        default = self.whole["Parameters"].get(name, {}).get("Default", name)
        return self.attributes.get(name, self.parameters.get(name, PSEUDO.get(name, default)))

    def attribute(self, parts: list[str]) -> str:
        """An attribute of a resource."""
        name = ".".join(parts)
        return self.attributes.get(name, name)

    def substituted(self, text: str) -> str:
        """The text with its `${...}` filled in."""

        def one(found: re.Match[str]) -> str:
            name = found.group(1)
            return str(self.attribute([name]) if "." in name else self.ref(name))

        return re.sub(r"\$\{([\w.:]+)\}", one, text)

    def chosen(self, choice: list[Any]) -> Any:
        """One of two values, by a condition."""
        condition, yes, no = choice
        return self.resolved(yes if self.holds(self.whole["Conditions"][condition]) else no)

    def joined(self, parts: list[Any]) -> str:
        """A list as text."""
        separator, values = parts
        return str(separator).join(map(str, listed(self.resolved(values))))


FUNCTIONS: Mapping[str, Callable[[Scope, Any], Any]] = {
    "Ref": Scope.ref,
    "Fn::GetAtt": Scope.attribute,
    "Fn::Sub": Scope.substituted,
    "Fn::If": Scope.chosen,
    "Fn::Join": Scope.joined,
}
