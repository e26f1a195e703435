"""What holds for every figure: found through the chapters' public names."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from io import BytesIO

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from rflib.paper import chapters
from rflib.paper.style import Drawing, kernel_style
from rflib.study.study import Study

Open = Callable[..., Study]

MODULES = [
    importlib.import_module(f"{chapters.__name__}.{each.name}") for each in pkgutil.iter_modules(chapters.__path__)
]
FIGURES = {
    name.removeprefix("draw_"): getattr(module, name)
    for module in MODULES
    for name in vars(module)
    if name.startswith("draw_")
}
CHAPTERS = {
    "saturation_along_depth": ("redundancy-and-saturation", {}),
    "deep_pruning": ("redundancy-and-saturation", {}),
    "best_field": ("redundancy-and-saturation", {}),
    "variance_discrepancy": ("noise-before-pruning", {}),
    "noise_benefit": ("noise-before-pruning", {}),
    "accuracy_and_pruning": ("accuracy-and-pruning", {}),
    "claims": ("claims", {}),
    "cost_of_optimisers": ("optimisers-and-prunability", {}),
    "dead_tap_control": ("open-questions", {}),
    "dead_taps": ("manipulating-the-receptive-field", {"role": "small_images"}),
    "early_training": ("experimental-settings", {}),
    "effective_fields": ("effective-receptive-field", {}),
    "field_and_accuracy": ("effective-receptive-field", {}),
    "feasible_resolutions": ("receptive-field-refinement", {}),
    "field_growth": ("manipulating-the-receptive-field", {"role": "small_images"}),
    "fine_tuning": ("fine-tuning", {"role": "large_images"}),
    "kernel_padding": ("effective-receptive-field", {}),
    "large_fields": ("large-receptive-fields", {"role": "small_images"}),
    "layer_profiles": ("should-you-go-deeper", {}),
    "live_weights": ("accuracy-and-pruning", {}),
    "loss_around_solutions": ("optimisers-and-prunability", {}),
    "new_statistics": ("accuracy-and-pruning", {}),
    "normalised_difference": ("open-questions", {"role": "small_images"}),
    "prunability_by_optimiser": ("optimisers-and-prunability", {}),
    "pruning_rates": ("pruning-rates", {"role": "small_images"}),
    "rescaled_taps": ("open-questions", {}),
    "sensitivity_maps": ("effective-receptive-field", {}),
    "refined_accuracy": ("receptive-field-refinement", {}),
    "similarity": ("representations", {"role": "small_images"}),
    "similarity_by_layer": ("representations", {"role": "small_images"}),
    "similarity_within": ("representations", {"role": "small_images"}),
    "solutions_by_optimiser": ("optimisers-and-prunability", {}),
    "spectra": ("loss-landscape", {"architecture": "rf_resnet50"}),
    "truncation": ("should-you-go-deeper", {}),
    "training_curves": ("loss-landscape", {"role": "small_images"}),
    "variants": ("open-questions", {}),
    "width_and_curvature": ("width-and-curvature", {}),
    "width_and_depth": ("width-and-depth", {}),
    "width_and_pruning": ("width-and-curvature", {}),
}


def drawn_again(open_fake: Open, name: str) -> Drawing:
    chapter, settings = CHAPTERS[name]
    return FIGURES[name](open_fake(chapter), **settings)


@pytest.fixture(scope="module")
def drawing(open_fake: Open) -> Callable[[str], Drawing]:
    return cache(lambda name: drawn_again(open_fake, name))


Draw = Callable[[str], Drawing]


def test_every_public_figure_is_tested_here() -> None:
    assert sorted(CHAPTERS) == sorted(FIGURES)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_figure_is_complete(drawing: Draw, name: str) -> None:
    figure = drawing(name)
    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []
    assert figure.get_size_inches()[0] == 6.4
    for axes in figure.axes:
        assert axes.lines or axes.patches or axes.images or axes.collections, "empty axes"
    assert figure.axes[0].get_ylabel()
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert "fake, " in figure.get_supxlabel()


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_text_is_small_cut_or_under_the_legend(drawing: Draw, name: str) -> None:
    figure = drawing(name)
    figure.draw_without_rendering()
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in shown) >= 9
    labels = [label for axes in figure.axes for label in (axes.title, axes.xaxis.label, axes.yaxis.label)]
    labels += [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    page = figure.bbox.padded(1)
    for box in (label.get_window_extent() for label in labels if label.get_text()):
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1
    for legend in figure.legends:
        assert not any(legend.get_window_extent().overlaps(axes.get_window_extent()) for axes in figure.axes)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_same_study_gives_the_same_bytes_on_opaque_white(open_fake: Open, drawing: Draw, name: str) -> None:
    png = drawing(name)._repr_png_()
    assert drawing(name)._repr_png_() == png
    assert drawn_again(open_fake, name)._repr_png_() == png
    image = Image.open(BytesIO(png)).convert("RGBA")
    assert image.getchannel("A").getextrema() == (255, 255)
    assert image.getpixel((0, 0)) == (255, 255, 255, 255)


def test_a_kernel_has_one_colour_in_every_figure(drawing: Draw) -> None:
    seen: dict[str, set[str]] = {}
    for line in (line for name in CHAPTERS for axes in drawing(name).axes for line in axes.lines):
        label = str(line.get_label()).split(" (")[0]
        if label.startswith("k = "):
            seen.setdefault(label, set()).add(line.get_color())
    assert seen.keys() >= {"k = 1", "k = 2", "k = 3", "k = 4", "k = 13", "k = 18", "k = 30"}
    assert seen == {label: {kernel_style(int(label[4:]))["color"]} for label in seen}


def test_figures_import_neither_torch_nor_pyplot() -> None:
    code = "import sys, rflib.paper.claims; sys.exit('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300, check=False).returncode == 0
