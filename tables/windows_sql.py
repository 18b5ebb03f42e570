"""Windows of time, once more: as one SELECT over remembered events, for those who ask about the past.

It is what `tables.windows` does for the rows of a run, in the SQL that DataFusion and Trino share; a test holds both
against one model.
"""

from __future__ import annotations

from tables import sql
from tables.believed import RETRACT
from tables.contract import LINEAGE, Contract
from tables.windows import FROM, TO


def windows_sql(contract: Contract, seq: int, only: str = "TRUE", holds: str = "TRUE") -> str:
    """The windows that the events of uploads up to `seq` make, with the columns of the table, by key and time.

    `only` and `holds` are SQL: which events are looked at (by key), and which windows are wanted.

    `told`: each event with its place, and by which upload it was taken back (`tables.believed`). `said`: of those that
    count, the last row of each file about a key and time. `news`: without those that say what the upload before said.
    `moments`: the last of each time, and whether it opens a window or changes the row of the open one. `parts`: the
    events of one window, and of one deletion. `spans`: the last event of each, which has its row, and when it ends.
    """
    time = sql.identifier(str(contract.sequence_by))
    key = ", ".join(sql.identifier(name) for name in contract.primary_key)
    silent = {*contract.primary_key, contract.sequence_by, *(each.name for each in LINEAGE)}
    content = [name for name in contract.stored_schema.names if name not in silent]
    tracked = _differs([name for name in content if name not in contract.untracked])
    columns = ", ".join(sql.identifier(name) for name in contract.stored_schema.names)
    return f"""
WITH told AS (
    SELECT *, max(CASE WHEN _op = '{RETRACT}' THEN _seq END) OVER (PARTITION BY {key}, _upload_id) AS _over,
        coalesce(max(CASE WHEN _op = '{RETRACT}' THEN _row END) OVER (PARTITION BY {key}, _seq), _seq) AS _place
    FROM t WHERE _seq <= {seq:d} AND {only}
), said AS (
    SELECT *, row_number() OVER (PARTITION BY {key}, {time}, _place ORDER BY _row DESC) AS _nth
    FROM told WHERE _op <> '{RETRACT}' AND (_over IS NULL OR _over <= _seq)
), news AS (
    SELECT *, (lag(_op) OVER w IS DISTINCT FROM _op) OR {_differs(content)} AS _new
    FROM said WHERE _nth = 1 WINDOW w AS (PARTITION BY {key}, {time} ORDER BY _place)
), last AS (
    SELECT *, row_number() OVER (PARTITION BY {key}, {time} ORDER BY _place DESC) AS _last FROM news WHERE _new
), moments AS (
    SELECT *, _op = 'upsert' AND ((lag(_op) OVER w IS DISTINCT FROM 'upsert') OR {tracked}) AS _opens,
        {_differs(content)} AS _brings
    FROM last WHERE _last = 1 WINDOW w AS (PARTITION BY {key} ORDER BY {time})
), parts AS (
    SELECT *, sum(CASE WHEN _opens OR _op = 'delete' THEN 1 ELSE 0 END) OVER w AS _part
    FROM moments WHERE _opens OR _brings OR _op = 'delete' WINDOW w AS (PARTITION BY {key} ORDER BY {time})
), spans AS (
    SELECT *, min({time}) OVER (PARTITION BY {key}, _part) AS {FROM},
        row_number() OVER (PARTITION BY {key}, _part ORDER BY {time} DESC) AS _from_last
    FROM parts
), windows AS (
    SELECT *, lead({FROM}) OVER (PARTITION BY {key} ORDER BY {FROM}) AS {TO} FROM spans WHERE _from_last = 1
)
SELECT {columns}, {FROM}, {TO} FROM windows WHERE _op = 'upsert' AND {holds} ORDER BY {key}, {FROM}"""  # noqa: S608  # quoted names


def _differs(names: list[str]) -> str:
    """Whether the row before, in the window `w`, has another value."""
    parts = [f"(lag({name}) OVER w IS DISTINCT FROM {name})" for name in map(sql.identifier, names)]
    return f"({' OR '.join(parts)})" if parts else "FALSE"
