"""Strings in NumPy arrays: which arrays hold some, and their bytes."""

import itertools

import numpy as np


def is_text(x) -> bool:
    """Whether `x` is a string, an array of strings, or a list, tuple or dict with one inside."""
    if isinstance(x, np.ndarray):
        kind = x.dtype.kind
        return kind in "SUT" or (kind == "O" and (x.size == 0 or isinstance(x.flat[0], (str, bytes))))
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (list, tuple)):
        return any(is_text(item) for item in x)
    return isinstance(x, (str, bytes))


def as_array(x) -> np.ndarray:
    """`x` as an array: of a list of strings one of objects, which are not copied to one length."""
    is_list_of_text = isinstance(x, (list, tuple)) and len(x) > 0 and set(map(type, x)) <= {str, bytes}
    return np.array(x, object) if is_list_of_text else np.asarray(x)


def to_bytes(x, encoding: str = "utf-8") -> np.ndarray:
    """The strings of `x` as an array of `bytes` objects, of the same shape; numbers as they are written."""
    array = np.asarray(x)
    fixed = to_fixed(array, encoding)
    if fixed is not None:
        return fixed.astype(object)
    flat = array.ravel().tolist()
    if array.dtype.kind in "UT" or set(map(type, flat)) == {str}:
        made = map(str.encode, flat, itertools.repeat(encoding))
    else:
        made = (item if isinstance(item, bytes) else str(item).encode(encoding) for item in flat)
    return np.fromiter(made, object, len(flat)).reshape(array.shape)


def to_fixed(array: np.ndarray, encoding: str = "utf-8") -> np.ndarray | None:
    """The strings of `array`, or integers as they are written, as bytes of one length; None where they are others than
    ASCII, or objects."""
    if array.dtype.kind == "S" or array.dtype.kind in "iu":
        return array.astype("S")
    width = array.dtype.itemsize // 4
    if array.dtype.kind != "U" or encoding != "utf-8" or not array.dtype.isnative or not array.size * width:
        return None
    codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
    if codes.max() > 127:
        return None
    return codes.astype(np.uint8).view(f"S{width}").reshape(array.shape)


def to_str(x, encoding: str = "utf-8") -> np.ndarray:
    """The strings of `x` as an array of `str`, of the same shape."""
    array = np.asarray(x)
    if array.dtype.kind in "UT":
        return array
    return np.array(
        [item.decode(encoding) if isinstance(item, bytes) else str(item) for item in array.ravel().tolist()], dtype=str
    ).reshape(array.shape)
