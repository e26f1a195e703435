"""A store in memory, for studies that are made up: what is read back is what a store on disk would give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from rflib.config import MeasurementKey
from rflib.study.store import Measurement
from rflib.study.store.encoding import json_bytes


class Memory:
    """Measurements by the name of their key."""

    root = "memory"

    def __init__(self) -> None:
        self._kept: dict[str, Measurement] = {}

    def has_measurement(self, key: MeasurementKey) -> bool:
        return key.name in self._kept

    def load_measurement(self, key: MeasurementKey) -> Measurement:
        return self._kept[key.name]

    def save_measurement(
        self,
        key: MeasurementKey,
        *,
        values: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        provenance: Mapping[str, Any],
    ) -> None:
        record = {"key": key.model_dump(mode="json"), "values": values, "provenance": provenance}
        kept = json.loads(json_bytes(record, key.analysis))
        self._kept.setdefault(key.name, Measurement(key.name, arrays=dict(arrays), **kept))
