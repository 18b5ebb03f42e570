"""What a client asks for, and everything that can be wrong with it, named at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from ledgerlake.errors import LedgerlakeError
from ledgerlake.layout import SHA256
from ledgerlake.settings import Settings
from tables.contract_store import ContractStore

MAX_NAME = 255
S3_SINGLE_WRITE = 5 * 1024**3
"""S3 writes at most 5 GiB in one request, and a raw file is written in one."""

_CONTENT_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}(; ?[\w-]{1,30}=[\w.-]{1,30}){0,3}", re.ASCII)
DECIMAL = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORBIDDEN = {
    "Cc": "a control character",
    "Cs": "half a surrogate pair",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What a client wants to send.

    `sha256` is hexadecimal; `declared_totals` maps names of `Contract.declarable` to decimal texts. `supersedes` is the
    earlier upload, if any, whose place the file takes.
    """

    dataset: str
    file_name: str
    size: int
    sha256: str
    content_type: str
    declared_rows: int | None = None
    declared_totals: Mapping[str, str] = field(default_factory=dict)
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one member of a request, and what is accepted instead."""

    field: str
    message: str


class InvalidRequestError(LedgerlakeError):
    """The caller must change the request; holds every problem, each with its field."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


class ConflictError(LedgerlakeError):
    """What is asked is not possible as things are: says how they are, and what is possible."""


class ForbiddenError(LedgerlakeError):
    """The caller's token does not allow this: says which scope does."""


def check_request(request: UploadRequest, settings: Settings, contracts: ContractStore) -> UploadRequest:
    """The request in its normal form: the file name in NFC, the hash in lower case.

    Raises:
        InvalidRequestError: names every field that is not acceptable.
    """
    problems = tuple(_problems(request, settings, contracts))
    if problems:
        raise InvalidRequestError(problems)
    return replace(request, file_name=unicodedata.normalize("NFC", request.file_name), sha256=request.sha256.lower())


def _problems(request: UploadRequest, settings: Settings, contracts: ContractStore) -> Iterator[FieldProblem]:
    names = contracts.names()
    if request.dataset not in names:
        close = get_close_matches(request.dataset, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names) or 'none'}"
        yield FieldProblem("dataset", f"no dataset {request.dataset!r}; {hint}")
    elif request.declared_totals:
        yield from _totals(request, contracts.current(request.dataset).declarable)
    if fault := _name_fault(request.file_name):
        yield FieldProblem("file_name", fault)
    limit = min(settings.max_upload_bytes, S3_SINGLE_WRITE)
    if not 0 < request.size <= limit:
        yield FieldProblem("size", f"must lie in 1..{limit} bytes, not {request.size}")
    if not SHA256.fullmatch(request.sha256.lower()):
        yield FieldProblem("sha256", "must be the file's SHA-256 as 64 hexadecimal digits")
    if not _CONTENT_TYPE.fullmatch(request.content_type):
        yield FieldProblem("content_type", "must be a media type, for example text/csv")
    if request.declared_rows is not None and request.declared_rows < 0:
        yield FieldProblem("declared_rows", f"must be 0 or more, not {request.declared_rows}")


def _totals(request: UploadRequest, declarable: tuple[str, ...]) -> Iterator[FieldProblem]:
    for column, total in request.declared_totals.items():
        name = f"declared_totals.{column[:MAX_NAME]}"
        if column not in declarable:
            known = ", ".join(declarable) or "none"
            yield FieldProblem(name, f"is no total of {request.dataset}; those are {known}")
        elif not DECIMAL.fullmatch(total):
            yield FieldProblem(name, 'must be a plain decimal text, for example "-1234.50"')


def _name_fault(name: str) -> str | None:
    normal = unicodedata.normalize("NFC", name)
    if not normal.strip() or len(normal) > MAX_NAME:
        return f"must have 1..{MAX_NAME} characters, not {len(normal)}"
    for position, letter in enumerate(normal, 1):
        if letter in "/\\":
            return f"must be a name without folders; character {position} is {letter!r}"
        if letter in _BIDI:
            return f"must not turn the direction of writing; character {position} is U+{ord(letter):04X}"
        if fault := _FORBIDDEN.get(unicodedata.category(letter)):
            return f"must be printable; character {position} is {fault} (U+{ord(letter):04X})"
    return None
