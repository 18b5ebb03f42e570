"""`python -m benchmarks [NAME ...]`: all benchmarks, or those named, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import aging, memory, parse_validate, queryable, rules, small_merge

BENCHMARKS: dict[str, Callable[[], object]] = {
    "parse_validate": lambda: parse_validate.main(["--spark"]),
    "rules": rules.main,
    "memory": memory.main,
    "small_merge": small_merge.main,
    "aging": aging.main,
    "queryable": queryable.main,
}

for name in sys.argv[1:] or BENCHMARKS:
    if name not in BENCHMARKS:
        sys.exit(f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    BENCHMARKS[name]()
