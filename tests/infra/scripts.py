"""The programs in `scripts/`, which are no packages, as modules."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.templates import ROOT


def program(name: str) -> ModuleType:
    """`scripts/NAME.py`; it can import its siblings by their names that were loaded before."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
