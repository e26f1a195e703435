"""The store: measurements, weights and resume points that are either complete or not there. No torch."""

from rflib.store.manifest import Fault
from rflib.store.owner import Owner
from rflib.store.records import Measurement, ResumePoint
from rflib.store.store import Store

__all__ = ["Fault", "Measurement", "Owner", "ResumePoint", "Store"]
