from __future__ import annotations

import itertools
from collections.abc import Callable
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from rflib.paper import style
from rflib.paper.chapters import accuracy_and_pruning
from rflib.study.study import Study

PAPER_KERNELS = (1, 2, 3, 4, 13, 18, 30)

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("vision", VISION)
def test_the_papers_kernels_are_told_apart_by_every_eye(vision: str) -> None:
    seen = {kernel: lab(VISION[vision] @ linear(style.kernel_style(kernel)["color"])) for kernel in PAPER_KERNELS}
    distances = [np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(PAPER_KERNELS, 2)]
    assert min(distances) > 12


def test_the_papers_kernels_have_markers_of_their_own_and_stand_out_on_white() -> None:
    styles = [style.kernel_style(kernel) for kernel in PAPER_KERNELS]
    assert len({each["marker"] for each in styles}) == len(PAPER_KERNELS)
    luminances = [linear(each["color"]) @ [0.2126, 0.7152, 0.0722] for each in styles]
    assert min(1.05 / (luminance + 0.05) for luminance in luminances) > 2.2


def test_any_other_kernel_has_a_style_that_the_papers_do_not_use() -> None:
    own = {style.kernel_style(kernel)["color"] for kernel in PAPER_KERNELS}
    for kernel in (5, 6, 7, 12, 64):
        assert style.kernel_style(kernel)["color"] not in own
        assert style.kernel_style(kernel) == style.kernel_style(kernel)


def test_a_quantitys_style_cannot_be_changed_from_outside() -> None:
    style.quantity_style("dense")["color"] = "changed"
    assert style.quantity_style("dense")["color"] == "#1A1A1A"


def test_a_readers_settings_neither_change_a_figure_nor_are_changed() -> None:
    def draw() -> bytes:
        @style.drawn
        def figure() -> style.Drawing:
            made = style.new(2.0)
            made.add_subplot().plot([1, 2], [3, 4])
            return made

        return figure()._repr_png_()

    plain = draw()
    with matplotlib.rc_context({"lines.linewidth": 9, "figure.facecolor": "black", "savefig.transparent": True}):
        before = dict(matplotlib.rcParams)
        assert draw() == plain
        assert dict(matplotlib.rcParams) == before


def test_a_png_is_opaque_white_and_twice_as_fine_as_the_books_column() -> None:
    @style.drawn
    def figure() -> style.Drawing:
        return style.new(2.0)

    image = Image.open(BytesIO(figure()._repr_png_()))
    assert image.size == (1280, 400)
    assert image.convert("RGBA").getextrema() == ((255, 255),) * 4


def test_a_note_is_wrapped_and_leaves_out_empty_sentences() -> None:
    figure = style.new(2.0)
    style.note(figure, "One.", "", "word " * 40)
    lines = figure.get_supxlabel().split("\n")
    assert lines[0].startswith("One. word")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 94


def test_a_figure_says_what_it_was_drawn_from(open_fake: Callable[..., Study]) -> None:
    study = open_fake("accuracy-and-pruning")
    figure = accuracy_and_pruning.draw_accuracy_and_pruning(study, role="large_images")
    expected = {
        item.key.name
        for item in study.items
        if item.role == "large_images" and item.key.analysis in ("one_shot", "architecture")
    }
    data, metadata = figure._repr_mimebundle_()
    assert data == {}
    assert set(metadata["rflib"]["measurements"]) == expected
    assert style.new(2.0)._repr_mimebundle_() == ({}, {})


@pytest.mark.parametrize(("across", "expected"), [(False, "01234"), (True, "03142")])
def test_a_legend_is_read_down_or_across(across: bool, expected: str) -> None:
    figure = style.new(3.0)
    axes = figure.add_subplot()
    for label in "01234":
        axes.plot([0, 1], [0, 1], label=label)
    style.legend(figure, columns=3, across=across)
    # matplotlib puts two entries into the first two columns and one into the third.
    assert "".join(text.get_text() for text in figure.legends[0].get_texts()) == expected


def test_pool_kernels_ascend_in_a_legend_where_the_first_panel_lacks_one() -> None:
    figure = style.new(3.0)
    first, second = figure.subplots(1, 2)
    for axes, labels in ((first, ("deep layers", "k = 2", "k = 13")), (second, ("k = 1", "k = 2", "dense"))):
        for label in labels:
            axes.plot([0, 1], [0, 1], label=label)
    style.legend(figure, columns=5)
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["deep layers", "k = 1", "k = 2", "k = 13", "dense"]
    colours = dict(zip(shown, (handle.get_color() for handle in figure.legends[0].get_lines()), strict=True))
    assert colours["k = 13"] == first.get_lines()[2].get_color()
