"""Where contracts are found: the current ones in a folder or an s3:// prefix, the pinned ones in raw, for ever.

The contract of dataset `x` is the file `x.yaml`. A changed file is seen at the next call: only its stamp is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.errors import ConfigurationError, ContractError, Problem
from ledgerlake.layout import DATASET, SHA256, contract_key
from ledgerlake.settings import Settings
from tables.contract import Contract
from tables.odcs import load

_MISSING = {"NoSuchKey", "404", "NotFound"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


@dataclass(frozen=True)
class ContractStore:
    """Contracts by dataset. It may be shared by threads: at worst a text is read twice."""

    settings: Settings
    aws: Aws
    _current: dict[str, tuple[str, Contract]] = field(default_factory=dict, repr=False)
    _pinned: dict[str, Contract] = field(default_factory=dict, repr=False)

    def names(self) -> tuple[str, ...]:
        """All datasets that have a contract, sorted; their contracts are not read.

        Raises:
            ConfigurationError: the folder or bucket is not there.
        """
        names = self._object_names() if self._is_s3 else self._file_names()
        stems = (name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
        return tuple(sorted(stem for stem in stems if DATASET.fullmatch(stem)))

    def current(self, dataset: str) -> Contract:
        """The dataset's contract as it stands now.

        Raises:
            KeyError: the dataset has none.
            ContractError: its text has problems.
        """
        if not DATASET.fullmatch(dataset):
            raise KeyError(dataset)
        known = self._current.get(dataset)
        stamp, text = self._read_object(dataset, known) if self._is_s3 else self._read_file(dataset, known)
        if known is not None and stamp == known[0]:
            return known[1]
        contract = _named(load(text, f"{self.settings.contracts.rstrip('/')}/{dataset}.yaml"), dataset)
        self._current[dataset] = (stamp, contract)
        return contract

    def pinned(self, dataset: str, sha256: str) -> Contract:
        """The contract of that hash, as it was when an upload was accepted under it.

        Raises:
            KeyError: raw has none of that hash.
        """
        if sha256 not in self._pinned:
            if not SHA256.fullmatch(sha256):
                raise KeyError(sha256)
            key = contract_key(dataset, sha256)
            with transient(f"read contract {key}"):
                text = self._body(self.settings.raw_bucket, key, sha256)
            contract = load(text, f"s3://{self.settings.raw_bucket}/{key}")
            if contract.sha256 != sha256:
                msg = f"raw keeps another text under {key}; its hash is {contract.sha256}"
                raise ConfigurationError(msg)
            self._pinned[sha256] = contract
        return self._pinned[sha256]

    def pin(self, contract: Contract) -> None:
        """Keeps the contract's text in raw, if it is not yet there; any number of concurrent calls is one."""
        if contract.sha256 in self._pinned:
            return
        key = contract_key(contract.dataset, contract.sha256)
        with transient(f"pin contract {key}"):
            try:
                self.aws.s3.put_object(
                    Bucket=self.settings.raw_bucket,
                    Key=key,
                    Body=contract.text.encode(),
                    ContentType="application/yaml",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error_code(error) not in _TAKEN:
                    raise
        self._pinned[contract.sha256] = contract

    @property
    def _is_s3(self) -> bool:
        return self.settings.contracts.startswith("s3://")

    @property
    def _prefix(self) -> tuple[str, str]:
        bucket, _, prefix = self.settings.contracts.removeprefix("s3://").partition("/")
        return bucket, f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""

    def _file_names(self) -> Iterator[str]:
        folder = Path(self.settings.contracts)
        if not folder.is_dir():
            msg = f"LEDGERLAKE_CONTRACTS: there is no folder {folder}; name a folder, or an s3:// prefix, of contracts"
            raise ConfigurationError(msg)
        return (path.name for path in folder.iterdir())

    def _object_names(self) -> Iterator[str]:
        bucket, prefix = self._prefix
        with transient("list contracts"):
            pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"].removeprefix(prefix)

    def _read_file(self, dataset: str, known: tuple[str, Contract] | None) -> tuple[str, str]:
        path = Path(self.settings.contracts) / f"{dataset}.yaml"
        try:
            found = path.stat()
            stamp = f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"
            if known is not None and stamp == known[0]:
                return stamp, known[1].text
            return stamp, _text(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise KeyError(dataset) from None

    def _read_object(self, dataset: str, known: tuple[str, Contract] | None) -> tuple[str, str]:
        bucket, prefix = self._prefix
        only_if = {"IfNoneMatch": known[0]} if known is not None else {}
        with transient(f"read contract of {dataset}"):
            try:
                answer = self.aws.s3.get_object(Bucket=bucket, Key=f"{prefix}{dataset}.yaml", **only_if)
                return answer["ETag"], _text(answer["Body"].read(), f"{self.settings.contracts}/{dataset}.yaml")
            except ClientError as error:
                if error_code(error) in {"304", "NotModified"} and known is not None:
                    return known[0], known[1].text
                if error_code(error) in _MISSING:
                    raise KeyError(dataset) from None
                raise

    def _body(self, bucket: str, key: str, sha256: str) -> str:
        try:
            return _text(self.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), key)
        except ClientError as error:
            if error_code(error) in _MISSING:
                raise KeyError(sha256) from None
            raise


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ContractError((Problem(f"{where}:{line}:{column}", "not UTF-8", "Save the file as UTF-8."),)) from error


def _named(contract: Contract, dataset: str) -> Contract:
    if contract.dataset != dataset:
        problem = Problem(
            f"{dataset}.yaml:1:1",
            f"the contract is of {contract.dataset!r}",
            f"Rename the file to {contract.dataset}.yaml, or its schema to {dataset}.",
        )
        raise ContractError((problem,))
    return contract
