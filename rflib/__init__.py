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
    "open_study": "rflib.pipeline.study",
}
_MODULES = {
    "cka": "rflib.analyses.cka",
    "claims": "rflib.claims",
    "dead_taps": "rflib.analyses.dead_taps",
    "effective_field": "rflib.analyses.effective_field",
    "feature_variance": "rflib.analyses.feature_variance",
    "figures": "rflib.figures",
    "filter_diversity": "rflib.analyses.filter_diversity",
    "hessian": "rflib.analyses.hessian",
    "models": "rflib.models",
    "noise_pruning": "rflib.analyses.noise_pruning",
    "pixel_sensitivity": "rflib.analyses.pixel_sensitivity",
    "probes": "rflib.analyses.probes",
    "pruning": "rflib.pruning",
    "receptive_field": "rflib.analyses.receptive_field",
    "reported": "rflib.reported",
    "saturation": "rflib.analyses.saturation",
    "sharpness": "rflib.sharpness",
    "tables": "rflib.tables",
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
