"""The shift task against a displacement pixel by pixel, and against its own answer read off the images."""

from __future__ import annotations

import pytest
import torch

from rflib.data.shifts import displaced, shift_classes, shift_task
from rflib.errors import UsageError


@pytest.fixture
def images():
    """Random images with equal planes, so that a displacement can be found again."""
    noise = torch.randint(0, 256, (37, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return noise.expand(-1, 3, -1, -1).contiguous()


@pytest.mark.parametrize("largest", [1, 2, 3])
def test_pixel_by_pixel(images, largest):
    before = images.clone()
    shifted, labels = shift_task(images, largest_shift=largest, seed=0, part="train")
    assert shifted.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert torch.equal(images, before)
    for image, original, label in zip(shifted, images, labels.tolist(), strict=True):
        dy, dx = label // (largest + 1), label % (largest + 1)
        assert torch.equal(image[0], original[0])
        for y, x in ((0, 0), (3, 7), (11, 11), (11, 0), (2, 11)):
            assert torch.equal(image[1:, y, x], original[1:, min(y + dy, 11), min(x + dx, 11)])


def test_the_answer_is_in_the_image(images):
    """Comparing the planes at every displacement finds the label, without knowing the original."""
    shifted, labels = shift_task(images, largest_shift=2, seed=0, part="test")
    planes = shifted.float()
    differences = torch.stack(
        [(planes[:, 1, :9, :9] - planes[:, 0, dy : 9 + dy, dx : 9 + dx]).abs().sum(dim=(1, 2))
         for dy in range(3) for dx in range(3)]
    )  # fmt: skip
    assert torch.equal(differences.argmin(dim=0), labels)


@pytest.mark.parametrize(("largest", "classes"), [(1, 4), (2, 9), (3, 16)])
def test_classes_are_even(images, largest, classes):
    labels = shift_task(images, largest_shift=largest, seed=0, part="train")[1]
    counts = labels.bincount(minlength=classes)
    assert len(counts) == classes == shift_classes(largest)
    assert int(counts.max() - counts.min()) <= 1


def test_seed_and_part_decide(images):
    first, again, other_seed, other_part = (
        shift_task(images, seed=seed, part=part)[1]
        for seed, part in ((0, "train"), (0, "train"), (1, "train"), (0, "test"))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other_seed)
    assert not torch.equal(first, other_part)


def test_draws_no_global_random_numbers(images):
    random = torch.get_rng_state()
    shift_task(images, seed=0, part="train")
    assert torch.equal(random, torch.get_rng_state())


def test_no_displacement_changes_nothing(images):
    assert torch.equal(displaced(images, 0, 0), images)
    assert torch.equal(displaced(displaced(images, 1, 0), 0, 2), displaced(images, 1, 2))


def test_errors(images):
    with pytest.raises(UsageError, match=r"with at least 2 planes, found the shape \(37, 1, 12, 12\)"):
        shift_task(images[:, :1], seed=0, part="train")
    with pytest.raises(UsageError, match=r"expected images \(n, c, s, s\).*found the shape \(3, 12, 12\)"):
        shift_task(images[0], seed=0, part="train")
    for largest in (0, 12):
        with pytest.raises(UsageError, match=f"a largest shift between 1 and 11 pixels, found {largest}"):
            shift_task(images, largest_shift=largest, seed=0, part="train")
