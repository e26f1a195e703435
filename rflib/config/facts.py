"""What is known of a data set without its images."""

from __future__ import annotations

from pydantic import PositiveInt

from rflib.config.settings import Settings


class DataFacts(Settings):
    """A data set as a reader needs to know it: its size, its classes, its channel statistics, its fingerprint.

    `mean` and `deviation` are those of the training images by channel, with pixels in [0, 1].
    """

    name: str
    fingerprint: str
    train_images: PositiveInt
    test_images: PositiveInt
    classes: PositiveInt
    side_pixels: PositiveInt
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
