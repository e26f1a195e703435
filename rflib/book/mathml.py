"""A Sphinx extension that writes formulas as MathML, which browsers draw without any script or network.

The source stays LaTeX. A formula that the converter does not fully understand is a warning, so that a strict
build fails instead of showing raw commands.
"""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

_LOGGER = logging.getLogger(__name__)
_ALIGNED = re.compile(r"\\(begin|end)\{(aligned|split|align|gathered|gather)\*?\}")
_NUMBERED = re.compile(r"\\(begin|end)\{equation\*?\}|\\label\{[^}]*\}")
_ARGUMENT_OF = re.compile(r"\\arg\s*\\(max|min)\b")
_NOT_UNDERSTOOD = re.compile(r"\\[a-zA-Z]+|&(?![#\w]+;)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer under the name `mathml` (choose it with `html_math_renderer`)."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_display, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def mathml(latex: str, *, display: bool) -> str:
    """Return the MathML element of a LaTeX formula.

    Raises ValueError naming the command or the formula that is not understood.
    """
    # The converter knows align* as its only aligned environment; numbering is Sphinx's, not LaTeX's.
    source = _ALIGNED.sub(r"\\\1{align*}", _NUMBERED.sub("", latex))
    source = _ARGUMENT_OF.sub(r"\\operatorname{arg\\,\1}", source).strip()
    if display and r"\\" in source and r"\begin" not in source:
        source = rf"\begin{{align*}}{source}\end{{align*}}"
    try:
        element = convert(source, display="block" if display else "inline")
    except Exception as error:  # the converter has about fifteen unrelated exception types
        raise ValueError(f"{type(error).__name__} in `{latex.strip()}`") from error
    if found := _NOT_UNDERSTOOD.search(element):
        raise ValueError(f"`{found.group()}` in `{latex.strip()}`")
    return str(element)


def _convert(node: nodes.Element, *, display: bool) -> str:
    try:
        return mathml(node.astext(), display=display)
    except ValueError as error:
        _LOGGER.warning("formula cannot be written as MathML: %s", error, location=node)
        return f"<code>{html.escape(node.astext())}</code>"


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_convert(node, display=False))
    raise nodes.SkipNode


def _visit_display(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", "", CLASS="math notranslate nohighlight"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append(_convert(node, display=True) + "</div>\n")
    raise nodes.SkipNode
