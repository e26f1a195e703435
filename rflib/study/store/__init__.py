"""The store: measurements, weights and resume points that are either complete or not there. No torch."""

from rflib.study.store.locks import Holder
from rflib.study.store.manifest import Fault
from rflib.study.store.records import Measurement, ResumePoint
from rflib.study.store.store import Store

__all__ = ["Fault", "Holder", "Measurement", "ResumePoint", "Store"]
