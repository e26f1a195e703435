"""Crops and flips equal a plain loop; order and augmentation depend on seed and epoch alone."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import functional as reference

from rflib.data.splits import crop_and_flip, draw_augmentation, order

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
