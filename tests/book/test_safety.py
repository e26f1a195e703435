from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from rflib.book.safety import refusal


def html(markup: str, media_type: str = "text/html") -> NotebookNode:
    return new_output("display_data", data={media_type: markup})


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ("<p>x</p><script>alert(1)</script>", "contains <script"),
        ("<SCRIPT src=x>", "contains <script"),
        ("< script>", "contains <script"),
        ("<svg/onload=alert(1)>", "the event handler onload"),
        ('<img alt=">" onerror="alert(1)">', "the event handler onerror"),
        ('<b ONCLICK="x()">', "the event handler onclick"),
        ('<a href="javascript:alert(1)">', "a javascript: address"),
        ('<a href="java&#115;cript:alert(1)">', "the address javascript:alert(1)"),
        ('<a href="java\tscript:alert(1)">', "the address javascript:alert(1)"),
        ('<a href="data:text/html;base64,AAAA">', "the address data:text/html"),
        ('<iframe src="x.html"></iframe>', "contains <iframe>"),
        ('<meta http-equiv="refresh" content="0">', "contains <meta>"),
        ('<link rel="stylesheet" href="x.css">', "contains <link>"),
        ('<img src="https://example.org/x.png">', "loads https://example.org/x.png from outside"),
        ('<img src="//example.org/x.png">', "loads //example.org/x.png from outside"),
        ("<style>@import 'x.css'</style>", "a style that loads from outside"),
        ('<p style="background: url(https://example.org/x)">', "a style that loads from outside"),
        ("<svg><foreignObject></foreignObject></svg>", "contains <foreignobject>"),
    ],
)
@pytest.mark.parametrize("media_type", ["text/html", "text/markdown", "image/svg+xml"])
def test_what_could_run_or_load_is_refused(markup: str, reason: str, media_type: str) -> None:
    found = refusal(html(markup, media_type))
    assert found is not None
    assert found.startswith(f"its {media_type} ")
    assert reason in found


@pytest.mark.parametrize(
    "media_type",
    ["application/javascript", "application/vnd.jupyter.widget-view+json", "application/json", "text/x-unknown"],
)
def test_other_types_are_refused(media_type: str) -> None:
    assert refusal(html("1", media_type)) == f"its type is {media_type}"


def test_an_error_is_refused() -> None:
    error = new_output("error", ename="ValueError", evalue="no pixels", traceback=[])
    assert refusal(error) == "it is an error (ValueError: no pixels)"


@pytest.mark.parametrize(
    "output",
    [
        html('<style scoped>td {color: red}</style><table border="1" class="dataframe"><td>a &lt; b</td></table>'),
        html('<a href="https://example.org">a link that the reader may follow</a>'),
        html('<svg xmlns="http://www.w3.org/2000/svg"><use xlink:href="#m1"/></svg>', "image/svg+xml"),
        html("the <script> tag as text", "text/plain"),
        html("iVBORw0KGgo=", "image/png"),
        new_output("stream", name="stdout", text="<script> in a terminal"),
    ],
)
def test_static_content_passes(output: NotebookNode) -> None:
    assert refusal(output) is None


def test_what_pandas_and_matplotlib_write_passes() -> None:
    import io

    import pandas
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 2])
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    assert refusal(html(buffer.getvalue(), "image/svg+xml")) is None
    frame = pandas.DataFrame({"k": [1, 2]})
    assert refusal(html(frame.to_html())) is None
    assert refusal(html(frame.style.set_caption("caption").to_html())) is None
