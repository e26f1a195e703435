from __future__ import annotations

import io
import math
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest

from rflib.errors import StoreError
from rflib.study.store.encoding import (
    is_pickle,
    json_bytes,
    npz_arrays,
    npz_bytes,
    safetensors_arrays,
    safetensors_bytes,
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1.0, {"loss": math.nan}]}, r"history\.a\[1\]\.loss is nan: expected a finite number; store None"),
        ([math.inf], r"history\[0\] is inf"),
        ({"a": {1: 2}}, r"history\.a has the key 1: expected text, found int"),
        ({"a": np.float32(1)}, r"history\.a: expected numbers, .*found float32; .*`\.item\(\)`"),
        ({"a": np.zeros(2)}, r"history\.a: expected .*found ndarray; put arrays in `arrays`"),
        ({"a": {1, 2}}, r"found set"),
    ],
)
def test_what_json_cannot_hold_is_named(value: Any, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        json_bytes(value, "history")


def test_json_is_the_same_for_the_same_value() -> None:
    assert json_bytes({"b": 1, "a": (1, 2.5, None)}, "x") == json_bytes({"a": [1, 2.5, None], "b": 1}, "x")


def arrays() -> dict[str, np.ndarray]:
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    return {
        "matrix": matrix,
        "transposed": matrix.T,
        "strided": matrix[:, ::2],
        "scalar": np.array(3),
        "empty": np.zeros((0, 4)),
        "big-endian": np.array([1, 2], dtype=">i4"),
        "file": np.array([1]),  # a name that numpy.savez cannot store
    }


@pytest.mark.parametrize(("encode", "decode"), [(npz_bytes, npz_arrays), (safetensors_bytes, safetensors_arrays)])
def test_arrays_come_back(encode: Any, decode: Any) -> None:
    found = decode(encode(arrays()))
    assert set(found) == set(arrays())
    for name, array in arrays().items():
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)
    assert encode(arrays()) == encode(dict(reversed(arrays().items())))


def test_numpy_reads_the_archive() -> None:
    with np.load(io.BytesIO(npz_bytes(arrays()))) as archive:
        np.testing.assert_array_equal(archive["transposed"], arrays()["transposed"])


@pytest.mark.parametrize("array", [np.array([None]), [1.0], np.zeros(1, dtype=[("a", object)])])
@pytest.mark.parametrize("encode", [npz_bytes, safetensors_bytes])
def test_objects_are_refused(encode: Any, array: Any) -> None:
    with pytest.raises(StoreError, match=r"array 'x': expected a numpy array of numbers, found"):
        encode({"x": array})


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 64, bytes(64)])
def test_what_is_no_safetensors_file_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a safetensors file"):
        safetensors_arrays(content)


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04", bytes(64), npz_bytes({"x": np.zeros(9)})[:-9]])
def test_what_is_no_npz_archive_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an NPZ archive|contains pickled"):
        npz_arrays(content)


def test_pickles_are_recognised_and_safetensors_are_not() -> None:
    assert all(is_pickle(pickle.dumps({"w": 1}, protocol)) for protocol in range(2, 6))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", b"")
    assert is_pickle(archive.getvalue())
    # Headers of every length, among them those whose length begins like a pickle.
    for count in range(400):
        assert not is_pickle(safetensors_bytes({"w" * count: np.zeros(1, dtype=np.uint8)}))
