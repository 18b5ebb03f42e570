"""dlt's own merge into Delta (`upsert`), as its documentation sets it up, in a process and environment of its own.

`python -m benchmarks.dlt_merge BUCKET REPEAT` merges the batches into a table; prints the seconds as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

import dlt  # type: ignore[import-not-found]  # not installed here: it has pins of its own
import pyarrow as pa

from benchmarks import payments
from benchmarks.batches import TABLE, timed


def main(bucket: str, repeat: int) -> None:
    """The table is made by dlt as well."""
    credentials = {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"],
        "region_name": os.environ["AWS_REGION"],
    }
    os.environ.update({"RUNTIME__LOG_LEVEL": "ERROR", "RUNTIME__DLTHUB_TELEMETRY": "false"})
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "bench",
            pipelines_dir=folder,
            dataset_name="bench",
            destination=dlt.destinations.filesystem(bucket_url=f"s3://{bucket}", credentials=credentials),
        )

        def put(rows: pa.Table, how: Any) -> None:
            pipeline.run(
                rows,
                table_name="payments",
                table_format="delta",
                primary_key=payments.KEY,
                write_disposition=how,
            )

        put(payments.table(range(TABLE)), "append")
        merge = {"disposition": "merge", "strategy": "upsert"}
        print(json.dumps(timed("dlt", repeat, lambda _, rows: put(rows, merge))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
