"""Several columns as one key, which can be looked up."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def key_of(columns: Sequence[pa.Array]) -> pa.Array:
    """One column as it is; of several a text that no other combination of values has. Null where one of them is."""
    if len(columns) == 1:
        return columns[0]
    parts = []
    for column in columns:
        text = pc.cast(column, pa.string())
        parts += [pc.cast(pc.binary_length(text), pa.string()), text]
    return pc.binary_join_element_wise(*parts, ":")
