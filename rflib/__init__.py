"""Receptive fields and the representations of convolutional networks: the library of an executable paper."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Loaded on first use, so that reading measurements never imports torch.
_ATTRIBUTES = {
    "ModelConfig": "rflib.config",
    "RunConfig": "rflib.config",
    "Run": "rflib.config",
    "open_study": "rflib.study.study",
}
_LIBRARY = (
    *("cka", "dead_taps", "effective_field", "feature_variance", "filter_diversity", "hessian", "models"),
    *("noise_pruning", "pixel_sensitivity", "probes", "pruning", "receptive_field", "saturation", "sharpness"),
)
_PAPER = ("claims", "reported", "tables")
_MODULES = {name: f"rflib.{name}" for name in _LIBRARY} | {name: f"rflib.paper.{name}" for name in _PAPER}

__all__ = ["__version__", *_ATTRIBUTES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _ATTRIBUTES:
        return getattr(importlib.import_module(_ATTRIBUTES[name]), name)
    raise AttributeError(f"module 'rflib' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
