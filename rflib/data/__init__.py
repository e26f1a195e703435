"""Data sets, decoded once into memory-mapped arrays; `rflib.data.splits` takes them into torch."""

from rflib.data.data_set import DataSet
from rflib.data.downloads import download
from rflib.data.sources import default_data_root, fingerprint, open_data_set

__all__ = ["DataSet", "default_data_root", "download", "fingerprint", "open_data_set"]
