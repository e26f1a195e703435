"""How fast the loss rises around the weights of a network: at the worst of the points near by, and along lines."""

from rflib.sharpness.ascent import Sharpness, measure
from rflib.sharpness.curve import LossCurve, loss_along
from rflib.sharpness.direction import Direction, filter_normalised_direction

__all__ = ["Direction", "LossCurve", "Sharpness", "filter_normalised_direction", "loss_along", "measure"]
