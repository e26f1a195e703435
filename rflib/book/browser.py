"""The Chromium of this machine, which prints the book and in which its site is tested."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rflib.errors import RflibError

VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> Path:
    """Return the browser that `CHROMIUM` names, or else the first of `NAMES` on the path.

    Raises RflibError when there is none.
    """
    named = os.environ.get(VARIABLE)
    for name in [named] if named else NAMES:
        if found := shutil.which(name):
            return Path(found)
    sought = f"{VARIABLE}={named}" if named else f"any of {', '.join(NAMES)} on the path"
    raise RflibError(
        f"expected Chromium or Chrome, found nothing at {sought}: install it (Debian: apt-get install chromium) "
        f"or name it with {VARIABLE}=/path/to/chrome"
    )
