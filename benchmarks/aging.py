"""Whether a table becomes dearer as it grows older (LHBench's shape): ten merges of 3 % each into 2,000,000 payments.

Nine of ten rows change a payment from anywhere in the table, one is new. All goes through the stream's own steps, with
the upkeep between them. Beside the merges, a batch of 1,000 neighbouring payments is applied, and the table read, when
it is young and when it is old. Then the same with many small files: 100 small batches of new payments, one by one.

Times of this process are told twice: by the clock, and by the CPU, which other processes of the machine disturb less.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks import payments
from benchmarks.report import Took, say, took
from benchmarks.site import Site, accepted, load, opened, running, with_lineage
from ledgerlake.events import UploadEvent
from streaming_jobs.microbatch import apply_microbatch, sweep
from streaming_jobs.session import start_session
from streaming_jobs.upkeep import maintain
from tables import delta

TABLE, MERGES, SHARE, NEW = 2_000_000, 10, 3, 10
LOCAL, SMALL, MANY = 1_000, 100, 100
READ = "SELECT currency, count(*), sum(amount), max(updated_at) FROM t GROUP BY currency"
FIND = "SELECT amount FROM t WHERE payment_id = 'P0001234567'"


@dataclass
class Uploads:
    """Payment files for one site, numbered as they come; `newest` is the first payment that is not there."""

    site: Site
    newest: int
    done: int = 0

    def apply(self, numbers: payments.Numbers) -> Took:
        """One file through raw and the stream's step."""
        self.done += 1
        self.newest = max(self.newest, int(numbers.max()) + 1)
        event = accepted(self.site, self.done, payments.table(numbers, self.done)).event
        return took(partial(_applied, self.site, event))


def main() -> None:
    """Prints each ratio of old to young, beside its goal where there is one."""
    with running() as site:
        load(site, site.uri, with_lineage(payments.table(range(TABLE)), site.contract, seq=0))
        spark = start_session(site.settings)  # it writes the checkpoints
        kept = replace(site, lake=replace(site.lake, spark=spark))
        uploads = Uploads(kept, TABLE)
        _ten_merges(kept, uploads)
        _many_files(kept, uploads, kept=True)
        spark.stop()
    with running() as site:
        load(site, site.uri, with_lineage(payments.table(range(TABLE)), site.contract, seq=0))
        _many_files(site, Uploads(site, TABLE), kept=False)


def _ten_merges(site: Site, uploads: Uploads) -> None:
    pick = np.random.default_rng(3)
    _settle(site)
    uploads.apply(_neighbours(uploads, pick))  # to warm up
    young_reads, young_finds = reads(site, READ), reads(site, FIND)
    young = [uploads.apply(_neighbours(uploads, pick)) for _ in range(5)]
    merges = []
    for number in range(MERGES):
        merges.append(uploads.apply(_anywhere(uploads, pick)))
        kept = took(partial(sweep, site.lake, "payments"))
        say(f"merge {number + 1}: {merges[-1].wall:.2f} s, CPU {merges[-1].cpu:.2f} s; upkeep {kept.wall:.2f} s")
    scattered = [uploads.apply(_neighbours(uploads, pick)) for _ in range(5)]
    kept = took(partial(_settle, site))
    say(f"upkeep until nothing is left to do: {kept.wall:.2f} s, CPU {kept.cpu:.2f} s")
    old = [uploads.apply(_neighbours(uploads, pick)) for _ in range(5)]
    for _ in range(2):  # as the stream does every few seconds
        sweep(site.lake, "payments")
    print(f"\n{MERGES} merges of {SHARE} % each into {TABLE:,} payments: old to young, by the clock (by the CPU)")
    show("merge of 3 %, the last three to the first three", merges[:3], merges[-3:], "at most 1.15")
    show("merge of 3 %, the tenth to the first", merges[:1], merges[-1:], "at most 1.15")
    show("read of all rows", young_reads, reads(site, READ), "at most 1.2")
    show("read of one row by its key", young_finds, reads(site, FIND), "at most 1.2")
    show(f"batch of {LOCAL:,} neighbours, before the upkeep", young, scattered)
    show(f"batch of {LOCAL:,} neighbours, after it", young, old, "at most 1.15")


def _many_files(site: Site, uploads: Uploads, *, kept: bool) -> None:
    batches, upkeep = [], 0.0
    for _ in range(MANY):
        batches.append(uploads.apply(np.arange(uploads.newest, uploads.newest + SMALL)))
        if kept:
            upkeep += took(partial(sweep, site.lake, "payments")).cpu
    print(f"\n{MANY} batches of {SMALL} new payments, upkeep {f'on, {upkeep:.2f} s of CPU in all' if kept else 'off'}")
    show("batch, the last 20 to the first 20", batches[1:21], batches[-20:])
    files, found = delta.files(opened(site, site.uri)), reads(site, FIND)
    print(f"  read of one row by its key {statistics.median(each.wall for each in found):.3f} s, from {files} files")


def _applied(site: Site, event: UploadEvent) -> None:
    (outcome,) = apply_microbatch(site.lake, [event])
    assert outcome.state == "applied"


def _settle(site: Site) -> None:
    for each in maintain(site.lake, site.contract):
        say(f"{each.step.action} of {each.step.table}: {each.removed} files became {each.added}")


def _neighbours(uploads: Uploads, pick: np.random.Generator) -> payments.Numbers:
    first = int(pick.integers(0, uploads.newest - LOCAL))
    return np.arange(first, first + LOCAL)


def _anywhere(uploads: Uploads, pick: np.random.Generator) -> payments.Numbers:
    size = TABLE * SHARE // 100
    old = pick.choice(uploads.newest, size - size // NEW, replace=False)
    return np.concatenate([old, np.arange(uploads.newest, uploads.newest + size // NEW)])


def reads(site: Site, statement: str) -> list[Took]:
    """Five answers by a reader that opens the table anew, after one to warm up."""

    def read() -> None:
        delta.query(statement, {"t": site.uri}, site.settings)

    read()
    return [took(read) for _ in range(5)]


def show(what: str, young: Sequence[Took], old: Sequence[Took], goal: str = "") -> None:
    """One ratio of medians."""
    wall, cpu = (
        statistics.median(getattr(each, kind) for each in old)
        / statistics.median(getattr(each, kind) for each in young)
        for kind in ("wall", "cpu")
    )
    before, after = (statistics.median(each.wall for each in found) for found in (young, old))
    print(f"  {what}: {wall:.2f} ({cpu:.2f}){f', goal {goal}' if goal else ''}  [{before:.2f} s, {after:.2f} s]")
    sys.stdout.flush()
