"""CKA of the 53 convolutions of a ResNet50 on 300 images, beside the plain way in numpy and torch_cka.

Both sides run the network; torch_cka is measured where it is installed (it averages over small batches and so
answers a slightly different question). Run with `python benchmarks/cka.py`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.analyses import cka


def plain(model: nn.Module, images: Tensor) -> NDArray[np.float64]:
    """Return biased CKA between all convolutions the direct way: one Gram matrix a layer, one sum a pair."""
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    with activations.evaluation_mode(model), activations.record(model, names) as outputs, torch.no_grad():
        for batch in images.split(250):
            model(batch)
    grams = []
    for name in names:
        features = torch.cat(outputs.pop(name)).flatten(1).numpy()
        gram = (features @ features.T).astype(np.float64)
        gram -= gram.mean(axis=0)
        grams.append(gram - gram.mean(axis=1, keepdims=True))
    hsic = np.array([[np.sum(a * b) for b in grams] for a in grams])
    return hsic / np.sqrt(np.outer(np.diag(hsic), np.diag(hsic)))


def torch_cka(model: nn.Module, images: Tensor) -> object:
    """Return torch_cka's own matrix for the same layers, in batches of 250."""
    import torch_cka as package

    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, images), batch_size=250)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        peer = package.CKA(model, model, model1_layers=names, model2_layers=names, device="cpu")
        peer.compare(loader)
    return peer.export()


def seconds(call: Callable[..., object], *arguments: object) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def measure(count: int = 300, pixels: int = 32, rounds: int = 2) -> list[dict[str, object]]:
    """Return one row a peer: what, peer, seconds of both (best of the rounds), their ratio and a note."""
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None).eval()
    images = torch.randn(count, 3, pixels, pixels, generator=torch.Generator().manual_seed(1))
    ours = cka.compare_estimators(model, model, images)
    difference = np.abs(ours["biased"].values - plain(model, images)).max()
    peers: dict[str, Callable[..., object]] = {"numpy, pair by pair": plain}
    if importlib.util.find_spec("torch_cka"):
        peers["torch_cka"] = torch_cka
    rows: list[dict[str, object]] = []
    for name, peer in peers.items():
        times = [
            (seconds(cka.compare_estimators, model, model, images), seconds(peer, model, images)) for _ in range(rounds)
        ]
        ours_s, peer_s = (min(column) for column in zip(*times, strict=True))
        rows.append(
            {
                "what": f"CKA, 53 x 53 layers, {count} images, both estimators",
                "peer": name,
                "ours_s": round(ours_s, 3),
                "peer_s": round(peer_s, 3),
                "ratio": round(peer_s / ours_s, 2),
                "note": f"largest difference of biased values to numpy {difference:.1e}",
            }
        )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
