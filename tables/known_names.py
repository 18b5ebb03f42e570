"""Names that a contract may use for things that live in rooms above.

`validation.formats.FORMATS` has exactly the keys of `FORMAT_NAMES`; a test compares them.
"""

from __future__ import annotations

FORMAT_NAMES = ("csv", "fixed", "json", "jsonl", "xlsx", "parquet", "mt940", "bai2", "ofx", "camt.053")

ENGINES = ("driver", "spark")
TOTAL_NAMES = ("count", "sum", "absolute", "hash")
"""What a control total can be: the rows, or of a column the sum, the sum of absolute values, or the sum of its digits
read as numbers (as NACHA's entry hash: of a sum of more than ten digits only the last ten count)."""
