"""What a superseding run takes out of its table: counted before the commit that does it, and said in its outcome."""

from __future__ import annotations

from streaming_jobs.conservation import add, money_text
from streaming_jobs.open_tables import Handle
from streaming_jobs.runs import Run
from streaming_jobs.tallies import Tally, sums
from tables import delta, sql
from tables.superseding import of_uploads


def replaced(data: Handle, run: Run) -> dict[str, str]:
    """`rows`, and the sum of each money column, that leave the table `data`; nothing if the run supersedes nothing."""
    if not run.supersedes:
        return {}
    money = [name for name in run.contract.money if name in delta.schema(data).names]
    listed = ", ".join(map(sql.identifier, ["_row", *money]))
    statement = f"SELECT {listed} FROM t WHERE {of_uploads(run.supersedes)}"  # noqa: S608  # identifiers and literals
    parts = [Tally(each.num_rows, sums(each.select(money))) for each in delta.stream(data, statement)]
    gone = add(parts, money)
    texts = {name: money_text(gone.money[name], run.contract.column(name).scale) for name in money}
    return {"rows": str(gone.rows), **texts}
