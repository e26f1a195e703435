"""Settings: frozen, validated values, and the identities that follow from them."""

from rflib.config.analyses import (
    AnalysisSettings,
    ArchitectureSettings,
    HistorySettings,
    LayersSettings,
    MeasurementKey,
    OneShotSettings,
    ProbesSettings,
    SaturationSettings,
    SimilaritySettings,
    SpectrumSettings,
    TravelSettings,
)
from rflib.config.facts import DataFacts
from rflib.config.runs import (
    Architecture,
    Checkpoint,
    DataConfig,
    MaskRecipe,
    ModelConfig,
    OptimiserConfig,
    PrecisionConfig,
    Run,
    RunConfig,
    TrainingConfig,
)
from rflib.config.settings import SCHEMA, Settings, canonical_json, identity

__all__ = [
    "SCHEMA",
    "AnalysisSettings",
    "Architecture",
    "ArchitectureSettings",
    "Checkpoint",
    "DataConfig",
    "DataFacts",
    "HistorySettings",
    "LayersSettings",
    "MaskRecipe",
    "MeasurementKey",
    "ModelConfig",
    "OneShotSettings",
    "OptimiserConfig",
    "PrecisionConfig",
    "ProbesSettings",
    "Run",
    "RunConfig",
    "SaturationSettings",
    "Settings",
    "SimilaritySettings",
    "SpectrumSettings",
    "TrainingConfig",
    "TravelSettings",
    "canonical_json",
    "identity",
]
