"""From settings to a network, reproducibly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from rflib.config import ModelConfig
from rflib.models.basic_resnet import BasicResNet
from rflib.models.multi_path import mpnet18, mpnet36
from rflib.models.of_torchvision import of_torchvision
from rflib.models.plain_vgg import vgg11, vgg13, vgg16, vgg19, vgg19_dilated
from rflib.models.resnet import rf_resnet26, rf_resnet50
from rflib.models.vgg import rf_vgg16, rf_vgg19

ARCHITECTURES: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "rf_vgg16": rf_vgg16,
    "rf_vgg19": rf_vgg19,
    "rf_resnet26": rf_resnet26,
    "rf_resnet50": rf_resnet50,
    "vgg11": vgg11,
    "vgg13": vgg13,
    "vgg16": vgg16,
    "vgg19": vgg19,
    "vgg19_dilated": vgg19_dilated,
    "resnet18": partial(BasicResNet, depth=18),
    "resnet18_no_stem": partial(BasicResNet, depth=18, stem=False),
    "resnet18_no_skips": partial(BasicResNet, depth=18, skips=False),
    "resnet34": partial(BasicResNet, depth=34),
    "resnet34_no_stem": partial(BasicResNet, depth=34, stem=False),
    "resnet34_no_skips": partial(BasicResNet, depth=34, skips=False),
    "resnet18_spatial": partial(BasicResNet, depth=18, kind="spatial"),
    "resnet18_spatial_no_skips": partial(BasicResNet, depth=18, kind="spatial", skips=False),
    "resnet18_squeeze_excitation": partial(BasicResNet, depth=18, kind="squeeze_excitation"),
    "resnet18_squeeze_excitation_no_skips": partial(BasicResNet, depth=18, kind="squeeze_excitation", skips=False),
    "resnet18_cbam": partial(BasicResNet, depth=18, kind="cbam"),
    "resnet18_cbam_no_skips": partial(BasicResNet, depth=18, kind="cbam", skips=False),
    "mpnet18": mpnet18,
    "mpnet36": mpnet36,
    "mobilenet_v2": of_torchvision,
    "mobilenet_v3_small": of_torchvision,
    "mnasnet0_5": of_torchvision,
    "efficientnet_b0": of_torchvision,
    "convnext_tiny": of_torchvision,
}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw what is drawn inside, such as a new layer's weights, from `seed`; torch's own state is untouched.

    Example:
        >>> with rflib.models.seeded(0):
        ...     first = nn.Linear(2, 2)
        >>> with rflib.models.seeded(0):
        ...     torch.equal(first.weight, nn.Linear(2, 2).weight)
        True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every GPU too
        yield


def build(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return the network that `config` describes, its weights drawn from `seed`; torch's own state is untouched.

    It takes images (n, 3, h, w) to logits (n, classes). Raises UsageError for a `cardinality` that does not divide the
    channels of a stage.

    Example:
        >>> model = rflib.models.build(rflib.ModelConfig(architecture="rf_vgg19", pool_kernel=2, width=0.1))
        >>> model(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 10])
    """
    with seeded(seed):
        return ARCHITECTURES[config.architecture](config)
