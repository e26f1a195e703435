"""Logistic-regression probes: how well a linear classifier reads the classes off each layer.

Alain and Bengio, "Understanding Intermediate Layers using Linear Classifier Probes", 2016, in the form of Richter et
al., "Should You Go Deeper?", 2021: a feature map larger than 4x4 is brought to 4x4 by adaptive average pooling, a
probe is trained on the training images and its accuracy on the test images is reported.

What that paper leaves open is chosen here: features are standardised with mean and deviation of the training images, so
that the penalty weighs all layers alike; the probe is scikit-learn's multinomial logistic regression with an L2 penalty
(C = 1 unless said otherwise), solved by L-BFGS from zero, which draws no random numbers. A map that is already smaller
than 4x4 is left as it is: repeating its values would add no information and weaken the penalty.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.errors import UsageError
from rflib.grouping import groups

__all__ = ["Probe", "fit", "measure", "pooled"]

Examples = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Probe:
    """A trained probe of one layer.

    accuracy, train_accuracy: shares of the test and training images, 0 to 1. features: after pooling. iterations: of
    the solver; converged is False if it was stopped. seconds: to standardise, train and score, without the network.

    Example:
        >>> features = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
        >>> labels = np.array([0, 0, 1, 1])
        >>> probe = rflib.probes.fit((features.copy(), labels), (features.copy(), labels))
        >>> probe.accuracy, probe.features, probe.converged
        (1.0, 1, True)
    """

    accuracy: float
    train_accuracy: float
    features: int
    iterations: int
    converged: bool
    seconds: float = field(compare=False)


def measure(
    model: nn.Module,
    train: Examples,
    test: Examples,
    *,
    layers: Sequence[str] | None = None,
    side: int = 4,
    penalty: float = 1.0,
    iterations: int = 200,
    batch_size: int = 250,
    activation_bytes: int = 2**30,
) -> dict[str, Probe]:
    """Train a probe on each layer of `model` and return them by layer name.

    `train` and `test` are images (n, c, h, w), as the model takes them, with labels (n,). `layers` are module names, by
    default every Conv2d and Linear. Maps larger than `side` are pooled to it, per axis. `penalty` is the weight of the
    L2 term, 1 / C in scikit-learn, where the loss is summed over the images; after `iterations` the solver stops.

    Layers are taken in groups whose pooled features fit into `activation_bytes` (at least one), a pass over the images
    each. The model runs in evaluation mode and is left as it was. The same call gives the same probes. Raises
    UsageError for an unknown layer, labels that do not fit the images, fewer than two classes in `train`, or a layer
    that returns neither maps nor vectors or does not run exactly once.

    Example:
        >>> labels = torch.arange(20) % 2
        >>> images = torch.rand(20, 3, 8, 8) + labels[:, None, None, None]  # one class is brighter
        >>> probes = rflib.probes.measure(nn.Sequential(nn.Conv2d(3, 4, 3)), (images, labels), (images, labels))
        >>> probes["0"].accuracy, probes["0"].features
        (1.0, 64)
    """
    _check(train, test)
    names = activations.layer_names(model, layers, nn.Conv2d | nn.Linear, what="probes")
    widths = _widths(model, train[0][:1], names, side)
    budget = activation_bytes // (4 * (len(train[0]) + len(test[0])))
    found = {}
    for group in groups(widths, budget):
        kept = {name: widths[name] for name in group}
        train_features, test_features = (_features(model, part[0], kept, side, batch_size) for part in (train, test))
        for name in group:
            found[name] = fit(
                (train_features.pop(name), train[1].cpu().numpy()),
                (test_features.pop(name), test[1].cpu().numpy()),
                penalty=penalty,
                iterations=iterations,
            )
    return found


def fit(
    train: tuple[NDArray[np.float32], NDArray[np.int64]],
    test: tuple[NDArray[np.float32], NDArray[np.int64]],
    *,
    penalty: float = 1.0,
    iterations: int = 200,
) -> Probe:
    """Train a probe on features (n, features) with labels (n,) and score it; the features are overwritten.

    Features float32, labels int64. Both are standardised as the module says, by the training features.

    Example:
        >>> train = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32), np.array([0, 0, 1, 1])
        >>> test = np.array([[0.5], [2.5]], dtype=np.float32), np.array([0, 1])
        >>> rflib.probes.fit(train, test).accuracy
        1.0
    """
    # Imported here: scikit-learn takes a second, which a reader of measurements need not pay.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    start = time.perf_counter()
    (features, labels), (test_features, test_labels) = train, test
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    scale = 1 / np.where(deviation > 1e-7 * np.abs(mean), deviation, np.inf)
    for each in (features, test_features):
        each -= mean.astype(np.float32)
        each *= scale.astype(np.float32)
    probe = LogisticRegression(C=1 / penalty, max_iter=iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by `converged`
        probe.fit(features, labels)
    used = int(probe.n_iter_.max())
    return Probe(
        accuracy=float((probe.predict(test_features) == test_labels).mean()),
        train_accuracy=float((probe.predict(features) == labels).mean()),
        features=features.shape[1],
        iterations=used,
        converged=used < iterations,
        seconds=time.perf_counter() - start,
    )


def pooled(output: Tensor, side: int = 4, *, channels_last: bool = False) -> Tensor:
    """Return maps (n, c, h, w) averaged to at most `side` x `side`, or vectors, as features (n, features).

    With `channels_last` maps are (n, h, w, c), as a Linear returns them.

    Example:
        >>> rflib.probes.pooled(torch.zeros(2, 8, 16, 16)).shape, rflib.probes.pooled(torch.zeros(2, 8, 2, 2)).shape
        (torch.Size([2, 128]), torch.Size([2, 32]))
    """
    if output.dim() == 4:
        output = output.movedim(-1, 1) if channels_last else output
        height, width = (min(side, length) for length in output.shape[2:])
        output = F.adaptive_avg_pool2d(output, (height, width))
    return output.flatten(1)


def _features(
    model: nn.Module, images: Tensor, widths: dict[str, int], side: int, batch_size: int
) -> dict[str, NDArray[np.float32]]:
    """Return the pooled outputs of layers on all images, (n, features) each, on the CPU."""
    held = {name: np.empty((len(images), width), dtype=np.float32) for name, width in widths.items()}
    modules = dict(model.named_modules())

    def consume(name: str, output: Tensor, rows: slice) -> None:
        features = pooled(output, side, channels_last=isinstance(modules[name], nn.Linear))
        held[name][rows] = features.float().cpu().numpy()

    activations.over_batches(model, images, held, consume, batch_size=batch_size)
    return held


def _widths(model: nn.Module, image: Tensor, layers: Sequence[str], side: int) -> dict[str, int]:
    """Return the number of pooled features of each layer."""
    remedy = "Leave it out of the layers to probe."
    outputs = activations.examples(model, image, layers, what="probes", remedy=remedy)
    for name, output in outputs.items():
        if output.dim() not in (2, 4) or len(output) != 1:
            raise UsageError(
                f"probes: expected layer '{name}' to return maps (n, c, h, w) or vectors (n, features), found the "
                f"shape {tuple(output.shape)} for one image. Name another layer."
            )
    modules = dict(model.named_modules())
    return {
        name: pooled(output, side, channels_last=isinstance(modules[name], nn.Linear)).shape[1]
        for name, output in outputs.items()
    }


def _check(train: Examples, test: Examples) -> None:
    for part, (images, labels) in (("training", train), ("test", test)):
        if not len(images) or labels.shape != images.shape[:1]:
            raise UsageError(
                f"probes: expected {part} images with one label each, found {len(images)} images and labels of shape "
                f"{tuple(labels.shape)}."
            )
    if len(train[1].unique()) < 2:
        raise UsageError("probes: expected at least two classes in the training labels, found one.")
