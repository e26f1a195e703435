"""Splits and batches: every image once, cropped, flipped and normalised as torchvision does, no batch too small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import functional as reference

from rflib.config import SHIFT_CLASSES, DataConfig
from rflib.data import open_data_set
from rflib.data.splits import (
    Split,
    batch_slices,
    batches,
    crop_and_flip,
    draw_augmentation,
    evaluation_batches,
    order,
    split_of,
)

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def split_with(n: int, side: int = 8) -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(n), torch.tensor(MEAN), torch.tensor(STD))


def epoch_of(split: Split, **changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
    settings: dict[str, Any] = {
        "batch_size": 16,
        "seed": 0,
        "epoch": 0,
        "crop_padding": 4,
        "horizontal_flip": True,
    }
    images, labels = zip(*batches(split, **{**settings, **changes}), strict=True)
    return torch.cat(images), torch.cat(labels)


def test_normalise_is_torchvisions() -> None:
    split = split_with(5)
    expected = reference.normalize(split.images.float() / 255, list(MEAN), list(STD))
    torch.testing.assert_close(split.normalise(split.images), expected, rtol=1e-5, atol=1e-6)
    assert split.images.dtype == torch.uint8


def test_a_constant_channel_stays_finite() -> None:
    images = torch.full((4, 3, 2, 2), 51, dtype=torch.uint8)
    split = Split(images, torch.zeros(4, dtype=torch.int64), torch.full((3,), 0.2), torch.zeros(3))
    torch.testing.assert_close(split.normalise(images), torch.zeros(4, 3, 2, 2), rtol=0, atol=1e-4)


def test_a_split_shares_the_memory_of_the_cached_file(pets: Path, data_root: Path, cache_root: Path) -> None:
    data_set = open_data_set(DataConfig(name="folder:pets"), data_root=data_root, cache_root=cache_root)
    train, test = split_of(data_set, "train"), split_of(data_set, "test")
    assert train.images.data_ptr() == data_set.train_images.ctypes.data
    assert (len(train), len(test), len(split_of(data_set, "validation"))) == (15, 4, 0)
    assert train.labels.dtype == torch.int64
    assert test.labels.tolist() == [0, 0, 1, 1]
    normalised = train.normalise(train.images).double()
    torch.testing.assert_close(normalised.mean((0, 2, 3)), torch.zeros(3).double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(normalised.std((0, 2, 3), correction=0), torch.ones(3).double(), rtol=1e-5, atol=0)


def test_the_task_of_shifts_displaces_the_same_images(pets: Path, data_root: Path, cache_root: Path) -> None:
    data_set = open_data_set(DataConfig(name="folder:pets", task="shifts"), data_root=data_root, cache_root=cache_root)
    plain, shifted = split_of(data_set, "train"), split_of(data_set, "train", task="shifts")
    assert torch.equal(shifted.images[:, 0], plain.images[:, 0])
    assert set(shifted.labels.tolist()) == set(range(SHIFT_CLASSES))
    for image, moved, label in zip(plain.images, shifted.images, shifted.labels.tolist(), strict=True):
        down, right = divmod(label, 2)
        height, width = image.shape[1:]
        inner = moved[1:, : height - 1, : width - 1]
        assert torch.equal(inner, image[1:, down : down + height - 1, right : right + width - 1])
    assert torch.equal(split_of(data_set, "train", task="shifts").labels, shifted.labels)
    assert (shifted.mean.tolist(), shifted.std.tolist()) == (plain.mean.tolist(), plain.std.tolist())


def test_to_the_same_device_copies_nothing_and_first_is_a_view() -> None:
    split = split_with(5)
    assert split.to("cpu").images.data_ptr() == split.images.data_ptr()
    assert split.first(2).images.data_ptr() == split.images.data_ptr()
    assert split.first(2).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("n", "batch_size", "drop_last", "sizes"),
    [
        (10, 5, False, [5, 5]),
        (12, 5, False, [5, 5, 2]),
        (11, 5, False, [5, 6]),
        (11, 5, True, [5, 5]),
        (12, 5, True, [5, 5]),
        (3, 5, False, [3]),
        (3, 5, True, []),
        (1, 5, False, [1]),
        (3, 1, False, [1, 1, 1]),
        (3, 2, False, [3]),
        (0, 5, False, []),
    ],
)
def test_batch_sizes(n: int, batch_size: int, drop_last: bool, sizes: list[int]) -> None:
    slices = batch_slices(n, batch_size, drop_last=drop_last)
    assert [part.stop - part.start for part in slices] == sizes
    covered = [index for part in slices for index in range(n)[part]]
    assert covered == list(range(sum(sizes)))


def test_an_epoch_visits_every_image_once_with_its_label() -> None:
    split = split_with(33)
    images, labels = epoch_of(split, crop_padding=0, horizontal_flip=False)
    assert labels.sort().values.tolist() == list(range(33))
    assert labels.tolist() != list(range(33))
    torch.testing.assert_close(images, split.normalise(split.images[labels]))


def test_padding_is_black_before_normalising() -> None:
    white = replace(split_with(40), images=torch.full((40, 3, 8, 8), 255, dtype=torch.uint8))
    images, _ = epoch_of(white)
    black = -torch.tensor(MEAN) / torch.tensor(STD)
    for channel in range(3):
        assert len(images[:, channel].unique()) == 2
        torch.testing.assert_close(images[:, channel].min(), black[channel])


def test_an_epoch_is_a_function_of_seed_and_epoch_alone() -> None:
    split = split_with(40)
    for epoch in range(6):
        images, labels = epoch_of(split, epoch=epoch)
    torch.rand(3)
    again, labels_again = epoch_of(split_with(40), epoch=5)
    assert torch.equal(images, again)
    assert torch.equal(labels, labels_again)
    for change in ({"epoch": 4}, {"seed": 1}):
        assert not torch.equal(epoch_of(split, **{"epoch": 5, **change})[1], labels)


def test_the_batch_size_changes_neither_order_nor_augmentation() -> None:
    split = split_with(40)
    images, labels = epoch_of(split)
    other_images, other_labels = epoch_of(split, batch_size=7)
    assert torch.equal(images, other_images)
    assert torch.equal(labels, other_labels)


def test_batches_leave_the_data_and_the_random_state_alone() -> None:
    split = split_with(40)
    before, state = split.images.clone(), torch.get_rng_state()
    epoch_of(split)
    assert torch.equal(split.images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_evaluation_batches_are_in_order_and_unchanged() -> None:
    split = split_with(11)
    images, labels = zip(*evaluation_batches(split, 4), strict=True)
    assert [len(part) for part in labels] == [4, 4, 3]
    assert torch.cat(labels).tolist() == list(range(11))
    pixels = torch.cat(images).mul(torch.tensor(STD).view(3, 1, 1)).add(torch.tensor(MEAN).view(3, 1, 1)) * 255
    assert np.array_equal(pixels.round().to(torch.uint8).numpy(), split.images.numpy())


def test_images_that_are_spread_are_of_every_class_in_every_batch() -> None:
    labels = torch.arange(10).repeat_interleave(30)
    split = Split(torch.arange(300).view(-1, 1, 1, 1), labels, torch.zeros(3), torch.ones(3))
    chosen = split.spread(100)
    assert torch.bincount(chosen.labels).tolist() == [10] * 10
    assert sorted(chosen.images.flatten().tolist()) == list(range(0, 300, 3))
    assert all(len(part.unique()) >= 8 for part in chosen.labels.split(25))
    assert torch.equal(split.spread(100).images, chosen.images)


def test_no_more_images_are_spread_than_there_are() -> None:
    split = Split(torch.zeros(4, 3, 2, 2, dtype=torch.uint8), torch.tensor([3, 1, 2, 0]), torch.zeros(3), torch.ones(3))
    assert sorted(split.spread(9).labels.tolist()) == [0, 1, 2, 3]
    assert len(split.spread(0)) == 0


DRAW = {"crop_padding": 4, "horizontal_flip": True}


def images_of(count: int, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(("side", "padding"), [(32, 4), (9, 2), (5, 0), (4, 6)])
def test_crops_and_flips_are_those_of_a_plain_loop(side: int, padding: int) -> None:
    images = images_of(60, side)
    drawn = draw_augmentation(60, seed=1, epoch=2, crop_padding=padding, horizontal_flip=True)
    found = crop_and_flip(images, drawn, crop_padding=padding)
    for index, image in enumerate(images):
        top, left, flip = drawn[:, index].tolist()
        expected = F.pad(image, (padding,) * 4)[:, top : top + side, left : left + side]
        expected = expected.flip(-1) if flip else expected
        assert torch.equal(found[index], expected)


def test_crops_and_flips_are_torchvisions() -> None:
    images = images_of(20, 16)
    drawn = draw_augmentation(20, seed=0, epoch=0, **DRAW)
    found = crop_and_flip(images, drawn, crop_padding=4)
    for index in range(20):
        padded = reference.pad(images[index], [4])
        top, left, flip = drawn[:, index].tolist()
        expected = reference.crop(padded, top, left, 16, 16)
        assert torch.equal(found[index], reference.hflip(expected) if flip else expected)


def test_every_corner_and_its_mirror_image() -> None:
    corners = torch.cartesian_prod(torch.arange(5), torch.arange(5), torch.arange(2))
    image = images_of(1, 6)
    found = crop_and_flip(image.expand(50, -1, -1, -1), corners.T, crop_padding=2)
    assert len({bytes(crop.flatten().tolist()) for crop in found}) == 50
    assert torch.equal(found[24], image[0])
    assert torch.equal(found[25], image[0].flip(-1))


def test_nothing_is_changed_without_padding_and_flip() -> None:
    images = images_of(7, 8)
    drawn = draw_augmentation(7, seed=0, epoch=0, crop_padding=0, horizontal_flip=False)
    assert torch.equal(crop_and_flip(images, drawn, crop_padding=0), images)


def test_draws_are_uniform_and_flips_fair() -> None:
    n = 90_000
    drawn = draw_augmentation(n, seed=0, epoch=0, **DRAW)
    top, left, flip = drawn
    for corner in (top, left):
        counts = torch.bincount(corner, minlength=9)
        assert len(counts) == 9
        # 5 standard deviations of a binomial count around n / 9.
        assert (counts - n / 9).abs().max() < 5 * (n * 8 / 81) ** 0.5
    assert abs(int(flip.sum()) - n / 2) < 5 * (n / 4) ** 0.5
    corner_pairs = torch.corrcoef(drawn.double())
    assert (corner_pairs - torch.eye(3)).abs().max() < 0.02


def test_an_epoch_is_the_same_whatever_was_drawn_before() -> None:
    torch.manual_seed(0)
    for epoch in range(6):
        last = order(50, seed=3, epoch=epoch), draw_augmentation(50, seed=3, epoch=epoch, **DRAW)
    torch.rand(7)
    again = order(50, seed=3, epoch=5), draw_augmentation(50, seed=3, epoch=5, **DRAW)
    assert torch.equal(last[0], again[0])
    assert torch.equal(last[1], again[1])


def test_seeds_and_epochs_differ_and_the_order_is_a_permutation() -> None:
    orders = [order(50, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(found.tolist()) for found in orders}) == 4
    assert all(torch.equal(found.sort().values, torch.arange(50)) for found in orders)
    tops = [draw_augmentation(50, seed=seed, epoch=epoch, **DRAW)[0] for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(top.tolist()) for top in tops}) == 4


def test_switching_flips_off_does_not_move_the_crops() -> None:
    with_flips = draw_augmentation(50, seed=0, epoch=0, **DRAW)
    without = draw_augmentation(50, seed=0, epoch=0, crop_padding=4, horizontal_flip=False)
    assert torch.equal(with_flips[:2], without[:2])
    assert not without[2].any()


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    order(10, seed=0, epoch=0)
    draw_augmentation(10, seed=0, epoch=0, **DRAW)
    assert torch.equal(torch.get_rng_state(), before)
