"""The tools that are measured against, installed beside the environment and not into it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType

FOLDER = Path(sys.prefix) / ".peers"
MISSING = "is not installed: `make bench` installs it"


def find(package: str) -> ModuleType | None:
    """Return a peer's package, or None if it is not installed; the environment's own packages come before theirs."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    if importlib.util.find_spec(package) is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(package)
