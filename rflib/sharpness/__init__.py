"""How fast the loss rises around the weights of a network: at the worst of the points near by, and along lines."""

from rflib.sharpness.ascent import Sharpness, measure
from rflib.sharpness.direction import Direction, LossCurve, filter_normalised_direction, loss_along

__all__ = ["Direction", "LossCurve", "Sharpness", "filter_normalised_direction", "loss_along", "measure"]
