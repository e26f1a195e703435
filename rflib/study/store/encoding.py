"""Values and arrays to bytes and back: JSON, NPZ and safetensors, none of which can run code when read."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from rflib.errors import StoreError

_PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(1, 6))
_ZIP = b"PK\x03\x04"


def json_bytes(value: Any, what: str) -> bytes:
    """Return readable JSON with sorted keys; refuse what JSON cannot hold, naming the value after `what`."""
    _check_json(value, what)
    return (json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def _check_json(value: Any, path: str) -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise StoreError(f"{path} has the key {name!r}: expected text, found {type(name).__name__}")
            _check_json(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_json(item, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise StoreError(f"{path} is {value}: expected a finite number; store None for a missing value")
    elif value is not None and not isinstance(value, bool | int | float | str):
        raise StoreError(
            f"{path}: expected numbers, text, lists and mappings, found {type(value).__name__}; "
            "put arrays in `arrays` and turn numpy scalars into numbers by `.item()`"
        )


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return a compressed NPZ archive, the same bytes for the same arrays; refuse arrays of objects."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            # A ZipInfo made from a name alone carries the constant date 1980, not the time of writing.
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, _plain_array(name, arrays[name]), allow_pickle=False)
    return buffer.getvalue()


def npz_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of an NPZ archive; raise ValueError when it is none or holds pickled objects."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise ValueError(f"not an NPZ archive ({error})") from None


def safetensors_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return arrays in the safetensors format."""
    # safetensors copies raw memory, so a transposed view would come back with its values in another order.
    return safetensors.numpy.save({name: _plain_array(name, array) for name, array in arrays.items()})


def safetensors_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file; raise ValueError when it is none."""
    try:
        return safetensors.numpy.load(content)
    except SafetensorError as error:
        raise ValueError(f"not a safetensors file ({error})") from None


def is_pickle(content: bytes) -> bool:
    """Return whether bytes are a pickle, or the zip archive of one that `torch.save` writes."""
    # A safetensors file may start with these bytes too, the length of its header; then byte 8 opens it.
    return content.startswith((*_PICKLES, _ZIP)) and content[8:9] != b"{"


def _plain_array(name: str, array: np.ndarray) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.hasobject:
        found = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise StoreError(f"array '{name}': expected a numpy array of numbers, found {found}")
    return np.asarray(array, order="C")
