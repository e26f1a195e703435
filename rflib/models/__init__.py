"""Networks with a knob for their receptive field, and the networks of the neighbouring papers; one family a file."""

from rflib.models.attention import inside_attention
from rflib.models.feasibility import failing_layer, require_input, smallest_input
from rflib.models.knob import Knob, resolve
from rflib.models.of_torchvision import from_torchvision, without_weights
from rflib.models.registry import ARCHITECTURES, build, seeded

__all__ = [
    "ARCHITECTURES",
    "Knob",
    "build",
    "failing_layer",
    "from_torchvision",
    "inside_attention",
    "require_input",
    "resolve",
    "seeded",
    "smallest_input",
    "without_weights",
]
