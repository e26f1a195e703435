"""Networks as users write them: weights that are computed, functions in place, odd shapes, odd modules."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from rflib import dead_taps
from rflib.errors import RflibError, UsageError
from rflib.receptive_field import analyse, growth_page, measure, refine, truncate

SHAPE = (3, 32, 32)


def conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2)


class Calls(nn.Module):
    """A stem of 3 pixels, a convolution of 5 more, and whatever `forward` makes of them."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.stem, self.wide, self.tail = conv(3, 4), conv(4, 4, 5), nn.Conv2d(4, 4, 1)
        self.offset = nn.Parameter(torch.full((1, 4, 1, 1), -0.1))
        self.register_buffer("mean", torch.rand(1, 3, 1, 1))
        self.call = forward

    def forward(self, images: Tensor) -> Tensor:
        return self.call(self, images)


class Standardised(nn.Conv2d):
    def forward(self, maps: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(maps, weight, self.bias, self.stride, self.padding)


class WithNorm(nn.Conv2d):
    def __init__(self, *sizes: int, **settings: int) -> None:
        super().__init__(*sizes, **settings)
        self.norm = nn.BatchNorm2d(sizes[1])

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.norm(super().forward(maps)))


def dynamic(model: Calls, images: Tensor) -> Tensor:
    maps = model.stem(images)
    gate = maps.mean((0, 2, 3)).view(1, 4, 1, 1)
    return F.conv2d(maps, model.wide.weight * gate, padding=2)


def correlated(model: Calls, images: Tensor) -> Tensor:
    maps = model.stem(images)
    return F.conv2d(maps, maps[:1, :, 4:9, 4:9], padding=2)


def stale(model: Calls, images: Tensor) -> Tensor:
    maps = model.stem(images)
    first, second = maps.chunk(2, 1)
    maps.add_(model.wide(maps))
    return model.tail(torch.cat([first, second], 1))


def in_place(model: Calls, images: Tensor) -> Tensor:
    maps = model.stem(images)
    maps.add_(model.wide(maps))
    return model.tail(maps)


def repeated_row(model: Calls, images: Tensor) -> Tensor:
    maps = model.stem(images)
    return model.tail(maps + maps[:, :, :1].expand_as(maps))


def unscaled(model: Calls, images: Tensor) -> Tensor:
    return model.tail(model.stem(images - model.mean.type_as(images)))


def computed_scale(model: Calls, images: Tensor) -> Tensor:
    maps = model.stem(images)
    return model.tail(maps + model.wide(maps) * (model.offset * 2))


def tokens(model: Calls, images: Tensor) -> Tensor:
    return model.stem(images).flatten(2)[:, :, 4::2]


def test_weights_that_depend_on_the_image() -> None:
    fields = analyse(Calls(dynamic), SHAPE)
    assert fields["conv2d_1"].r_max == (7, 7)
    assert fields.context == ("conv2d_1",)
    with pytest.raises(RflibError, match=r"conv2d_1.*found weights that see a part of it"):
        analyse(Calls(correlated), SHAPE)


def test_a_view_made_before_an_in_place_change_is_refused() -> None:
    with pytest.raises(RflibError, match="expected an in-place change of a whole tensor"):
        analyse(Calls(stale), SHAPE)


def test_a_slice_of_merged_height_and_width_is_refused() -> None:
    with pytest.raises(RflibError, match="found them merged"):
        analyse(Calls(tokens), SHAPE)


@pytest.mark.parametrize("forward", [repeated_row, dynamic])
def test_what_holds_for_a_whole_map_is_context(forward: Any) -> None:
    assert len(analyse(Calls(forward), SHAPE).context) == 1


def test_statistics_of_the_batch_are_context() -> None:
    model = nn.Sequential(conv(3, 4), nn.BatchNorm2d(4, track_running_stats=False), conv(4, 4))
    assert len(analyse(model, SHAPE).context) == 1
    assert analyse(model, SHAPE, include_context=True)["2"].r_max == (float("inf"),) * 2
    model = nn.Sequential(conv(3, 4), nn.InstanceNorm2d(4, track_running_stats=True), conv(4, 4))
    assert analyse(model, SHAPE).context == ()


def test_a_constant_of_the_images_type_is_no_context() -> None:
    fields = analyse(Calls(unscaled), SHAPE, include_context=True)
    assert (fields["tail"].r_max, fields.context) == ((3, 3), ())


@pytest.mark.parametrize("forward", [in_place, computed_scale])
def test_every_path_is_measured(forward: Any) -> None:
    model = Calls(forward)
    assert analyse(model, SHAPE)["tail"].r_max == measure(model, SHAPE)["tail"].r_max == (7, 7)
    assert dead_taps.share(model, SHAPE).share == 0


