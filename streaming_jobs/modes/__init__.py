"""The merge modes. Each is one module here that defines `MODE`; nothing else needs to know of it."""

from __future__ import annotations

import importlib
import pkgutil

from streaming_jobs.modes.mode import Clause, Mode

MODES: dict[str, Mode] = {
    mode.name: mode
    for found in pkgutil.iter_modules(__path__)
    if found.name != "mode"
    for mode in [importlib.import_module(f"{__name__}.{found.name}").MODE]
}
"""Name, as a contract's `mode` says it, to mode."""

__all__ = ["MODES", "Clause", "Mode"]
