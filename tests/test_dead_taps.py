"""Dead taps against an index count written out by hand and against gradients of real networks."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib import dead_taps
from rflib.config import ModelConfig
from rflib.errors import RflibError, UsageError
from rflib.models import build
from rflib.pruning import prunable_weights


def network(architecture: str, kernel: int, **settings: object) -> nn.Module:
    return build(ModelConfig(architecture=architecture, pool_kernel=kernel, **settings))


@pytest.mark.parametrize(
    ("architecture", "size", "kernel", "percent"),
    [
        *(("rf_vgg19", 32, kernel, percent) for kernel, percent in ((1, 0), (2, 0), (3, 78.6), (4, 78.6))),
        *(("rf_vgg19", 64, kernel, 0) for kernel in (1, 2, 3, 4)),
        *(("rf_resnet50", 32, kernel, percent) for kernel, percent in ((1, 0), (2, 0), (3, 0), (4, 23.5))),
        *(("rf_resnet50", 32, kernel, percent) for kernel, percent in ((13, 42.3), (18, 42.9), (30, 42.9))),
        *(("rf_resnet50", 64, kernel, 0) for kernel in (1, 4)),
    ],
)
def test_share_of_the_paper_networks(architecture: str, size: int, kernel: int, percent: float) -> None:
    """At full width, on shapes alone."""
    with torch.device("meta"):
        model = network(architecture, kernel)
    assert 100 * dead_taps.share(model, (3, size, size)).share == pytest.approx(percent, abs=0.05)


def test_full_width_by_hand() -> None:
    """On 1 x 1 maps, eight of nine taps of the eight 3x3 convolutions of stages 4 and 5 are dead."""
    model = network("rf_vgg19", 3)
    total = sum(weight.numel() for weight in prunable_weights(model).values())
    dead = 8 * (256 * 512 + 7 * 512 * 512)
    assert dead_taps.share(model, (3, 32, 32)).share == pytest.approx(dead / total, abs=1e-12)


@pytest.mark.parametrize(("kernel", "pixels"), [(1, 32), (2, 32), (3, 31), (4, 32), (13, 27), (18, 19), (30, 31)])
def test_input_that_reaches_the_output(kernel: int, pixels: int) -> None:
    """The pool uses 30, 26, 18 rows of units for k = 3, 13, 18; the 3x3 convolution before it reads one row more."""
    found = dead_taps.share(network("rf_resnet50", kernel, width=0.05), (3, 32, 32))
    assert found.input_share * 32**2 == pytest.approx(pixels**2)


def live_by_counting(model: nn.Sequential, size: int) -> list[list[bool]]:
    """Live taps along one axis of a chain of convolutions with bias and pools, counted index by index."""
    layers = [layer for layer in model if isinstance(layer, nn.Conv2d | nn.MaxPool2d)]
    lengths, geometry = [size], []
    for layer in layers:
        k, s, p, d = (v if isinstance(v, int) else v[0] for v in
                      (layer.kernel_size, layer.stride, layer.padding, layer.dilation))  # fmt: skip
        geometry.append((k, s, p, d))
        lengths.append((lengths[-1] + 2 * p - d * (k - 1) - 1) // s + 1)
    wanted, live = set(range(lengths[-1])), []
    for (k, s, p, d), length, layer in reversed(list(zip(geometry, lengths[:-1], layers, strict=True))):
        reads = {tap: {i * s - p + d * tap for i in wanted} & set(range(length)) for tap in range(k)}
        if isinstance(layer, nn.Conv2d):
            live.append([bool(reads[tap]) for tap in range(k)])
        wanted = set().union(*reads.values())
    return live[::-1]


@pytest.mark.parametrize("size", [5, 8, 11, 16])
def test_against_counting(size: int) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.Conv2d(2, 2, 5, stride=2, padding=4),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 3, padding=3, dilation=3),
        nn.Conv2d(2, 2, 3, stride=3, padding=2),
        nn.Conv2d(2, 2, 3, padding=2),
    )
    found = dead_taps.share(model, (1, size, size))
    for taps, live in zip(live_by_counting(model, size), found.per_layer.values(), strict=True):
        expected = torch.tensor(taps)
        assert torch.equal(live, expected[:, None] & expected[None, :])


@pytest.mark.parametrize(("architecture", "kernel"), [("rf_vgg19", 3), ("rf_resnet50", 4), ("rf_resnet26", 13)])
def test_against_gradients_of_a_random_network(architecture: str, kernel: int) -> None:
    """Dead weights never get gradient; every live tap gets some in some channel."""
    model = network(architecture, kernel, width=0.0625)
    masks = dead_taps.share(model, (3, 32, 32)).live_masks(model)
    assert masks.keys() == prunable_weights(model).keys()
    generator = torch.Generator().manual_seed(0)
    touched = {name: torch.zeros_like(mask) for name, mask in masks.items()}
    for _ in range(3):
        model.zero_grad()
        images = torch.randn(24, 3, 32, 32, generator=generator)
        F.cross_entropy(model(images), torch.arange(24) % 10).backward()
        for name, parameter in model.named_parameters():
            if name in masks:
                touched[name] |= parameter.grad != 0
    for name, mask in masks.items():
        assert mask.shape == touched[name].shape
        assert not (touched[name] & ~mask).any(), name
        assert torch.equal(touched[name].amax((0, 1)), mask.amax((0, 1))), name


def test_branches_and_gates() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.wide, self.gate = (
                nn.Conv2d(1, 2, 3),
                nn.Conv2d(2, 2, 7, padding=3),
                nn.Conv2d(2, 2, 3, padding=1),
            )

        def forward(self, images: Tensor) -> Tensor:
            maps = self.stem(images)
            gate = torch.sigmoid(self.gate(F.adaptive_avg_pool2d(maps, 1)))
            return (maps + self.wide(maps)) * gate

    found = dead_taps.share(Gated(), (1, 5, 5)).per_layer
    assert found["gate"].sum() == 1
    expected = torch.tensor([False, True, True, True, True, True, False])
    assert torch.equal(found["wide"], expected[:, None] & expected)


def test_a_convolution_that_never_runs_is_dead() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.used, self.spare = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)

        def forward(self, images: Tensor) -> Tensor:
            return self.used(self.stem(images))

    model = Spare()
    found = dead_taps.share(model, (1, 8, 8))
    assert found.share == 0.5
    assert not found.live_masks(model)["spare.weight"].any()


def test_bad_models() -> None:
    with pytest.raises(UsageError, match=r"at least two nn\.Conv2d"):
        dead_taps.share(nn.Sequential(nn.Conv2d(1, 1, 3)), (1, 8, 8))
    bicubic = nn.Upsample(scale_factor=2, mode="bicubic")
    with pytest.raises(RflibError, match="interpolation by 'bicubic' has no linear form"):
        dead_taps.share(nn.Sequential(nn.Conv2d(1, 1, 3), bicubic, nn.Conv2d(1, 1, 3)), (1, 8, 8))

    class Detached(nn.Sequential):
        def forward(self, maps: Tensor) -> Tensor:
            return super().forward(maps).detach()

    with pytest.raises(RflibError, match="no gradient leads from the output to the image"):
        dead_taps.share(Detached(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)), (1, 8, 8))


@pytest.mark.parametrize("size", [16, 2])
def test_leaves_no_trace(size: int) -> None:
    """Also after an exception: on 2 x 2 pixels the first convolution fails."""
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1), nn.ReLU(inplace=True), nn.Conv2d(1, 1, 3)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    if size == 16:
        dead_taps.share(model, (1, size, size))
    else:
        with pytest.raises(RflibError, match=r"^Sequential does not run on an image of 2x2 pixels: "):
            dead_taps.share(model, (1, size, size))
    assert all(module.training for module in model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert torch.equal(random_state, torch.get_rng_state())
