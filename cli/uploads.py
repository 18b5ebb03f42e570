"""How an upload looks on the command line: one line in a list, or all that is known of it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table

from cli.shell import table
from ingestion.client import Json
from ledgerlake.clock import from_text

COLORS = {"applied": "green", "held": "yellow", "rejected": "red", "accepted": "cyan"}
COUNTS = ("rows", "merged", "superseded", "duplicate", "quarantined")


def state(upload: Json) -> str:
    """Its state, coloured."""
    name = upload["state"]
    return f"[{COLORS.get(name, 'default')}]{name}[/]"


def seconds(upload: Json) -> float | None:
    """From landing to its last stage."""
    at = {each["stage"]: from_text(each["at"]) for each in upload["stages"]}
    return (max(at.values()) - at["landed"]).total_seconds() if "landed" in at else None


def reason(upload: Json) -> str:
    """Why it was refused or set aside; empty where it was not."""
    return "; ".join(f"{each['check']}: {each['message']}" for each in upload["reasons"])


def listing(title: str, uploads: Iterable[Json]) -> Table:
    """Several uploads, a line each."""
    rows = []
    for each in uploads:
        outcome = each["outcome"] or {}
        took = seconds(each)
        rows.append(
            (
                each["seq"],
                each["file_name"],
                state(each),
                *(outcome.get(name) for name in COUNTS),
                outcome.get("version"),
                f"{took:.1f}" if took is not None else None,
                reason(each),
                each["upload_id"],
            ),
        )
    return table(title, ("seq", "file", "state", *COUNTS, "version", "s", "reason", "upload"), rows)


def whole(upload: Json) -> RenderableType:
    """One upload with stages, counts and money."""
    outcome = upload["outcome"] or {}
    about = [(name, upload[name]) for name in ("upload_id", "dataset", "file_name", "size", "sha256", "seq")]
    about += [("state", state(upload)), *((f"reason ({each['check']})", each["message"]) for each in upload["reasons"])]
    about += [(name, outcome[name]) for name in (*COUNTS, "version") if name in outcome]
    about += [("waived", each) for each in outcome.get("waived", ())]
    about += [(name, decided(upload[name])) for name in ("cause", "proposal", "decision") if upload.get(name)]
    if gone := outcome.get("replaced"):
        sums = (f"{name} {amount}" for name, amount in gone.items() if name != "rows")
        about.append(("replaced", ", ".join([f"{gone['rows']} rows", *sums])))
    if by := upload.get("superseded_by"):
        about.append(("superseded by", by["as_upload_id"]))
    about += [("note", each) for each in outcome.get("notes", {}).values()]
    parts: list[RenderableType] = [table("", ("", ""), about)]
    first = from_text(upload["stages"][0]["at"]) if upload["stages"] else None
    stages = [
        (each["stage"], each["at"], f"{(from_text(each['at']) - first).total_seconds():.2f}")
        for each in upload["stages"]
        if first
    ]
    parts.append(table("Stages", ("stage", "at", "s"), stages))
    money = outcome.get("money") or {}
    if money:
        kinds, left = tuple(next(iter(money.values()))), outcome.get("unexplained") or {}
        rows = [(name, *parts.values(), left.get(name)) for name, parts in money.items()]
        parts.append(table("Money", ("column", *kinds, "unexplained"), rows))
    return Group(*parts)


def decided(decision: Json) -> str:
    """A decision as a sentence."""
    second = f" and {decision['approved_by']}" if decision.get("approved_by") else ""
    return f"{decision['kind']} by {decision['by']}{second}: {decision['reason']}"


def hints(upload: Json) -> tuple[str, ...]:
    """What to do next."""
    outcome = upload["outcome"] or {}
    refused = outcome.get("quarantined") and not upload.get("superseded_by")
    more = (f"ledgerlake quarantine show {upload['upload_id']}",) if refused else ()
    match upload["state"]:
        case "applied" if outcome.get("replaced"):
            version = outcome["version"]
            return (*more, f"ledgerlake diff {upload['dataset']} {version - 1} {version}")
        case "applied":
            return (*more, f"ledgerlake history {upload['dataset']}")
        case "held" if not upload.get("decision"):
            again = "mend the file as the reason says and upload it again, then `ledgerlake holds reject` this one"
            return (f"ledgerlake holds release {upload['upload_id']} --reason WHY", again)
        case "rejected" if upload["reasons"][0]["check"] == "duplicate":
            return (f"ledgerlake history {upload['dataset']}",)
        case "held" | "rejected":
            return ("mend the file as the reason says, then upload it again",)
    return (f"ledgerlake status {upload['upload_id']}",)
