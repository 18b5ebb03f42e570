"""The check of a header before a file is accepted."""

from __future__ import annotations

from tables.contract import Contract
from validation.formats import FORMATS


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # one of three, never alone
    """Compares the header in the first bytes of a file (`complete`: all of it) with the contract.

    Raises:
        RejectedError: names the line and every column that is missing, unknown or there twice.
    """
    FORMATS[contract.file.name].check_header(prefix, contract, complete)
