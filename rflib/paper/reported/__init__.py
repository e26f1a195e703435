"""The numbers, settings and claims that the papers print; `README.md` here says how they were read."""

from __future__ import annotations

from rflib.paper.reported.labels import label, pool_kernel
from rflib.paper.reported.readers import accuracy, claims, go_deeper, stems, table, training_protocol

__all__ = ["accuracy", "claims", "go_deeper", "label", "pool_kernel", "stems", "table", "training_protocol"]
