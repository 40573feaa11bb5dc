"""Two numbers of four bits in a byte: the one before in the low half, the one after it in the high half."""

from fastnn import ops
from fastnn.ops.record import dtype_of, shape_of
from fastnn.ops.reduce import normalize_axis


def pack_int4(arr, axis=0, dtype="int8"):
    """Numbers of four bits, two in a byte; where their number is odd the last byte's high half is zero.

    Args:
        arr: array of `dtype` with numbers in [-8, 7], or [0, 15] for "uint8".
        axis: along which neighbours share a byte.
        dtype: "int8" or "uint8".

    Returns:
        The bytes, their shape, and how many numbers there were along `axis`.

    Raises:
        ValueError: for another `dtype`.
        TypeError: when `arr` is not of it.

    Example:
        >>> fastnn.quantizers.pack_int4(np.array([1, 2, 3], "int8"))
        (array([33,  3], dtype=int8), (2,), 3)
    """
    _check_dtype(dtype)
    if dtype_of(arr) != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {dtype_of(arr)}.")
    axis = normalize_axis("pack_int4", axis, len(shape_of(arr)))
    count = shape_of(arr)[axis]
    arr = ops.pad(arr, [(0, count % 2 if k == axis else 0) for k in range(len(shape_of(arr)))])
    pairs = ops.reshape(arr, (*shape_of(arr)[:axis], -1, 2, *shape_of(arr)[axis + 1 :]))
    low, high = (ops.cast(half, "float32") for half in ops.unstack(pairs, 2, axis + 1))
    low = ops.where(low < 0, low + 16, low)
    if dtype == "uint8":
        high = ops.where(high < 0, high + 16, high)
    else:
        high = ops.where(high > 7, high - 16, high)
    packed = ops.cast(high * 16 + low, dtype)
    return packed, tuple(shape_of(packed)), count


def unpack_int4(packed, orig_len, axis=0, dtype="int8"):
    """The numbers that `pack_int4` packed.

    Args:
        packed: array of int8 or uint8.
        orig_len: how many numbers there were along `axis`.
        axis: along which neighbours share a byte.
        dtype: "int8" for numbers in [-8, 7], "uint8" for [0, 15].

    Raises:
        ValueError: for another `dtype`.
        TypeError: when `packed` is not of bytes.

    Example:
        >>> fastnn.quantizers.unpack_int4(np.array([33, 3], "int8"), 3)
        array([1, 2, 3], dtype=int8)
    """
    _check_dtype(dtype)
    if dtype_of(packed) not in ("int8", "uint8"):
        raise TypeError(f"Expected int8 or uint8 tensor for unpacking, got {dtype_of(packed)}")
    return ops.cast(unpacked(packed, orig_len, axis, signed=dtype == "int8"), dtype)


def unpacked(packed, count: int, axis: int, signed: bool = True):
    """`unpack_int4` in float32, which holds these numbers exactly and which kernels compute in."""
    shape = shape_of(packed)
    axis = normalize_axis("unpack_int4", axis, len(shape))
    numbers = ops.cast(packed, "float32")
    high = ops.floor(numbers / 16)
    low = numbers - high * 16
    if signed:
        low = low - 16 * ops.cast(low > 7, "float32")
        high = high - 16 * ops.cast(high > 7, "float32")
    else:
        high = high + 16 * ops.cast(high < 0, "float32")
    pairs = ops.reshape(ops.stack([low, high], axis + 1), (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :]))
    return pairs[(slice(None),) * axis + (slice(0, count),)]


def _check_dtype(dtype) -> None:
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")
