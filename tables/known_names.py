"""Names that a contract may use for things that live in rooms above.

`validation.formats.FORMATS` has exactly the keys of `FORMAT_NAMES`; a test compares them.
"""

from __future__ import annotations

FORMAT_NAMES = ("csv", "jsonl", "parquet")
ENGINES = ("driver", "spark")
TOTAL_NAMES = ("count", "sum")
"""What a control total can be of: all rows, or a column."""
