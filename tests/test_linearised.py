import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.errors import RflibError
from rflib.linearised import Linearised


def gradient(model: nn.Module, shape: tuple[int, int, int], unit: tuple[int, int]) -> Tensor:
    """Gradient of one unit of the output map with respect to the pixels."""
    with Linearised(model) as run:
        pixels, image = run.image(shape[1:], channels=shape[0])
        output = model(image)
    return torch.autograd.grad(output[0, 0, unit[0], unit[1]], pixels)[0][0, 0]


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("size", [7, 8, 9, 10, 11])
def test_max_pool_has_torchs_size(size: int, ceil_mode: bool) -> None:
    for kernel, stride, padding, dilation in [(2, 2, 0, 1), (3, 2, 1, 1), (2, 3, 1, 1), (3, 1, 1, 2), (3, 3, 1, 2)]:
        pool = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
        with Linearised(pool) as run:
            found = pool(run.image((size, size + 1), channels=2)[1])
        assert found.shape == pool(torch.zeros(1, 2, size, size + 1)).shape


def test_the_gradient_marks_the_window() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2, dilation=2, stride=1))
    expected = torch.zeros(12, 12, dtype=torch.float64)
    rows = [1, 2, 3, 5, 6, 7]
    expected[torch.tensor(rows)[:, None], torch.tensor(rows)] = 1
    assert torch.equal(gradient(model, (3, 12, 12), (1, 1)), expected)


def test_three_hundred_layers_neither_under_nor_overflow() -> None:
    model = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(300)))
    with Linearised(model, axis=1) as run:
        pixels, image = run.image((1, 641), channels=1)
        output = model(image)
    (found,) = torch.autograd.grad(output[0, 0, 0, 320], pixels)
    assert int((found > 0).sum()) == 601
    assert float(found.max()) <= 3


def test_dead_units_and_weights_do_not_matter() -> None:
    """The weights of the model play no part, not even zeros or opposite signs."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.ReLU(), nn.Conv2d(2, 1, 1))
    with torch.no_grad():
        model[0].weight.zero_()
        model[2].weight.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
    assert int(gradient(model, (1, 5, 5), (1, 1)).sum()) == 9


def test_padding_stays_zero_until_something_adds_a_constant() -> None:
    pad = nn.ZeroPad2d(2)
    for norm, positive in ((nn.Identity(), 25), (nn.BatchNorm2d(1).eval(), 81), (nn.Sigmoid(), 81)):
        model = nn.Sequential(pad, norm)
        with Linearised(model) as run:
            output = model(run.image((5, 5), channels=1)[1])
        assert int((output > 0).sum()) == positive


def test_functions_and_operators() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4, 1, 1))
            self.conv = nn.Conv2d(4, 4, 3, padding="same", groups=4)

        def forward(self, maps: Tensor) -> Tensor:
            first, second = (self.scale * maps).chunk(2, dim=1)
            maps = torch.cat([first, F.avg_pool2d(second, 3, 1, 1)], dim=1)
            maps += F.gelu(self.conv(maps))
            maps = torch.max(maps, maps.abs()) / 2 - 0.5
            gate = torch.sigmoid(maps.mean((2, 3), keepdim=True))
            return maps.permute(0, 2, 3, 1).permute(0, 3, 1, 2) * gate.detach() + maps.amax(1, keepdim=True)

    found = gradient(Mixed(), (4, 11, 11), (5, 5))
    assert found.nonzero().min() == 3
    assert found.nonzero().max() == 7


def test_names_of_convolutions() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Conv2d(1, 1, 1))

        def forward(self, maps: Tensor) -> Tensor:
            return F.conv2d(self.block(self.block(maps)), torch.ones(1, 1, 1, 1))

    model = Shared()
    with Linearised(model) as run:
        model(run.image((3, 3), channels=1)[1])
    assert [convolution.name for convolution in run.convolutions] == ["block.0", "block.0@1", "conv2d_2"]
    assert run.convolutions[0].weight is run.convolutions[1].weight


def test_unknown_operations_are_named() -> None:
    class Sorted(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return maps.cumprod(1)

    with pytest.raises(RflibError, match="'cumprod' has no linear form"), Linearised(Sorted()) as run:
        Sorted()(run.image((3, 3), channels=1)[1])


def test_concatenation_along_space_is_refused() -> None:
    run = Linearised(nn.Identity())
    _, image = run.image((3, 3), channels=1)
    with run, pytest.raises(RflibError, match="along dimension 2 has no linear form"):
        torch.cat([image, image], dim=2)


def test_what_a_model_raises_by_itself_becomes_an_error_of_the_library() -> None:
    class Demanding(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            raise KeyError("scale\nof the maps")

    run = Linearised(Demanding())
    with pytest.raises(RflibError, match=r"^Demanding does not run on an image of 3x4 pixels: 'scale\\nof the maps'$"):
        run.output(run.image((3, 4), channels=1)[1])
