"""Training on a graphics card: beside the plain loop on the same card, and beside the card's own matrix rate."""

from __future__ import annotations

import os

import torch

from benchmarks.images import random_split
from benchmarks.row import Row
from benchmarks.timing import medians, timed
from benchmarks.training import Size, images_per_second, our_epoch, plain_epoch
from rflib.config import ModelConfig
from rflib.study.costs import image_cost

FULL = Size(ModelConfig(architecture="rf_resnet50", pool_kernel=1), 128, 200, 3)
REHEARSAL = Size(ModelConfig(architecture="rf_resnet50", pool_kernel=4, width=0.0625), 8, 2, 1)
MATRIX_SIDE, MATRIX_PRODUCTS = 8192, 50
WORKERS = 8
LOOP, MATRICES = "plain float32 loop on the card", "its operations at the bf16 matrix rate"


def measure(rehearsal: bool = False) -> list[Row]:
    """Return both rows, unmeasured on a machine without a card; a rehearsal takes the processor for one."""
    if rehearsal:
        return _rows(REHEARSAL, torch.device("cpu"), workers=0, side=256)
    if torch.cuda.is_available():
        return _rows(FULL, torch.device("cuda"), workers=min(WORKERS, os.cpu_count() or 1), side=MATRIX_SIDE)
    note = "this machine has no CUDA device"
    return [
        Row(FULL.what, LOOP, None, must=3, note=note),
        Row(FULL.what, MATRICES, None, must=0.30, aim=0.45, note=note),
    ]


def _rows(size: Size, device: torch.device, *, workers: int, side: int) -> list[Row]:
    split = random_split(size.images)
    plain = plain_epoch(size, split, device, workers=workers)
    times = medians({"ours": our_epoch(size, split.to(device)), "plain": plain}, size.rounds)
    rate = matrix_rate(device, side)
    ideal_s = size.images * model_operations(size) / rate
    note = f"{images_per_second(size, times['ours'], times['plain'])}; {workers} workers load its images"
    utilisation = f"the ratio is the model FLOPs utilisation; the matrix rate is {rate / 1e12:.3g} TFLOP/s"
    return [
        Row(size.what, LOOP, times["ours"], times["plain"], must=3, note=note),
        Row(size.what, MATRICES, times["ours"], ideal_s, must=0.30, aim=0.45, note=utilisation),
    ]


def model_operations(size: Size) -> float:
    """Return the floating-point operations of one image there and back: convolutions and matrix products."""
    cost = image_cost(size.model, 32)
    return float(cost.forward + cost.backward)


def matrix_rate(device: torch.device, side: int) -> float:
    """Return the operations a second of square bfloat16 matrix products: the fastest of three series."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))

    def products() -> None:
        for _ in range(MATRIX_PRODUCTS):
            result = a @ b
        result[0, 0].item()  # waits for the device

    products()
    return MATRIX_PRODUCTS * 2 * side**3 / min(timed(products)[0] for _ in range(3))
