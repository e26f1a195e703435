"""What is recorded of a training run itself: its course, and how far it went."""

from __future__ import annotations

import itertools

import torch

from rflib.config import HistorySettings, TravelSettings
from rflib.data.splits import batch_slices
from rflib.errors import StoreError
from rflib.study.subject import Recorded, Subject
from rflib.training.loop import learning_rate


def history(settings: HistorySettings, subject: Subject) -> Recorded:
    """Nothing: training saves the history, so that a missing one is an error."""
    raise StoreError(
        f"the history of {subject.run.name} is missing though its weights are complete: expected both, since training "
        f"saves both. Remove {subject.store.root / 'weights' / subject.run.name} and run again to train it anew"
    )


def travel(settings: TravelSettings, subject: Subject) -> Recorded:
    """Euclidean distance of the trained parameters from their initial values, and what bounds it.

    `learning_rate_sum` is over all steps of one cosine period, T_max epochs, however many of them the run has.
    """
    before, after = (
        torch.cat([parameter.detach().cpu().double().flatten() for parameter in subject.network(name).parameters()])
        for name in ("initial", settings.checkpoint)
    )
    return Recorded(
        {
            "distance": float((after - before).norm()),
            "initial_norm": float(before.norm()),
            "final_norm": float(after.norm()),
            "learning_rate_sum": _learning_rate_sum(subject),
        }
    )


def _learning_rate_sum(subject: Subject) -> float:
    training = subject.run.config.training
    steps = len(batch_slices(len(subject.train_split), training.batch_size))
    positions = itertools.product(range(training.cosine_period_epochs or training.epochs), range(steps))
    return sum(learning_rate(training, epoch, batch=step, batches=steps) for epoch, step in positions)
