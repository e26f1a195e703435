"""Every convolutional classifier and segmentation network of torchvision, analysed and measured.

Each network is taken at the smallest side of `SIDES` at which it runs. `analyse` and `measure` are two computations
that share no code; they agree on a network if field, stride and offset of every convolution are equal. Times are
processor seconds of one thread, so that whatever else the machine does is left out; the wall seconds are noted.
`python -m benchmarks.zoo` prints one line a network.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch
import torchvision
from torch import nn

from benchmarks.row import Row
from benchmarks.silence import no_logs
from rflib import models
from rflib.errors import RflibError
from rflib.receptive_field import Fields, MeasuredField, analyse
from rflib.receptive_field import measure as measure_fields

FAMILIES = (
    *("alexnet", "vgg", "resnet", "resnext", "wide_resnet", "densenet", "googlenet", "inception", "squeezenet"),
    *("mobilenet", "mnasnet", "shufflenet", "efficientnet", "regnet", "convnext"),
)
SIDES = (32, 64, 96)
REHEARSAL = ("alexnet", "squeezenet1_1")
ANALYSE_SECONDS, MEASURE_SECONDS = 1.5, 10.0

Result = TypeVar("Result")


@dataclass(frozen=True)
class Entry:
    """One network: the side of its images, its last convolution's field by both, times, and what disagrees."""

    name: str
    side: int
    convolutions: int
    analysed: float
    measured: float
    analyse_s: float
    measure_s: float
    wall_s: float
    mismatches: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line of the table."""
        verdict = "agree" if not self.mismatches else "MISMATCH " + ", ".join(self.mismatches)
        return (
            f"{self.name:22} {self.side:4} px {self.convolutions:4} convolutions  field {self.analysed:5g} "
            f"{self.measured:5g}  {self.analyse_s:5.2f} s {self.measure_s:6.2f} s  {verdict}"
        )


def names() -> list[str]:
    """Return torchvision's builders of convolutional classifiers and of segmentation networks."""
    catalogue = torchvision.models
    classifiers = [name for name in catalogue.list_models(module=catalogue) if name.startswith(FAMILIES)]
    return [*classifiers, *catalogue.list_models(module=catalogue.segmentation)]


def entry(name: str) -> Entry:
    """Analyse and measure one network."""
    began = time.perf_counter()
    model = models.without_weights(name)
    (side, fields), analyse_s = _timed(lambda: _analysed(model, name))
    measured, measure_s = _timed(lambda: measure_fields(model, (3, side, side), layers="all"))
    last = fields.last_convolution
    return Entry(
        name=name,
        side=side,
        convolutions=len(measured),
        analysed=last.r_max[0],
        measured=measured[last.name].r_max[0] if last.name in measured else float("nan"),
        analyse_s=analyse_s,
        measure_s=measure_s,
        wall_s=time.perf_counter() - began,
        mismatches=tuple(_mismatches(fields, measured)),
    )


def measure(rehearsal: bool = False) -> list[Row]:
    """Return the rows: networks that disagree, and the median times of both."""
    with _one_thread():
        entry(REHEARSAL[0])  # the first one pays for torch's imports
        return rows([entry(name) for name in (REHEARSAL if rehearsal else names())])


def rows(entries: Sequence[Entry]) -> list[Row]:
    """Return the summary of the networks' entries."""
    wrong = [each.name for each in entries if each.mismatches]
    what, convolutions = f"{len(entries)} torchvision networks", sum(each.convolutions for each in entries)
    analyse_s, measure_s = [each.analyse_s for each in entries], [each.measure_s for each in entries]
    return [
        Row(
            f"receptive fields, {what}: disagreements",
            "analyse against measure",
            len(wrong),
            unit="networks",
            must=0,
            note=", ".join(wrong) or f"field, stride and offset of {convolutions} convolutions are equal",
        ),
        Row(
            f"receptive_field.analyse, {what}",
            "median",
            median(analyse_s),
            must=ANALYSE_SECONDS,
            note=_slowest(entries),
        ),
        Row(
            f"receptive_field.measure, {what}",
            "median",
            median(measure_s),
            must=MEASURE_SECONDS,
            note=f"all convolutions; slowest {max(measure_s):.1f} s",
        ),
    ]


def _slowest(entries: Sequence[Entry]) -> str:
    slowest = max(entries, key=lambda each: each.analyse_s)
    return f"processor seconds, one thread; slowest {slowest.name}, {slowest.analyse_s:.1f} s"


def _analysed(model: nn.Module, name: str) -> tuple[int, Fields]:
    for side in SIDES:
        try:
            return side, analyse(model, (3, side, side))
        except RflibError as error:
            failure = error
    raise RflibError(f"{name}: not analysed at any of {SIDES} pixels") from failure


def _mismatches(fields: Fields, measured: dict[str, MeasuredField]) -> Iterator[str]:
    """Yield what differs: convolutions that only one of both has, or whose values are not equal."""
    expected = {layer.name: layer for layer in fields.layers if layer.is_convolution}
    yield from sorted(expected.keys() ^ measured.keys())
    for name in expected.keys() & measured.keys():
        one, other = expected[name], measured[name]
        if (one.r_max, one.stride, one.offset) != (other.r_max, other.stride, other.offset):
            yield name


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    began = time.process_time()
    result = call()
    return result, time.process_time() - began


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread, and keep torch from explaining the sizes at which a network does not run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with no_logs():
            yield
    finally:
        torch.set_num_threads(threads)


def main() -> None:
    """Print one line a network and the summary."""
    warnings.simplefilter("ignore")
    found = []
    with _one_thread():
        entry(REHEARSAL[0])
        for name in names():
            found.append(entry(name))
            print(found[-1], flush=True)
    for row in rows(found):
        print(row.what, row.ours, row.unit, row.verdict, row.note, sep=" | ")


if __name__ == "__main__":
    main()
