"""The whole journey without Spark: the real API and the real pump as processes, uploads applied in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cli import services
from cli.prepare import contracts, prepare
from cli.state import State
from ingestion.client import Ask, Client
from ledgerlake.aws import Aws
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from streaming_jobs.lake import Lake
from streaming_jobs.lineage_sink import sink
from streaming_jobs.microbatch import catch_up
from tables.contract_store import ContractStore
from tables.delta import open_table, query

ACCEPTED = frozenset({"accepted", "applied", "held", "rejected"})


@dataclass(frozen=True)
class Journey:
    """An installation whose API and pump run; `folder` is where files are made."""

    client: Client
    lake: Lake
    state: State
    folder: Path

    def send(self, content: bytes, dataset: str = "payments", name: str = "file.csv", **declared: Any) -> str:
        """Uploads these bytes and returns once they are admitted, so that order is as sent."""
        path = self.folder / "to-send"
        path.write_bytes(content)
        upload_id = self.client.upload(Ask(dataset, path, "text/csv", file_name=name, **declared))
        self.client.wait(upload_id, 20, until=ACCEPTED)
        return upload_id

    def apply(self) -> None:
        """What the stream would do next."""
        catch_up(self.lake)

    @contextmanager
    def applying(self) -> Iterator[None]:
        """The stream, for the length of a block."""
        stop = threading.Event()

        def apply() -> None:
            while not stop.wait(0.2):
                self.apply()

        thread = threading.Thread(target=apply)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def rows(self, sql: str, **versions: int) -> list[dict[str, Any]]:
        """The answer to a SELECT over datasets, `uploads` and `quarantine`, also as of a version."""
        names = (*self.lake.contracts.names(), "uploads", "quarantine")
        uris = {name: table_uri(self.lake.settings.tables_bucket, name) for name in names}
        answer: pa.Table = query(sql, uris, self.lake.settings, versions)
        return list(answer.to_pylist())

    def version(self, dataset: str = "payments") -> int:
        """The table's newest version."""
        handle = open_table(table_uri(self.lake.settings.tables_bucket, dataset), self.lake.settings)
        assert handle is not None
        return int(handle.version())


@contextmanager
def journey(env: Mapping[str, str], folder: Path) -> Iterator[Journey]:
    """Tables made, API and pump started, for the length of a block."""
    settings = Settings.from_mapping(env)
    aws, state = Aws(settings), State(folder / "state")
    prepare(settings, aws, contracts(settings, aws))
    try:
        client = Client(services.start_api(state, env))
        services.start_pump(state, env)
        lake = Lake(settings, aws, ContractStore(settings, aws), lineage=sink(aws, env))
        yield Journey(client, lake, state, folder)
    finally:
        for name in ("api", "pump"):
            services.stop_service(state, name)
