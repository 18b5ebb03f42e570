"""The Glue Catalog entry of a Delta table, in the one form that Athena, Trino and Spark all read.

Real columns, no partition keys (the Delta log knows them), the path as a SerDe parameter. Spark's own `saveAsTable`
would register `col array<string>` where the database has no location.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.settings import Settings
from tables.types import hive_type

_COMPARED = ("Description", "TableType", "PartitionKeys")
_ROW_FORMAT = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


def register(  # noqa: PLR0913, PLR0917  # what an entry is made of
    aws: Aws,
    settings: Settings,
    table: str,
    schema: pa.Schema,
    uri: str,
    description: str = "",
) -> bool:
    """Makes the entry say what the table is; true if it had to be made or changed. The database is made if missing.

    Raises:
        TransientError: the catalog cannot be reached.
    """
    wanted = entry(table, schema, uri, description)
    with transient(f"register {table} in the catalog"):
        found = _found(aws, settings.database, table)
        if found is None:
            return _create(aws, settings.database, wanted)
        if _same(found, wanted):
            return False
        parameters = {**found.get("Parameters", {}), **wanted["Parameters"]}
        aws.glue.update_table(DatabaseName=settings.database, TableInput={**wanted, "Parameters": parameters})
        return True


def entry(table: str, schema: pa.Schema, uri: str, description: str = "") -> dict[str, Any]:
    """The entry as Glue's `TableInput`."""
    columns = [{"Name": each.name, "Type": hive_type(each.type)} for each in schema]
    return {
        "Name": table,
        "Description": description,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [],
        "Parameters": {"EXTERNAL": "TRUE", "classification": "delta", "spark.sql.sources.provider": "delta"},
        "StorageDescriptor": {
            "Columns": columns,
            "Location": uri,
            "InputFormat": "org.apache.hadoop.mapred.SequenceFileInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": _ROW_FORMAT,
                "Parameters": {"serialization.format": "1", "path": uri},
            },
        },
    }


def _found(aws: Aws, database: str, table: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = aws.glue.get_table(DatabaseName=database, Name=table)["Table"]
    except ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
        return None
    return found


def _create(aws: Aws, database: str, wanted: dict[str, Any]) -> bool:
    makes = (
        partial(aws.glue.create_database, DatabaseInput={"Name": database}),
        partial(aws.glue.create_table, DatabaseName=database, TableInput=wanted),
    )
    for make in makes:
        try:
            make()
        except ClientError as error:
            if error_code(error) != "AlreadyExistsException":
                raise
    return True


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """All that we state is so; what others added (comments of columns, further parameters) is left alone."""
    theirs, ours = found["StorageDescriptor"], wanted["StorageDescriptor"]
    columns = [{"Name": each["Name"], "Type": each["Type"]} for each in theirs.get("Columns", [])]
    return (
        all((found.get(name) or type(wanted[name])()) == wanted[name] for name in _COMPARED)
        and wanted["Parameters"].items() <= found.get("Parameters", {}).items()
        and columns == ours["Columns"]
        and all(theirs.get(name) == ours[name] for name in ("Location", "InputFormat", "OutputFormat", "SerdeInfo"))
    )
