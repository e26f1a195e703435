from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from io import BytesIO

import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_output
from PIL import Image

from rflib.book.safety import refusal
from rflib.errors import UsageError
from rflib.paper.chapters import accuracy_and_pruning, loss_landscape
from rflib.paper.slider import Frames, slider
from rflib.paper.style import Drawing
from rflib.study.origin import METADATA
from rflib.study.study import Study

Open = Callable[..., Study]
MOST_BYTES = 1_500_000


@pytest.fixture
def by_rate(open_fake: Open) -> dict[str, Drawing]:
    study = open_fake("pruning-rates")
    return {f"{rate:.0%}": accuracy_and_pruning.draw_accuracy_and_pruning(study, rate=rate) for rate in (0.5, 0.8, 0.9)}


def described(drawings: Mapping[str, Drawing]) -> dict[str, str]:
    return {label: f"What <is> seen at {label}." for label in drawings}


def framed(drawings: Mapping[str, Drawing], shown: str | None = None) -> Frames:
    return slider(drawings, described(drawings), parameter="pruning rate", shown=shown)


def test_every_frame_is_a_picture_with_its_own_text_and_place(by_rate: dict[str, Drawing]) -> None:
    page = BeautifulSoup(framed(by_rate, "80%").html(), "html.parser")
    found = {figure["data-place"]: figure for figure in page.find_all("figure")}
    assert [found[place]["data-label"] for place in sorted(found)] == list(by_rate)
    for figure, (label, drawing) in zip((found[place] for place in sorted(found)), by_rate.items(), strict=True):
        assert figure.img["alt"] == f"What <is> seen at {label}."
        assert figure.figcaption.get_text() == f"Pruning rate: {label}"
        assert b64decode(figure.img["src"].removeprefix("data:image/png;base64,")) == drawing.png()
    assert page.div["data-shown"] == "1"
    folded = page.details.find_all("figure")
    assert [figure["data-label"] for figure in folded] == ["50%", "90%"]


def test_the_last_frame_is_shown_unless_another_is_chosen(by_rate: dict[str, Drawing]) -> None:
    assert [framed(by_rate, shown).shown for shown in (None, "50%", "70%")] == [2, 0, 2]


def test_all_frames_have_the_same_axes_and_size(by_rate: dict[str, Drawing]) -> None:
    by_rate["50%"].axes[0].set_ylim(0, 200)
    widest = [by_rate["50%"].axes[0].get_xlim(), (0, 200)]
    result = framed(by_rate)
    for frame in result.frames:
        assert [frame.figure.axes[0].get_xlim(), frame.figure.axes[0].get_ylim()] == widest
    places = [[axes.get_position().bounds for axes in frame.figure.axes] for frame in result.frames]
    assert np.allclose(places, places[0])
    assert len({Image.open(BytesIO(frame.figure.png())).size for frame in result.frames}) == 1


def test_a_notebook_gets_html_and_for_print_the_frame_that_is_shown(by_rate: dict[str, Drawing]) -> None:
    bundle, metadata = framed(by_rate, "50%")._repr_mimebundle_()
    assert Image.open(BytesIO(b64decode(bundle["image/png"]))).size[0] == 1280
    assert bundle["text/plain"] == "Pruning rate: 50%. What <is> seen at 50%."
    assert METADATA not in metadata or metadata[METADATA]["measurements"]
    assert refusal(new_output("display_data", bundle)) is None
    assert len(bundle["text/html"]) < MOST_BYTES


def test_the_origin_is_that_of_all_frames(by_rate: dict[str, Drawing]) -> None:
    _, metadata = framed(by_rate)._repr_mimebundle_()
    names = {source.name for drawing in by_rate.values() for source in drawing.origin.sources}
    assert set(metadata.get(METADATA, {}).get("measurements", [])) == names


def test_a_study_without_measurements_makes_one_frame(open_fake: Open) -> None:
    study = open_fake("pruning-rates", small={"pool_kernels": {}})
    empty = {
        label: accuracy_and_pruning.draw_accuracy_and_pruning(study, rate=rate)
        for label, rate in (("50%", 0.5), ("90%", 0.9))
    }
    result = framed(empty)
    assert len(result.frames) == 1
    assert "<details" not in result.html()


def test_what_cannot_be_frames_is_refused(by_rate: dict[str, Drawing], open_fake: Open) -> None:
    with pytest.raises(UsageError, match="expected at least one figure, found none"):
        framed({})
    with pytest.raises(UsageError, match="expected a description of every figure, found none of 80%, 90%"):
        slider(by_rate, {"50%": "text"}, parameter="pruning rate")
    other = loss_landscape.draw_spectra(open_fake("loss-landscape"), architecture="rf_vgg19")
    with pytest.raises(UsageError, match=r"expected figures with the same panels, found \[4, 4, 4, 2\] axes"):
        framed({**by_rate, "other": other})


def test_one_kernel_of_the_spectra_is_highlighted(open_fake: Open) -> None:
    study = open_fake("loss-landscape")
    plain, chosen = (loss_landscape.draw_spectra(study, architecture="rf_vgg19", highlighted=k) for k in (None, 2))
    for axes, before in zip(chosen.axes, plain.axes, strict=True):
        shown = {str(line.get_label()): line.get_alpha() for line in axes.lines if line.get_label() != "_"}
        strong = [label for label, alpha in shown.items() if label.startswith("k = ") and alpha == 1]
        assert [label.split(" (")[0] for label in strong] == ["k = 2"]
        assert len(axes.lines) == len(before.lines)
        assert all(line.get_alpha() in (None, 1) for line in before.lines)
