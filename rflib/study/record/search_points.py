"""Resume points of a search for eigenvalues, written as rarely as their size demands. Imports torch."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator

import numpy as np
import torch

from rflib.config import MeasurementKey
from rflib.errors import StoreError
from rflib.hessian import SearchState
from rflib.study import subject
from rflib.study.store import Store

# The share of a search's time that its resume points may take. A basis of 6 GiB that is written in a minute is
# then written every twenty minutes, and that much is lost at most.
WRITING_SHARE = 0.05

_ROW = "row-"
_log = logging.getLogger("rflib")


class SearchPoints:
    """Keeps the search of one measurement in the store: the state is whole, the newest one stays.

    On the disk there is up to the size of the basis, and twice that while a point is written. A disk that
    refuses ends the writing and not the search. `seconds` counts those before a resumption as well.
    """

    def __init__(self, store: Store, key: MeasurementKey) -> None:
        self.store, self.key = store, key
        self.began = self.written_at = time.monotonic()
        self.pause = subject.RESUME_INTERVAL_SECONDS
        self.earlier_seconds = 0.0

    def load(self) -> SearchState | None:
        """Return the state to go on from, or None; its rows can be read once."""
        point = self.store.load_resume_point(self.key)
        if point is None:
            return None
        self.earlier_seconds = float(point.state["seconds"])
        arrays = point.arrays
        tensors = {name: torch.from_numpy(arrays.pop(name)) for name in list(arrays) if not name.startswith(_ROW)}
        return SearchState(_consumed(arrays), tensors, point.state["numbers"])

    def discard(self) -> None:
        """Forget the state: the search begins anew."""
        self.store.discard_resume_points(self.key)
        self.earlier_seconds = 0.0

    def __call__(self, state: SearchState) -> None:
        """Write the state if the time has come."""
        if time.monotonic() - self.written_at < self.pause:
            return
        began = time.monotonic()
        try:
            self._write(state)
        except StoreError as error:
            _log.warning("no more resume points of %s: %s", self.key.name, error)
            self.pause = math.inf
            return
        self.written_at = time.monotonic()
        self.pause = max(subject.RESUME_INTERVAL_SECONDS, (self.written_at - began) / WRITING_SHARE)

    def _write(self, state: SearchState) -> None:
        arrays = {name: tensor.cpu().contiguous().numpy() for name, tensor in state.tensors.items()}
        arrays |= {f"{_ROW}{index:05d}": row.cpu().numpy() for index, row in enumerate(state.rows)}
        seconds = self.earlier_seconds + time.monotonic() - self.began
        record = {"numbers": dict(state.numbers), "seconds": seconds}
        self.store.save_resume_point(self.key, int(state.numbers["products"]), arrays, record, kept=1)


def _consumed(arrays: dict[str, np.ndarray]) -> Iterator[torch.Tensor]:
    """Yield the rows in order and let go of each, so that the basis is never in memory twice."""
    for name in sorted(arrays):
        yield torch.from_numpy(arrays.pop(name))
