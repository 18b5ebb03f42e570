"""A client of the upload API, as a stranger would write one: ask, PUT the bytes to S3, ask what became of them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin
from urllib.request import Request, urlopen

from ledgerlake.errors import ConfigurationError, LedgerlakeError, TransientError

FINAL = frozenset({"applied", "held", "rejected"})
"""States after which nothing more happens to an upload."""

PERSON = "X-Ledgerlake-As"
"""Header in which a client of the API on a laptop says who it is; anywhere else the token proves that."""

BLOCK = 1024 * 1024
SERVER_ERROR = 500
TIMEOUT = 60.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client says of a file before it sends it."""

    dataset: str
    path: Path
    content_type: str = "text/csv"
    declared_rows: int | None = None
    declared_totals: Mapping[str, str] = field(default_factory=dict)
    file_name: str | None = None
    supersedes: str | None = None

    def body(self) -> Json:
        """The request; reads the file once for its hash."""
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "dataset": self.dataset,
            "file_name": self.file_name or self.path.name,
            "sha256": digest,
            "size": self.path.stat().st_size,
            "content_type": self.content_type,
            "declared_rows": self.declared_rows,
            "declared_totals": dict(self.declared_totals),
            "supersedes": self.supersedes,
        }


@dataclass(frozen=True, slots=True)
class Client:
    """The API at `url`; `token` is sent as bearer where an authorizer wants one, `person` is named to a local API."""

    url: str
    token: str | None = None
    person: str | None = None

    def upload(self, ask: Ask, sent: Callable[[int], None] = lambda _: None) -> str:
        """Sends the file and returns its upload id; `sent` hears of every block of bytes.

        Raises:
            LedgerlakeError: the API or S3 refused; the message is theirs.
            TransientError: one of them is busy; ask again.
        """
        grant = self._call("POST", "/v1/uploads", ask.body())
        for step in grant["steps"]:
            blocks = _blocks(ask.path, step["offset"], step["size"], sent)
            _send(Request(step["url"], data=blocks, headers=step["headers"], method=step["method"]))  # noqa: S310  # ours
        if grant["complete"]:
            self._call("POST", grant["complete"], {})
        return str(grant["upload_id"])

    def status(self, upload_id: str) -> Json:
        """The upload, as far as it has come."""
        return self._call("GET", f"/v1/uploads/{upload_id}")

    def wait(
        self,
        upload_id: str,
        seconds: float,
        seen: Callable[[Json], None] = lambda _: None,
        until: frozenset[str] = FINAL,
    ) -> Json:
        """The upload once it is in one of these states; `seen` hears of every look.

        Raises:
            TransientError: it is in none after so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            status = self.status(upload_id)
            seen(status)
            if status["state"] in until:
                return status
            if time.monotonic() > deadline:
                raise TransientError(
                    f"{upload_id} is still {status['state']} after {seconds:.0f} s; look again with "
                    f"`ledgerlake status {upload_id}`, or find the cause with `ledgerlake doctor`",
                )
            time.sleep(0.1)

    def uploads(self, dataset: str, limit: int = 20) -> list[Json]:
        """The caller's latest uploads to a dataset, the latest first."""
        found = self._call("GET", f"/v1/uploads?{urlencode({'dataset': dataset, 'limit': limit})}")["uploads"]
        return cast("list[Json]", found)

    def holds(self, dataset: str) -> list[Json]:
        """Held uploads to a dataset that wait for a decision, the latest first."""
        return cast("list[Json]", self._call("GET", f"/v1/datasets/{dataset}/holds")["uploads"])

    def decide(self, upload_id: str, kind: str, reason: str) -> Json:
        """Ends a hold: `kind` is `release` or `reject`; the decision as it is kept."""
        return self._call("POST", f"/v1/uploads/{upload_id}/{kind}", {"reason": reason})

    def settle(self, upload_id: str, kind: str, body: Json) -> Json:
        """Decides about refused rows of an upload: `kind` is `correct`, `redrive` or `waive`; the decision as kept."""
        return self._call("POST", f"/v1/uploads/{upload_id}/quarantine/{kind}", body)

    def receipt(self, upload_id: str) -> Json:
        """The signed receipt of an upload."""
        return self._call("GET", f"/v1/uploads/{upload_id}/receipt")

    def is_genuine(self, receipt: Json) -> bool:
        """Whether a receipt is what was signed."""
        return bool(self._call("POST", "/v1/receipts/verify", receipt)["genuine"])

    def datasets(self) -> list[str]:
        """Names of all datasets."""
        return [str(name) for name in self._call("GET", "/v1/datasets")["datasets"]]

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **({PERSON: self.person} if self.person else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        answer = _send(Request(urljoin(self.url, path), data=data, headers=headers, method=method))  # noqa: S310  # http
        return cast("Json", json.loads(answer))


def _blocks(path: Path, offset: int, size: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    """Those bytes of the file, block by block."""
    with path.open("rb") as file:
        file.seek(offset)
        while size:
            block = file.read(min(BLOCK, size))
            if not block:
                raise LedgerlakeError(f"{path} became shorter while it was sent; send it again when it is complete")
            size -= len(block)
            yield block
            sent(len(block))


def _send(request: Request) -> bytes:
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # the API's URL, or one that it signed
            return bytes(answer.read())
    except HTTPError as error:
        with error:
            said = error.read().decode(errors="replace")
        message = f"{request.method} {request.full_url.partition('?')[0]}: {error.code}: {_reason(said)}"
        raise (TransientError if error.code >= SERVER_ERROR else LedgerlakeError)(message) from error
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ConnectionRefusedError):
            raise ConfigurationError(f"nothing answers at {request.host}; start it with `ledgerlake up`") from error
        raise TransientError(f"{request.host}: {reason}") from error


def _reason(said: str) -> str:
    """What a problem document says, field by field; else (S3 answers in XML) the text itself."""
    try:
        problem = json.loads(said)
    except ValueError:
        return " ".join(said.split())[:400]
    fields = "; ".join(f"{each['field']} {each['message']}" for each in problem.get("errors", ()))
    return f"{problem.get('detail', said)} {fields}".strip()
