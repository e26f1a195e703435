"""What is recorded of two runs beside each other: how similar their representations are, layer by layer."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch

from rflib import cka
from rflib.activations import frozen_statistics
from rflib.config import SimilaritySettings
from rflib.data.splits import evaluation_batches
from rflib.study.subject import Recorded, Subject
from rflib.training.evaluation import EVALUATION_BATCH_SIZE


def similarity(settings: SimilaritySettings, first: Subject, second: Subject) -> Recorded:
    """Linear CKA between all convolutions of two runs, by both estimators.

    The running statistics of an untrained network mean nothing, so its own are re-estimated on training images.
    """
    split = first.test_split.spread(settings.images)
    images = split.normalise(split.images)
    network_a, network_b = first.network(settings.checkpoint), second.network(settings.checkpoint)
    with ExitStack() as stack:
        if settings.checkpoint == "initial":
            for network, subject in ((network_a, first), (network_b, second)):
                stack.enter_context(frozen_statistics(network, _image_batches(subject, settings.images)))
        found = cka.compare_estimators(network_a, network_b, images)
    arrays = {str(name): similarity.values for name, similarity in found.items()}
    layers = next(iter(found.values())).layers_a
    rows = [
        {"layer": index, "name": name, **{e: _finite(arrays[e][index - 1, index - 1]) for e in arrays}}
        for index, name in enumerate(layers, start=1)
    ]
    return Recorded({"rows": rows, "images": len(images), "layers": list(layers)}, arrays)


def _finite(value: float) -> float | None:
    """Return a number, or None for what is not defined: CKA of a layer whose output never varies."""
    return float(value) if np.isfinite(value) else None


def _image_batches(subject: Subject, count: int) -> list[torch.Tensor]:
    return [images for images, _ in evaluation_batches(subject.train_split.spread(count), EVALUATION_BATCH_SIZE)]
