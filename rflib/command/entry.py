"""Where the command starts and how it fails: a short message and an exit code, a traceback only with --debug."""

from __future__ import annotations

import os
import sys
import traceback

from rflib.command.commands import app
from rflib.command.terminal import say
from rflib.errors import RflibError

# Which extra brings what is not there when only the library is installed.
_EXTRAS = {
    **dict.fromkeys(("pytorch_optimizer", "torch", "torchvision", "tqdm"), "compute"),
    **dict.fromkeys(
        ("bs4", "jupyter_client", "jupytext", "latex2mathml", "nbclient", "nbformat", "papermill", "pypdf", "sphinx"),
        "book",
    ),
}


def main() -> None:
    """Run the command line of this process; exit code 2 for a request that cannot be right, 1 for a failure."""
    debug = "--debug" in sys.argv
    try:
        app(args=[argument for argument in sys.argv[1:] if argument != "--debug"], prog_name="rflib")
    except BrokenPipeError:
        # Whoever reads the output has seen enough; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            traceback.print_exception(error)
        message, code = _explained(error)
        say(f"rflib: {message}")
        sys.exit(code)


def _explained(error: Exception) -> tuple[str, int]:
    """Return the message and the exit code of a failure."""
    if isinstance(error, RflibError):
        return str(error), error.exit_code
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        extra = _EXTRAS[error.name]
        return (
            f"this needs {error.name}, which is not installed: expected the extra `{extra}`; "
            f"install it with `pip install 'rflib[{extra}]'` or `make env`"
        ), 1
    if isinstance(error, OSError):
        return (
            f"the system refused: {error}. What is complete is kept; make room or the place writable "
            "(RFLIB_RUNS names another place for runs/) and run the same command again"
        ), 1
    return f"unexpected {type(error).__name__}: {error}\nThis is a fault of rflib; --debug shows where it is.", 1
