"""Where data sets lie."""

from __future__ import annotations

import os
from pathlib import Path

import rflib

VARIABLE = "RFLIB_DATA"


def default_data_root() -> Path:
    """Return the folder of the data sets: RFLIB_DATA, or `data` beside the package."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else Path(rflib.__file__).parents[1] / "data"