def test_computed_weights_are_measured_under_their_modules_names() -> None:
    model = nn.Sequential(*(Standardised(3, 3, kernel, padding=kernel // 2) for kernel in (3, 7, 1, 5, 9, 1, 3)))
    fields, found = analyse(model, SHAPE), measure(model, SHAPE, layers="all")
    assert [field.r_max[0] for field in found.values()] == [3, 9, 9, 13, 21, 21, 23]
    assert list(found) == list(fields)
    assert dead_taps.share(model, (3, 64, 64)).share == 0


def test_a_convolution_with_parts_of_its_own_keeps_its_name() -> None:
    model = nn.Sequential(WithNorm(3, 4, 3), WithNorm(4, 4, 5))
    assert [*analyse(model, SHAPE)] == [*measure(model, SHAPE, layers="all")] == ["0", "1"]


def test_layers_that_share_a_weight() -> None:
    model = nn.Sequential(conv(3, 4), conv(4, 4), conv(4, 4))
    model[2].weight = model[1].weight
    assert list(measure(model, SHAPE, layers="all")) == ["0", "1", "2"]
    assert dead_taps.share(model, SHAPE).share == 0


def test_parametrised_weights_are_not_prunable() -> None:
    model = nn.Sequential(conv(3, 4), nn.utils.parametrizations.weight_norm(conv(4, 4)))
    with pytest.raises(UsageError, match="nothing prunable"):
        dead_taps.share(model, SHAPE)


def test_a_function_called_like_a_module() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.conv2d = nn.Parameter(torch.ones(3, 3, 5, 5)), conv(3, 4)

        def forward(self, images: Tensor) -> Tensor:
            return self.conv2d(F.conv2d(images, self.kernel))

    assert [*analyse(Both(), SHAPE)] == [*measure(Both(), SHAPE, layers="all")] == ["conv2d()", "conv2d"]


def test_the_widest_convolution_need_not_be_the_last() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.shortcut = conv(3, 4), conv(4, 4), nn.Conv2d(3, 4, 1)

        def forward(self, images: Tensor) -> Tensor:
            return self.two(self.one(images)) + self.shortcut(images)

    fields = analyse(Block(), SHAPE)
    assert (fields.last_convolution.name, fields.widest_convolution.name) == ("shortcut", "two")


def test_a_patch_embedding_fits_into_one_patch() -> None:
    assert analyse(nn.Sequential(nn.Conv2d(3, 4, 16, 16)), SHAPE).resolution_range() == ((16, 16), (16, 16))


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "mobilenet_v3_small"])
def test_truncation_between_parts_of_a_split_and_behind_gates(name: str) -> None:
    found = truncate(torchvision.models.get_model(name, weights=None), 32)
    assert found(torch.zeros(2, 3, 32, 32)).shape == (2, 1000)


def test_truncation_where_channels_are_last() -> None:
    class ChannelsLast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = conv(3, 8, 7, 4), nn.Linear(8, 5)
            self.blocks = nn.ModuleList(conv(8, 8, 7) for _ in range(5))

        def forward(self, images: Tensor) -> Tensor:
            maps = self.stem(images).permute(0, 2, 3, 1)
            for block in self.blocks:
                maps = maps + block(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            return self.head(maps.mean((1, 2)))

    assert truncate(ChannelsLast(), 16, rule="toolbox").classifier.in_features == 8


def test_half_precision() -> None:
    model = nn.Sequential(conv(3, 4, 7, 4), *(conv(4, 4, 7) for _ in range(4))).half()
    assert truncate(model, 16, classes=3).classifier.weight.dtype is torch.float16
    assert refine(nn.Sequential(conv(3, 4, 3, 2), conv(4, 4, 7, 2), conv(4, 4, 7)).half(), 32)


def test_refinement_renews_padding_by_reflection() -> None:
    model = nn.Sequential(conv(3, 4, 3, 2), nn.Conv2d(4, 4, 5, padding=8, dilation=4, padding_mode="reflect"))
    for found in refine(model, 32):
        if found.changes[0].setting == "dilation":
            assert found.model(torch.zeros(1, 3, 32, 32)).shape == (1, 4, 16, 16), str(found)


def test_refinement_of_a_network_with_a_tensor_that_does_not_move() -> None:
    class Normalised(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(conv(3, 4, 3, 2), conv(4, 4, 7, 2), conv(4, 4, 7, 2))
            self.mean = torch.rand(1, 3, 1, 1)

        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images - self.mean)

    assert refine(Normalised(), 32)


def test_the_picture_of_fields_with_context() -> None:
    model = nn.Sequential(conv(3, 4), nn.GroupNorm(2, 4), conv(4, 4))
    assert "∞" in growth_page(analyse(model, SHAPE, include_context=True), 32, title="context")


@pytest.mark.parametrize("shape", [(3, 32), 32, None, (3, 32.0, 32), "abc"])
def test_shapes_that_cannot_be_right(shape: Any) -> None:
    for question in (analyse, measure):
        with pytest.raises(UsageError, match=r"expected \(channels, height, width\)"):
            question(conv(3, 4), shape)
    with pytest.raises(UsageError, match="an instance of"):
        analyse(nn.Conv2d, SHAPE)  # type: ignore[arg-type]


def test_nothing_is_left_behind_by_a_failure() -> None:
    class Asserts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv(3, 4)

        def forward(self, images: Tensor) -> Tensor:
            assert images.shape[2] == images.shape[3]
            return self.conv(images)

    model = Asserts()
    before = copy.copy(torch.nn.modules.module._global_forward_pre_hooks)
    with pytest.raises(RflibError, match="as narrow as one pixel"):
        measure(model, SHAPE)
    assert torch.nn.modules.module._global_forward_pre_hooks == before


def test_dimensions_that_move_and_gated_channels() -> None:
    """Channels last by `movedim`, several dimensions at once by `moveaxis`, half of the channels gated by `glu`."""

    def forward(model: Calls, images: Tensor) -> Tensor:
        maps = F.layer_norm(model.stem(images).movedim(1, -1), (4,)).moveaxis((-1, 1), (1, 2))
        maps = F.glu(model.wide(maps), 1)
        return model.tail(torch.cat([maps, maps], 1))

    model = Calls(forward)
    fields, measured = analyse(model, SHAPE), measure(model, SHAPE)
    assert fields["tail"].r_max == measured["tail"].r_max == (7, 7)
    assert fields["tail"].map_size == (32, 32)
    with pytest.raises(RflibError, match=r"\(glu, .*expected a gate over channels, found one along a spatial axis"):
        analyse(Calls(lambda model, images: F.glu(model.stem(images), 3)), SHAPE)
