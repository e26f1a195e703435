from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from rflib.book.mathml import mathml

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


def tags(element: str) -> list[str]:
    return [node.tag.removeprefix(NAMESPACE) for node in ElementTree.fromstring(element).iter()]


def text(element: str) -> str:
    return "".join(ElementTree.fromstring(element).itertext())


def test_a_formula_becomes_its_elements() -> None:
    element = mathml(r"\frac{1}{n} \sum_{i} x_i^2 < 3", display=False)
    assert ElementTree.fromstring(element).get("display") == "inline"
    assert {"mfrac", "msubsup", "mn"} <= set(tags(element))
    assert text(element) == "1n∑ixi2<3"


@pytest.mark.parametrize("environment", ["aligned", "split", "align", "align*"])
def test_aligned_lines_become_rows(environment: str) -> None:
    element = mathml(rf"\begin{{{environment}}} a &= b \\ c &= d \end{{{environment}}}", display=True)
    assert tags(element).count("mtr") == 2
    assert ElementTree.fromstring(element).get("display") == "block"
    assert text(element).replace(" ", "") == "a=bc=d"


def test_lines_without_an_environment_become_rows() -> None:
    assert tags(mathml(r"a = b \\ c = d", display=True)).count("mtr") == 2


def test_numbers_and_labels_are_left_to_sphinx() -> None:
    element = mathml(r"\begin{equation} x = 1 \label{one} \end{equation}", display=True)
    assert text(element).replace(" ", "") == "x=1"


@pytest.mark.parametrize(
    "latex",
    [
        r"\operatorname{HSIC}(K, L) = \frac{1}{(n-1)^2} \mathrm{tr}(K H L H)",
        r"\lVert H v - \lambda v \rVert_2 \le \epsilon, \quad \hat{\lambda}_{\max}",
        r"\mathcal{L}(\theta),\ \nabla^2_\theta,\ \mathbb{R}^{n \times p},\ \mathbf{1}\mathbf{1}^\top",
        r"\bar{x} \pm t_{n-1} \, s / \sqrt{n}, \quad \underset{x}{\arg\max}\, f(x)",
        r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
        r"\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1, \quad \prod_{i<l} s_i, \quad \approx, \ll, \to",
    ],
)
def test_formulas_of_the_field_are_understood(latex: str) -> None:
    assert ElementTree.fromstring(mathml(latex, display=True)).tag == f"{NAMESPACE}math"


@pytest.mark.parametrize(
    ("latex", "found"), [(r"\unheardof{x}", r"`\\unheardof`"), ("a & b", "`&`"), (r"\left( x", "Error in")]
)
def test_what_is_not_understood_is_named(latex: str, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        mathml(latex, display=False)
