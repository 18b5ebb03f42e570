"""What judged a file besides its contract: the validation of this program, and the lists that its rules look into."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import pyarrow as pa

from tables.contract import Contract
from tables.reference import fingerprint
from validation.rules.registry import RULES


def rules_sha256(contract: Contract) -> str:
    """SHA-256 of it: a file judged again under the same contract and the same hash gets the same verdict.

    Another release of the validation has another hash, though it may say the same; lists count for contracts that use
    them. What other tables had is no part of it: their versions stand beside it.
    """
    lists = sorted({name for _, use in contract.uses for name in RULES[use.name].lists})
    parts = [_program(), *(fingerprint(name) for name in lists)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


@cache
def _program() -> str:
    """The source of the package, and the version of the library that its rules run on."""
    digest = hashlib.sha256(str(pa.__version__).encode())
    for name, source in sorted(_sources(resources.files("validation"), "")):
        digest.update(f"\n{name} {len(source)}\n".encode() + source)
    return digest.hexdigest()


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _sources(each, f"{path}{each.name}/")
        elif each.name.endswith(".py"):
            yield f"{path}{each.name}", each.read_bytes()
