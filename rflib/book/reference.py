"""A Sphinx extension for the pages of the reference, which come from the docstrings of the library.

What the library computes with is imitated (`autodoc_mock_imports`), so that the pages are the same with and without
torch. Annotations of what is imitated mean nothing, so signatures show them as they are written.
"""

from __future__ import annotations

import inspect
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.autodoc.preserve_defaults import DefaultValue
from sphinx.util.inspect import stringify_signature

from rflib.config import Settings


def setup(app: Sphinx) -> dict[str, Any]:
    """Load what reads docstrings, and listen for signatures."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("autodoc-process-signature", _as_written)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _as_written(
    app: Sphinx, what: str, name: str, thing: Any, options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Return the signature of a function, method or class with its annotations unevaluated, None for other things."""
    if what not in ("function", "method", "class"):
        return None
    written = inspect.signature(thing)
    parameters = [
        parameter if isinstance(parameter.annotation, str) else _of_settings(parameter)
        for parameter in written.parameters.values()
        if (what, parameter.name) != ("method", "self")
    ]
    returned = written.return_annotation if what != "class" and isinstance(written.return_annotation, str) else None
    return stringify_signature(written.replace(parameters=parameters), show_return_annotation=False), returned


def _of_settings(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a field of settings without its checks, and with the name of its default where that has fields itself."""
    default = parameter.default
    short = DefaultValue(f"{type(default).__name__}()") if isinstance(default, Settings) else default
    return parameter.replace(annotation=parameter.empty, default=short)
