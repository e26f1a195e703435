from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

HEADER = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n\n# {title}\n"
PARAMETERS = 'profile: str = "digits"  # profile of notebooks/profiles\nrates: list[float] = [0.5]  # pruning rates'


@pytest.fixture
def write_chapter(tmp_path: Path) -> Callable[..., Path]:
    """Write `tmp_path/notebooks/NAME.md` with a parameters cell, the given code cells and closing prose."""

    def write(*code: str, name: str = "sample-chapter", parameters: str = PARAMETERS, prose: str = "") -> Path:
        path = tmp_path / "notebooks" / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        first = f"```{{code-cell}} python3\n:tags: [parameters]\n{parameters}\n```\n"
        others = [f"```{{code-cell}} python3\n{cell}\n```\n" for cell in code]
        path.write_text("\n".join([HEADER.format(title=name), first, *others, prose]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def executed_notebook() -> Callable[..., nbformat.NotebookNode]:
    """Return a notebook as papermill leaves it, with the given outputs in one code cell."""

    def make(*outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
        timing = {"papermill": {"duration": 0.1, "start_time": "2024-01-01"}, "execution": {"iopub": "now"}}
        new = nbformat.v4.new_code_cell
        cells = [
            nbformat.v4.new_markdown_cell("# Sample"),
            new(PARAMETERS, metadata={"tags": ["parameters"], **timing}, execution_count=1),
            new("rates = [0.9]", metadata={"tags": ["injected-parameters"], **timing}, execution_count=2),
            new("show()", metadata={"tags": ["kept"], **timing}, execution_count=3, outputs=list(outputs)),
        ]
        metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python", "version": "3.11.2"},
            "jupytext": {"text_representation": {"extension": ".md"}},
            "papermill": {"input_path": "/somewhere/in.ipynb", "parameters": {"rates": [0.9]}},
        }
        return nbformat.v4.new_notebook(cells=cells, metadata=metadata)

    return make


@pytest.fixture
def book_root(tmp_path: Path, write_chapter: Callable[..., Path]) -> Path:
    """Return a tiny book: an index, two chapters, references and a profile."""
    files = {
        "_config.yml": "title: Sample\nauthor: Nobody\nbibtex_bibfiles: [book/references.bib]\n"
        "sphinx:\n  config:\n    bibtex_reference_style: author_year\n",
        "_toc.yml": "format: jb-book\nroot: book/index\nchapters:\n- file: notebooks/first\n"
        "- file: notebooks/second\n- file: book/references\n",
        "book/index.md": "# Sample book\n\nThe field $r_l = r_{l-1} + (k_l - 1)$, see {numref}`figure-1`.\n\n"
        "$$\n\\begin{aligned} a &= b \\\\ c &= \\frac{1}{2} \\end{aligned}\n$$ (equation-a)\n\n"
        "Equation {eq}`equation-a`.\n",
        "book/references.md": "# References\n\n```{bibliography}\n```\n",
        "book/references.bib": "@article{bee2020, author={A. Bee}, title={T}, journal={J}, year={2020}}\n",
        "notebooks/profiles/digits.yml": "data: digits\n",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    figure = (
        ':mystnb: {"figure": {"name": "figure-1", "caption": "A square."}, "image": {"alt": "a black square"}}\n'
        "from IPython.display import SVG\n"
        'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>\')'
    )
    write_chapter(figure, name="first", prose="As {cite:t}`bee2020` says; next is {doc}`second`.\n")
    write_chapter("print(profile, rates)", name="second")
    return tmp_path
