"""Loss and accuracy of a network on a split."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.activations import evaluation_mode
from rflib.config import PrecisionConfig
from rflib.data.splits import Split, evaluation_batches

EVALUATION_BATCH_SIZE = 500


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy and accuracy in percent over `images` images.

    Example:
        >>> rflib.training.Evaluation(loss=0.5, accuracy=75.0, images=4)
        Evaluation(loss=0.5, accuracy=75.0, images=4)
    """

    loss: float
    accuracy: float
    images: int


def autocast(precision: PrecisionConfig, device: torch.device) -> torch.autocast:
    """Return the context that runs a forward pass in the precision asked for."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision.autocast == "bfloat16")


def layout(images: Tensor, precision: PrecisionConfig) -> Tensor:
    """Return images (n, c, h, w) in the memory layout asked for."""
    return images.contiguous(memory_format=torch.channels_last) if precision.channels_last else images


@torch.no_grad()
def evaluate(model: nn.Module, split: Split, *, precision: PrecisionConfig | None = None) -> Evaluation:
    """Return mean loss and accuracy in percent on `split`, in evaluation mode; the train flags are put back.

    The loss is the mean cross-entropy over all images.

    Example:
        >>> from rflib.data.splits import Split
        >>> images, labels = torch.zeros(4, 3, 2, 2, dtype=torch.uint8), torch.tensor([0, 0, 0, 1])
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
        >>> _ = model[1].bias.data.copy_(torch.tensor([1.0, 0.0]))
        >>> rflib.training.evaluate(model, Split(images, labels, torch.zeros(3), torch.ones(3))).accuracy
        75.0
    """
    precision = precision or PrecisionConfig()
    loss, correct, count = 0.0, 0, 0
    with evaluation_mode(model):
        for images, labels in evaluation_batches(split, EVALUATION_BATCH_SIZE):
            with autocast(precision, images.device):
                logits = model(layout(images, precision)).float()
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            correct += int((logits.argmax(1) == labels).sum())
            count += len(labels)
    return Evaluation(loss=loss / count, accuracy=100.0 * correct / count, images=count)
