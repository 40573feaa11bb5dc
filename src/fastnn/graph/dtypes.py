"""Which dtype an operation on several values has: Keras's promotion rules.

Floats win over integers whatever their widths (int64 with float32 is float32); a Python or NumPy scalar is weak: it
takes the dtype of what it meets, and only its kind (a float with integers gives `floatx`) counts.
"""

import numpy as np

from fastnn import config

FLOATS = ("float16", "float32", "float64")
_RANK = {"bool": 0, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 3, "int32": 3, "uint64": 4, "int64": 4}
_RANK |= {"float16": 5, "float32": 6, "float64": 7}


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def is_integer(dtype: str) -> bool:
    return dtype in _RANK and dtype not in FLOATS and dtype != "bool"


def weak_kind(x) -> str | None:
    """'bool', 'int' or 'float' for a Python or NumPy scalar; None for anything else."""
    if isinstance(x, (bool, np.bool_)):
        return "bool"
    if isinstance(x, (int, np.integer)):
        return "int"
    if isinstance(x, (float, np.floating)):
        return "float"
    return None


def promote(dtypes: tuple[str, ...], weak: tuple[str, ...] = ()) -> str:
    """The dtype in which values of `dtypes`, with scalars of the kinds `weak`, are combined."""
    result = _promote_strong(dtypes) if dtypes else None
    if "float" in weak and (result is None or not is_float(result)):
        return config.floatx()
    if "int" in weak and result in (None, "bool"):
        return "int32"
    return result or "bool"


def as_float(dtype: str) -> str:
    """`dtype` where it is a float, else `floatx`: the dtype of exp, divide and their like."""
    return dtype if is_float(dtype) else config.floatx()


def _promote_strong(dtypes: tuple[str, ...]) -> str:
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = _pair(result, dtype)
    return result


def _pair(a: str, b: str) -> str:
    if a == b:
        return a
    if is_float(a) or is_float(b) or "bool" in (a, b):
        return a if _RANK[a] > _RANK[b] else b
    promoted = np.promote_types(a, b).name
    # NumPy has no integer for uint64 with a signed one and answers float64; Keras answers floatx.
    return config.floatx() if is_float(promoted) else promoted


def standardize_dtype(dtype) -> str:
    """The name of `dtype` ('float32' for a NumPy dtype, type or name), or `floatx` for None.

    Raises:
        ValueError: for what is no dtype.
    """
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, str) and dtype == "int":
        return "int32"
    if isinstance(dtype, str) and dtype == "string":
        return dtype  # of what layers of strings take, which run outside of plans
    if isinstance(dtype, str) and dtype == "float":
        return config.floatx()
    try:
        return np.dtype(getattr(dtype, "name", dtype)).name
    except TypeError:
        raise ValueError(f"Invalid dtype: {dtype!r}") from None
