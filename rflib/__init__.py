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
_MODULES = {
    "cka": "rflib.cka",
    "claims": "rflib.paper.claims",
    "dead_taps": "rflib.dead_taps",
    "effective_field": "rflib.effective_field",
    "feature_variance": "rflib.feature_variance",
    "filter_diversity": "rflib.filter_diversity",
    "hessian": "rflib.hessian",
    "models": "rflib.models",
    "noise_pruning": "rflib.noise_pruning",
    "pixel_sensitivity": "rflib.pixel_sensitivity",
    "probes": "rflib.probes",
    "pruning": "rflib.pruning",
    "receptive_field": "rflib.receptive_field",
    "reported": "rflib.paper.reported",
    "saturation": "rflib.saturation",
    "sharpness": "rflib.sharpness",
    "tables": "rflib.paper.tables",
}

__all__ = ["__version__", *_ATTRIBUTES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _ATTRIBUTES:
        return getattr(importlib.import_module(_ATTRIBUTES[name]), name)
    raise AttributeError(f"module 'rflib' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
