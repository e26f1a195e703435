"""What the benchmarks judge by is right, and every subject gives its rows at a small size."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from benchmarks import cka, gpu, hessian, layers, memory, nothing_to_do, peers, zoo
from benchmarks.row import Row
from benchmarks.run import ON_REQUEST, SUBJECTS, measured
from rflib.cka import linear_cka
from rflib.study.costs import image_cost

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(peers.__file__).with_name("requirements.txt")


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_exact_cka_is_that_of_the_library_on_features(estimator: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(12, count, generator=generator, dtype=torch.float64) for count in (5, 7))
    hsic = {"biased": cka.biased_hsic, "debiased": cka.debiased_hsic}[estimator]
    found = cka.alignment(hsic, (x @ x.T)[None], (y @ y.T)[None])
    assert found.item() == pytest.approx(linear_cka(x, y, estimator), abs=1e-12)


def test_bare_product_is_that_of_the_dense_hessian() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 3)).double()
    batch = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1])
    product = hessian.bare_product(model, batch)
    dense = torch.stack([product(row) for row in torch.eye(17, dtype=torch.float64)])
    assert torch.allclose(dense, dense.T, atol=1e-12)
    shift = 1e-5 * torch.randn(17, dtype=torch.float64)
    expected = (_gradient(model, batch, shift) - _gradient(model, batch, -shift)) / 2
    assert torch.allclose(dense @ shift, expected, atol=1e-12)


def _gradient(model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor], shift: torch.Tensor) -> torch.Tensor:
    values = torch.nn.utils.parameters_to_vector(model.parameters()) + shift
    pieces = values.detach().requires_grad_()
    names, offset, parameters = [], 0, {}
    for name, parameter in model.named_parameters():
        names.append(name)
        parameters[name] = pieces[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    loss = hessian.LOSS(torch.func.functional_call(model, parameters, (batch[0],)), batch[1])
    return torch.autograd.grad(loss, pieces)[0]


def test_deviation_is_the_worst_of_all_ranks() -> None:
    reference = np.array([100.0, 10.0, 1.0])
    assert hessian.relative_deviation(reference * [1.0, 0.98, 1.01], reference) == pytest.approx(0.02)


def test_operations_there_and_back_are_three_times_those_forward() -> None:
    cost = image_cost(gpu.FULL.model, 32)
    assert gpu.model_operations(gpu.FULL) == pytest.approx(3 * cost.forward, rel=0.01)


@pytest.mark.skipif(not memory.STATUS.is_file(), reason="the kernel's own count includes the parent's memory")
def test_peak_is_that_of_the_process_alone_and_stays() -> None:
    grow = "memory.peak_gib(), len(b'1' * 2**28), memory.peak_gib()"
    code = f"from benchmarks import memory; print({grow}, memory.peak_gib())"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    before, _, peak, after = (float(number) for number in printed.split())
    assert before < 0.1 < psutil.Process().memory_info().rss / 2**30
    assert peak == pytest.approx(before + 0.25, abs=0.01)
    assert after == peak


def test_site_shows_the_profile_that_was_executed_last(tmp_path: Path) -> None:
    assert nothing_to_do.built_profile(tmp_path) is None
    for age, profile in enumerate(("digits", "published")):
        record = tmp_path / "executed" / profile / "chapter.json"
        record.parent.mkdir(parents=True)
        record.touch()
        os.utime(record, (1000 - age, 1000 - age))
    assert nothing_to_do.built_profile(tmp_path) is None
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").touch()
    assert nothing_to_do.built_profile(tmp_path) == "digits"


def test_without_a_site_there_are_rows_that_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nothing_to_do, "ROOT", tmp_path)
    rows = nothing_to_do.measure()
    assert {(row.verdict, row.note) for row in rows} == {("not measured", "no site is built: `make book` builds one")}
    assert [row.must for row in rows] == [60, 5]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_without_a_card_its_rows_say_so() -> None:
    rows = gpu.measure()
    assert [(row.must, row.aim) for row in rows] == [(3, None), (0.30, 0.45)]
    assert {(row.verdict, row.note) for row in rows} == {("not measured", "this machine has no CUDA device")}


def test_a_peer_that_is_not_installed_has_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find", lambda package: None)
    reference = np.ones(1)
    rows: list[Row] = [hessian.pyhessian_row("top-90", 1.0, None, reference)]
    problem: Any = SimpleNamespace(size=cka.REHEARSAL, layers=["conv"])
    rows += [*cka.torch_cka_rows(problem, {}), *cka.pytorch_cka_rows(problem, {})]
    rows.append(layers.saturation_row(problem))
    assert {row.verdict for row in rows} == {"not measured"}
    assert all(row.note.endswith("is not installed: `make bench` installs it") for row in rows)
    assert [row.must for row in rows] == [10, 10, 10, 1, 1, 1]


def test_a_network_that_disagrees_is_counted_and_named() -> None:
    agreeing = zoo.Entry("vgg11", 32, 8, 150, 150, 0.4, 2.0, 3.0, ())
    other = zoo.Entry("odd", 64, 3, 11, 13, 1.8, 4.0, 6.0, ("conv2",))
    disagreements, analyse, measure = zoo.rows([agreeing, other, agreeing])
    assert (disagreements.ours, disagreements.verdict, disagreements.note) == (1, "misses", "odd")
    assert (analyse.ours, analyse.must, measure.ours, measure.must) == (0.4, 1.5, 2.0, 10.0)
    assert "slowest odd, 1.8 s" in analyse.note
    assert str(other).endswith("MISMATCH conv2")


def test_delve_leaves_no_trace() -> None:
    model: Any = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with layers.without_traces(model):
        model[0].register_forward_hook(lambda *_: None)
        model[0].forward_iter = 1
    assert not model[0]._forward_hooks
    assert not hasattr(model[0], "forward_iter")


def test_peers_are_pinned() -> None:
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) == 5
    assert all(re.fullmatch(r"[a-zX-]+==[0-9.]+", line) for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("subject", [*SUBJECTS, *ON_REQUEST])
def test_every_subject_gives_rows_at_a_small_size(subject: str) -> None:
    rows, facts = measured(subject, rehearsal=True)
    assert len(rows) >= 2
    assert all(row.what and row.verdict for row in rows)
    assert facts["seconds"] > 0
    exact = [row for row in rows if "deviation" in row.what or "difference" in row.what]
    assert all(row.verdict == "reaches" for row in exact)
