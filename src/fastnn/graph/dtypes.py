"""Which dtype an operation on several values has: Keras's promotion rules.

Floats win over integers whatever their widths (int64 with float32 is float32); a Python or NumPy scalar is weak: it
takes the dtype of what it meets, and only its kind (a float with integers gives `floatx`) counts. A complex dtype wins
over all, as wide as the widest float among them.
"""

import functools

import numpy as np

from fastnn import config

FLOATS = ("bfloat16", "float16", "float32", "float64")
COMPLEX = {
    "bfloat16": "complex64",
    "float16": "complex64",
    "float32": "complex64",
    "float64": "complex128",
}  # by the dtype of the parts
_RANK = {"bool": 0, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 3, "int32": 3, "uint64": 4, "int64": 4}
_RANK |= {"bfloat16": 5, "float16": 5, "float32": 6, "float64": 7}
_OF_NUMPY = {*_RANK, *COMPLEX.values()} - {"bfloat16"}


def from_dlpack(x):
    """`x`, or the NumPy array of what has `__dlpack__` and nothing else that NumPy reads; without a copy."""
    return np.from_dlpack(x) if hasattr(x, "__dlpack__") and not hasattr(x, "__array__") else x


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def is_half(dtype: str) -> bool:
    return dtype in ("float16", "bfloat16")


def is_integer(dtype: str) -> bool:
    return dtype in _RANK and dtype not in FLOATS and dtype != "bool"


def is_complex(dtype: str) -> bool:
    return dtype in ("complex64", "complex128")


def is_inexact(dtype: str) -> bool:
    """Whether values of `dtype` can have a gradient."""
    return is_float(dtype) or is_complex(dtype)


def real_part(dtype: str) -> str:
    """The dtype of the real part of values of `dtype`."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def weak_kind(x) -> str | None:
    """'bool', 'int', 'float' or 'complex' for a Python or NumPy scalar; None for anything else."""
    return _weak_kind_of(type(x))


@functools.cache
def _weak_kind_of(cls: type) -> str | None:
    if issubclass(cls, (bool, np.bool_)):
        return "bool"
    if issubclass(cls, (int, np.integer)):
        return "int"
    if issubclass(cls, (float, np.floating)):
        return "float"
    return "complex" if issubclass(cls, (complex, np.complexfloating)) else None


def promote(dtypes: tuple[str, ...], weak: tuple[str, ...] = ()) -> str:
    """The dtype in which values of `dtypes`, with scalars of the kinds `weak`, are combined."""
    result = _promote_strong(dtypes) if dtypes else None
    if "complex" in weak and (result is None or not is_complex(result)):
        return COMPLEX[as_float(result or "bool")]
    if "float" in weak and (result is None or not is_inexact(result)):
        return config.floatx()
    if "int" in weak and result in (None, "bool"):
        return "int32"
    return result or "bool"


def as_float(dtype: str) -> str:
    """`dtype` where it is a float or complex, else `floatx`: the dtype of exp, divide and their like."""
    return dtype if is_inexact(dtype) else config.floatx()


def _promote_strong(dtypes: tuple[str, ...]) -> str:
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = _pair(result, dtype)
    return result


def _pair(a: str, b: str) -> str:
    if a == b:
        return a
    if is_complex(a) or is_complex(b):
        return COMPLEX["float64" if {"complex128", "float64"} & {a, b} else "float32"]
    if is_half(a) and is_half(b):
        return "float32"  # neither holds the other
    if is_float(a) or is_float(b) or "bool" in (a, b):
        return a if _RANK[a] > _RANK[b] else b
    promoted = np.promote_types(a, b).name
    # NumPy has no integer for uint64 with a signed one and answers float64; Keras answers floatx.
    return config.floatx() if is_float(promoted) else promoted


def is_float_dtype(dtype) -> bool:
    """Whether `dtype` is one of floats.

    Args:
        dtype: a name, a NumPy dtype or a type.

    Example:
        >>> fastnn.backend.is_float_dtype("float32"), fastnn.backend.is_float_dtype("int32")
        (True, False)
    """
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype) -> bool:
    """Whether `dtype` is one of integers, with or without sign.

    Args:
        dtype: a name, a NumPy dtype or a type.

    Example:
        >>> fastnn.backend.is_int_dtype("uint8"), fastnn.backend.is_int_dtype("bool")
        (True, False)
    """
    return standardize_dtype(dtype).startswith(("int", "uint"))


_WEAK = {bool: "bool", int: "int", float: "float", complex: "complex"}


def result_type(*dtypes) -> str:
    """The dtype that an operation on values of `dtypes` has; `floatx` for none.

    Args:
        dtypes: names, NumPy dtypes or types; Python's `int`, `float` and `bool` give way to any other of their kind.

    Example:
        >>> fastnn.backend.result_type("int32", "float32"), fastnn.backend.result_type("int8", int)
        ('float32', 'int8')
    """
    if not dtypes:
        return config.floatx()
    strong = tuple(standardize_dtype(dtype) for dtype in dtypes if dtype not in _WEAK)
    return promote(strong, tuple(_WEAK[dtype] for dtype in dtypes if dtype in _WEAK))


def _bfloat16() -> str:
    """The name; NumPy knows it once ml_dtypes is imported."""
    try:
        import ml_dtypes  # noqa: F401 (an extra; only bfloat16 needs it)
    except ImportError:
        raise ImportError("bfloat16 needs ml_dtypes: pip install 'fastnn-cpu[bfloat16]'.") from None
    return "bfloat16"


def standardize_dtype(dtype) -> str:
    """The name of `dtype` ('float32' for a NumPy dtype, type or name), or `floatx` for None.

    Raises:
        ValueError: for what is no dtype.
    """
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, str) and dtype in _OF_NUMPY:
        return dtype
    if isinstance(dtype, str) and dtype == "int":
        return "int32"
    if isinstance(dtype, str) and dtype == "string":
        return dtype  # of what layers of strings take, which run outside of plans
    if isinstance(dtype, str) and dtype == "float":
        return config.floatx()
    if isinstance(dtype, str) and dtype == "bfloat16":
        return _bfloat16()
    try:
        found = np.dtype(getattr(dtype, "name", dtype))
    except TypeError:
        found = np.dtype(object)
    if found.kind not in "biufc" and found.isbuiltin != 2:  # 2: from another package, such as ml_dtypes
        raise ValueError(f"Invalid dtype: {dtype!r}")
    return found.name
