"""What is recorded of one-shot pruning: accuracy, with old statistics and with new, and how much of it was dead."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rflib import activations, dead_taps
from rflib.config import OneShotSettings, RescaledTapsSettings
from rflib.data.splits import Split, batches, evaluation_batches
from rflib.pruning import Mask, magnitude_mask, prunable_weights, pruned, replaced
from rflib.seeding import stream_seed
from rflib.study.subject import Recorded, Subject
from rflib.training import evaluate
from rflib.training.evaluation import EVALUATION_BATCH_SIZE, autocast

Values = dict[str, Any]


def one_shot(settings: OneShotSettings, subject: Subject) -> Recorded:
    """Accuracy in percent of the dense network and of its pruned copies, and how much of the pruning was dead.

    With calibration images `calibrated_accuracy` and `dense_calibrated_accuracy` are those with batch-norm statistics
    re-estimated on them (EagleEye, Li et al. 2020: adaptive batch normalisation).
    """
    model = subject.network(settings.checkpoint)
    live = live_weights(subject, model)
    dense = evaluate(model, subject.test_split, precision=subject.run.config.precision)
    scoring = Scoring(subject, subject.test_split, settings.calibration_images)
    # Where no tap is dead, ranking all weights and ranking live ones give the same mask.
    known: dict[str, Values] = {}
    rows = []
    for scope in settings.scopes:
        for rate in settings.rates:
            mask = magnitude_mask(model, rate, scope=scope, live=live if scope == "live" else None)
            if mask.fingerprint not in known:
                with pruned(model, mask):
                    known[mask.fingerprint] = scoring(model, "pruned_accuracy", "calibrated_accuracy")
            rows.append({"scope": scope, "rate": rate, **known[mask.fingerprint], **_counts(mask, live)})
    calibrated = scoring.calibrated(model, "dense_calibrated_accuracy")
    values = {"dense_accuracy": dense.accuracy, "dense_loss": dense.loss, "images": dense.images}
    return Recorded({**values, **calibrated, "rows": rows})


def rescaled_taps(settings: RescaledTapsSettings, subject: Subject) -> Recorded:
    """Accuracy in percent before and after global pruning, one row a factor of the dead taps and a rate.

    `largest_change` is the largest change of a logit on the test images that a factor makes before anything is pruned,
    and `live_share_pruned` the share of live weights, in percent, that pruning takes.
    """
    model, split, precision = subject.network(settings.checkpoint), subject.test_split, subject.run.config.precision
    live, weights = live_weights(subject, model), prunable_weights(model).items()
    plain = _logits(model, split)
    rows = []
    for factor in settings.factors:
        scaled = {name: torch.where(live[name].to(weight.device), weight, factor * weight) for name, weight in weights}
        with replaced(model, scaled):
            described = {"factor": factor, "largest_change": float((_logits(model, split) - plain).abs().max())}
            described["accuracy"] = evaluate(model, split, precision=precision).accuracy
            for rate in settings.rates:
                mask = magnitude_mask(model, rate)
                with pruned(model, mask):
                    accuracy = evaluate(model, split, precision=precision).accuracy
                counts = _counts(mask, live)
                taken = (counts["pruned"] - counts["pruned_dead"]) / (counts["prunable"] - counts["dead"])
                rows.append({**described, "rate": rate, "pruned_accuracy": accuracy, "live_share_pruned": 100 * taken})
    dead_share = 100 * counts["dead"] / counts["prunable"]
    return Recorded({"rows": rows, "dead_share": dead_share, "images": len(split)})


class Scoring:
    """Accuracy in percent on a split, and again with batch-norm statistics re-estimated on training images.

    These are augmented as in training. The statistics that they take the place of were of such images: on others even
    those of the dense network change, and what pruning does would not stand alone.
    """

    def __init__(self, subject: Subject, split: Split, calibration_images: int) -> None:
        self._split, self._precision = split, subject.run.config.precision
        self._batches = _augmented_batches(subject, calibration_images)

    def __call__(self, model: nn.Module, name: str, calibrated: str) -> Values:
        """Return the accuracy under `name` and, if there are calibration images, that with new statistics."""
        found = evaluate(model, self._split, precision=self._precision).accuracy
        return {name: found, **self.calibrated(model, calibrated)}

    def calibrated(self, model: nn.Module, name: str) -> Values:
        """Return the accuracy with re-estimated statistics under `name`; nothing without calibration images."""
        if not self._batches:
            return {}
        with autocast(self._precision, self._split.images.device), activations.frozen_statistics(model, self._batches):
            return {name: evaluate(model, self._split, precision=self._precision).accuracy}


def live_weights(subject: Subject, model: nn.Module) -> dict[str, Tensor]:
    """Return which prunable weights can receive gradient at the size of the subject's images."""
    size = subject.image_size()
    return dead_taps.share(model, (3, size, size)).live_masks(model)


def training_batches(subject: Subject, count: int) -> list[Tensor]:
    """Return `count` training images of all classes, normalised, in batches."""
    split = subject.train_split.spread(count)
    return list(split.normalise(split.images).split(EVALUATION_BATCH_SIZE)) if count else []


def _augmented_batches(subject: Subject, count: int) -> list[Tensor]:
    """Return `count` training images of all classes, augmented as in training and normalised, in batches."""
    training = subject.run.config.training
    drawn = batches(
        subject.train_split.spread(count),
        batch_size=EVALUATION_BATCH_SIZE,
        seed=stream_seed(subject.run.seed, "calibration"),
        epoch=0,
        crop_padding=training.crop_padding,
        horizontal_flip=training.horizontal_flip,
    )
    return [images for images, _ in drawn] if count else []


def _logits(model: nn.Module, split: Split) -> Tensor:
    """Return the outputs on a split in float32, so that what changes them is not rounding to fewer digits."""
    with torch.no_grad(), activations.evaluation_mode(model):
        return torch.cat([model(images) for images, _ in evaluation_batches(split, EVALUATION_BATCH_SIZE)])


def _counts(mask: Mask, live: dict[str, Tensor]) -> dict[str, int]:
    """Count what a mask prunes: all weights and those among them that were dead, and how many there are of each."""
    dead = {name: ~live[name] for name in mask.keep}
    return {
        "prunable": mask.total,
        "dead": sum(int(d.sum()) for d in dead.values()),
        "pruned": mask.pruned,
        "pruned_dead": sum(int((~kept.cpu() & dead[name].cpu()).sum()) for name, kept in mask.keep.items()),
    }
