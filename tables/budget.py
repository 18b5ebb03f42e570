"""The quarantine budget: a file of which too many rows are refused is probably not the file that was meant."""

from __future__ import annotations

from tables.contract import Contract


def over_budget(contract: Contract, refused: int, rows: int) -> tuple[str, ...]:
    """Why a file has too many refused rows for the contract, in words; nothing if it has not."""
    budget = contract.quarantine_budget
    if budget is None:
        return ()
    share = 0 < budget < 1
    if refused <= (budget * rows if share else budget):
        return ()
    allowed = f"{(100 * budget).normalize():f} % of them" if share else f"{budget:f}"
    found = f"{refused} of {rows} rows are refused, and the contract allows {allowed}"
    return (f"quarantine_budget: {found}: correct the file and send it again, or release it as it is",)
