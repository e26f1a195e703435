"""The networks that settings can name, one line each: the only list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

_BASIC, _TORCHVISION = "resnet:BasicResNet", "of_torchvision:of_torchvision"
# What builds a network, "MODULE:NAME" below `rflib.models`, which is imported only then, and with which arguments.
# Those named rf_ have the knob, a pool after the first convolution; the others are built as they are.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    # The other reading of the labels of the paper, 178 k + 3 pixels if pools do not count; ceil mode by default.
    "rf_vgg16": ("vgg:RfVgg", {"convolutions": (2, 2, 3, 3, 3), "halved": (1, 2, 3, 4)}),
    # A field of 178 k + 2 pixels.
    "rf_vgg19": ("vgg:RfVgg", {"convolutions": (2, 2, 4, 4, 4), "halved": (1, 2, 3)}),
    # The shallower network with the same components that the paper announces.
    "rf_resnet26": ("resnet:RfResNet", {"blocks": (2, 2, 2, 2)}),
    # A field of 105 k + 2 pixels.
    "rf_resnet50": ("resnet:RfResNet", {"blocks": (3, 4, 6, 3)}),
    # Fields of 150, 156, 212 and 268 pixels after the last pool.
    "vgg11": ("vgg:PlainVgg", {"convolutions": (1, 1, 2, 2, 2)}),
    "vgg13": ("vgg:PlainVgg", {"convolutions": (2, 2, 2, 2, 2)}),
    "vgg16": ("vgg:PlainVgg", {"convolutions": (2, 2, 3, 3, 3)}),
    "vgg19": ("vgg:PlainVgg", {"convolutions": (2, 2, 4, 4, 4)}),
    # Kernels of 3x3 that span 7x7 pixels, with as many parameters.
    "vgg19_dilated": ("vgg:PlainVgg", {"convolutions": (2, 2, 4, 4, 4), "dilation": 3}),
    "resnet18": (_BASIC, {"depth": 18}),
    "resnet18_no_stem": (_BASIC, {"depth": 18, "stem": False}),
    "resnet18_no_skips": (_BASIC, {"depth": 18, "skips": False}),
    "resnet34": (_BASIC, {"depth": 34}),
    "resnet34_no_stem": (_BASIC, {"depth": 34, "stem": False}),
    "resnet34_no_skips": (_BASIC, {"depth": 34, "skips": False}),
    "resnet18_spatial": (_BASIC, {"depth": 18, "kind": "spatial"}),
    "resnet18_spatial_no_skips": (_BASIC, {"depth": 18, "kind": "spatial", "skips": False}),
    "resnet18_squeeze_excitation": (_BASIC, {"depth": 18, "kind": "squeeze_excitation"}),
    "resnet18_squeeze_excitation_no_skips": (_BASIC, {"depth": 18, "kind": "squeeze_excitation", "skips": False}),
    "resnet18_cbam": (_BASIC, {"depth": 18, "kind": "cbam"}),
    "resnet18_cbam_no_skips": (_BASIC, {"depth": 18, "kind": "cbam", "skips": False}),
    # One convolution a path: with the first and the last layer 18 in all.
    "mpnet18": ("multi_path:MultiPathNet", {"blocks": 2, "lengths": (1, 1)}),
    # Paths of one and of two convolutions, so that their fields part further. Forty-nine convolutions in all; no
    # reading of the text gives the 36 of the name.
    "mpnet36": ("multi_path:MultiPathNet", {"blocks": 4, "lengths": (1, 2)}),
    # Dropped units and blocks would be drawn from torch's own state: a resumed run would not be the run it resumes.
    "mobilenet_v2": (_TORCHVISION, {"dropout": 0.0}),
    "mobilenet_v3_small": (_TORCHVISION, {"dropout": 0.0}),
    "mnasnet0_5": (_TORCHVISION, {"dropout": 0.0}),
    "efficientnet_b0": (_TORCHVISION, {"dropout": 0.0, "stochastic_depth_prob": 0.0}),
    "convnext_tiny": (_TORCHVISION, {"stochastic_depth_prob": 0.0}),
}

if TYPE_CHECKING:
    Architecture = str
else:
    Architecture = Literal[*ARCHITECTURES]
