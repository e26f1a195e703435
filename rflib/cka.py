"""Linear centred kernel alignment (CKA) between the layers of two networks.

Kornblith et al., "Similarity of Neural Network Representations Revisited", ICML 2019: for activations X (n,
p) and Y (n, q) of the same n images, CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with the Gram matrices K
= X Xᵀ, L = Y Yᵀ. The biased HSIC takes them doubly centred; its value grows with the number of features,
about p/(n + p) for unrelated data. The debiased one (Song et al., "Feature Selection via Dependence
Maximization", JMLR 2012) leaves the diagonal out; it is near 0 for unrelated data, can be negative, and is
not clamped. Gram matrices are exact, over all images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.errors import UsageError, require_known
from rflib.grouping import groups

__all__ = ["Similarity", "compare", "compare_estimators", "linear_cka"]

Estimator = Literal["biased", "debiased"]

FEATURE_BLOCK = 2**14
# Of a symmetric matrix only blocks of so many rows from the diagonal on are computed.
ROW_BLOCK = 128


@dataclass(frozen=True)
class Similarity:
    """CKA of each layer of one network with each of another.

    `values` is (layers of a, layers of b), float64, NaN where a layer's output is the same for all images.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
        >>> similarity = rflib.cka.compare(model, model, torch.rand(8, 3, 8, 8), layers_b=["2"])
        >>> similarity.layers_a, similarity.layers_b, similarity.values.shape, similarity.images
        (('0', '2'), ('2',), (2, 1), 8)
    """

    values: NDArray[np.float64]
    layers_a: tuple[str, ...]
    layers_b: tuple[str, ...]
    estimator: Estimator
    images: int


def compare(
    model_a: nn.Module,
    model_b: nn.Module,
    images: Tensor,
    *,
    layers_a: Sequence[str] | None = None,
    layers_b: Sequence[str] | None = None,
    estimator: Estimator = "debiased",
    batch_size: int = 250,
    activation_bytes: int = 4 * 2**30,
) -> Similarity:
    """Return the linear CKA between layers of two networks on `images` (N, C, H, W), N at least 4.

    `layers_a` and `layers_b` are module names, by default all Conv2d; the output of a layer is flattened per
    image. Both networks run in evaluation mode and are left as they were; the same model given twice runs
    once. The Gram matrices take 8 N² bytes a layer; up to `activation_bytes` of activations are held besides
    (at least one layer's), with more passes over the images if that is little. Neither this nor `batch_size`
    changes the result beyond rounding. Raises UsageError for an unknown layer or estimator, too few images,
    or a layer that does not run exactly once in a pass.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
        >>> similarity = rflib.cka.compare(model, model, torch.rand(8, 3, 8, 8))
        >>> similarity.values.shape, similarity.values.diagonal().round(4).tolist()
        ((2, 2), [1.0, 1.0])
    """
    require_known("CKA estimator", estimator, get_args(Estimator))
    return compare_estimators(
        model_a,
        model_b,
        images,
        layers_a=layers_a,
        layers_b=layers_b,
        batch_size=batch_size,
        activation_bytes=activation_bytes,
    )[estimator]


def compare_estimators(
    model_a: nn.Module,
    model_b: nn.Module,
    images: Tensor,
    *,
    layers_a: Sequence[str] | None = None,
    layers_b: Sequence[str] | None = None,
    batch_size: int = 250,
    activation_bytes: int = 4 * 2**30,
) -> dict[Estimator, Similarity]:
    """Return what `compare` gives for each estimator, at the cost of one.

    Arguments and errors are those of `compare`.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
        >>> both = rflib.cka.compare_estimators(model, model, torch.rand(8, 3, 8, 8))
        >>> sorted(both), both["biased"].values.shape
        (['biased', 'debiased'], (2, 2))
    """
    _check_images(len(images))
    names_a, names_b = (
        activations.layer_names(model, layers, nn.Conv2d, what="CKA")
        for model, layers in ((model_a, layers_a), (model_b, layers_b))
    )
    if model_b is model_a:
        union = tuple(dict.fromkeys(names_a + names_b))
        grams = centred_grams(model_a, images, union, batch_size=batch_size, activation_bytes=activation_bytes)
        rows, columns = [union.index(name) for name in names_a], [union.index(name) for name in names_b]
        values = {key: value[rows][:, columns] for key, value in _alignments(grams, grams).items()}
    else:
        grams = centred_grams(model_a, images, names_a, batch_size=batch_size, activation_bytes=activation_bytes)
        others = centred_grams(model_b, images, names_b, batch_size=batch_size, activation_bytes=activation_bytes)
        values = _alignments(grams, others)
    return {key: Similarity(value, names_a, names_b, key, len(images)) for key, value in values.items()}


def linear_cka(x: Tensor, y: Tensor, estimator: Estimator = "debiased") -> float:
    """Return the linear CKA of feature matrices `x` (n, p) and `y` (n, q) of the same n >= 4 samples.

    Kornblith et al. 2019, debiased after Song et al. 2012 (see the module). Raises UsageError for an unknown estimator,
    sides of unequal length, or fewer than 4 samples.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [2.0, 1.0]])
        >>> round(rflib.cka.linear_cka(x, 3 * x), 4), round(rflib.cka.linear_cka(x, x[:, :1], "biased"), 2)
        (1.0, 0.93)
    """
    require_known("CKA estimator", estimator, get_args(Estimator))
    if len(x) != len(y):
        raise UsageError(f"CKA: expected the same samples on both sides, found {len(x)} and {len(y)} rows.")
    _check_images(len(x))
    flat = [features.flatten(1).double() for features in (x, y)]
    grams_x, grams_y = (_centred_gram(features - features[:1])[None] for features in flat)
    return float(_alignments(grams_x, grams_y)[estimator].item())


def centred_grams(
    model: nn.Module, images: Tensor, layers: Sequence[str], *, batch_size: int, activation_bytes: int
) -> Tensor:
    """Return the doubly centred Gram matrices of `layers` over all images, (layers, N, N) float64."""
    device, count = activations.device_of(model), len(images)
    grams = torch.empty(len(layers), count, count, dtype=torch.float64, device=device)
    remedy = "Leave it out of the layers to compare."
    examples = activations.examples(model, images[:1], layers, what="CKA", remedy=remedy)
    sizes = {name: output.nbytes for name, output in examples.items()}
    for group in groups(sizes, activation_bytes // count):
        held = {name: examples[name].new_empty(count, examples[name].numel()) for name in group}
        _fill(held, model, images, batch_size)
        for name in group:
            grams[layers.index(name)] = _centred_gram(held.pop(name))
    return grams


def _fill(held: dict[str, Tensor], model: nn.Module, images: Tensor, batch_size: int) -> None:
    """Write the flattened outputs of the layers in `held`, batch by batch, into its rows, less those of image 0."""
    first: dict[str, Tensor] = {}

    def consume(name: str, output: Tensor, rows: slice) -> None:
        features = output.flatten(1)
        if rows.start == 0:
            first[name] = features[:1].clone()
        torch.sub(features, first[name], out=held[name][rows])

    activations.over_batches(model, images, held, consume, batch_size=batch_size)


def _centred_gram(features: Tensor) -> Tensor:
    """Return H X Xᵀ H in float64, H = 1 - 1/n, for X = `features` (n, p) relative to those of the first image.

    A large common offset would drown the differences in float32; without it a feature that does not vary is exactly 0.
    """
    count = len(features)
    upper = torch.zeros(count, count, dtype=torch.float64, device=features.device)
    for block in features.split(FEATURE_BLOCK, dim=1):
        for start in range(0, count, ROW_BLOCK):
            upper[start : start + ROW_BLOCK, start:] += block[start : start + ROW_BLOCK] @ block[start:].T
    gram = upper.triu() + upper.triu(1).T
    means = gram.mean(dim=0)
    return gram - means[:, None] - means[None, :] + means.mean()


def _alignments(a: Tensor, b: Tensor) -> dict[Estimator, NDArray[np.float64]]:
    """CKA (A, B) of each centred Gram matrix in `a` (A, n, n) with each in `b` (B, n, n), by estimator."""
    cross = _hsic(a.flatten(1) @ b.flatten(1).T, _diagonals(a) @ _diagonals(b).T, _traces(a)[:, None] * _traces(b), a)
    own = [
        _hsic(g.flatten(1).square().sum(dim=1), _diagonals(g).square().sum(dim=1), _traces(g).square(), g)
        for g in (a, b)
    ]
    return {key: (value / (own[0][key][:, None] * own[1][key]).sqrt()).cpu().numpy() for key, value in cross.items()}


def _hsic(
    products: Tensor, diagonal_products: Tensor, trace_products: Tensor, grams: Tensor
) -> dict[Estimator, Tensor]:
    """HSIC up to the factors that cancel in CKA, from the inner products of centred Gram matrices.

    The debiased form is Song et al., equation 4, for Gram matrices with zero diagonal; as the rows of a
    centred matrix sum to zero, the row sums in that equation are minus the diagonal.
    """
    n = grams.shape[-1]
    debiased = products - n / (n - 2) * diagonal_products + trace_products / ((n - 1) * (n - 2))
    return {"biased": products, "debiased": debiased}


def _diagonals(grams: Tensor) -> Tensor:
    return grams.diagonal(dim1=1, dim2=2)


def _traces(grams: Tensor) -> Tensor:
    return _diagonals(grams).sum(dim=1)


def _check_images(count: int) -> None:
    if count < 4:
        raise UsageError(f"CKA: expected at least 4 images, found {count}. The debiased estimate needs them.")
