"""Run any network as a positive linear one: every path contributes and none cancels, so supports can be read off.

Inside `with Linearised(model):` a forward pass of the unchanged model computes with one channel and positive
constant weights; max pooling sums its window, activations and dropout are the identity, and whatever adds a
constant (batch norm, a bias, a sigmoid) adds a positive one. After every operation values and gradients are
reduced to 0 or 1, so nothing under- or overflows at any depth: a gradient is nonzero exactly where a path exists.

Channels are not told apart: all channels of a map carry the same value, stored once and expanded.
"""

from rflib.linearised.run import Convolution, Linearised

__all__ = ["Convolution", "Linearised"]
