"""Complex numbers, and arrays whose bytes are read as another dtype: records that their references compute.

Gradients of complex values follow JAX: that of a real function of z = x + iy is d/dx - i d/dy, so that the rules for
real numbers hold for holomorphic functions as they stand.
"""

import numpy as np

from fastnn import config
from fastnn.graph import dtypes
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops import trigonometry as trig
from fastnn.ops.creation import zeros_like
from fastnn.ops.elementwise import elementwise
from fastnn.ops.record import Op, Spec, as_operand, dtype_of
from fastnn.plan.function import as_one_plan

conj_op = elementwise("conj", np.conj, lambda dy, y, x: conj(dy))
real_op = elementwise("real", np.real, lambda dy, y, x: ew.cast(dy, x.dtype), dtype="real")
real_angle_op = elementwise("real_angle", np.angle, dtype="float")
imag_op = elementwise("imag", np.imag, lambda dy, y, x: ew.multiply(ew.cast(dy, x.dtype), -1j), dtype="real")


def _is_complex(x) -> bool:
    return dtypes.is_complex(dtype_of(x))


def _as_input(x):
    return as_operand(x)


def real(x):
    """The real part; `x` itself where it is not complex.

    Example:
        >>> real(np.array([1 + 2j]))
        array([1.])
    """
    return real_op(x) if _is_complex(x) else _as_input(x)


def imag(x):
    """The imaginary part; 0 where `x` is not complex.

    Example:
        >>> imag(np.array([1 + 2j]))
        array([2.])
    """
    return imag_op(x) if _is_complex(x) else zeros_like(x)


def conj(x):
    """The complex conjugate.

    Args:
        x: array.

    Example:
        >>> conj(np.array([1 + 2j]))
        array([1.-2.j])
    """
    return conj_op(x) if _is_complex(x) else _as_input(x)


def conjugate(x):
    """The complex conjugate; the same as `conj`.

    Example:
        >>> conjugate(np.array([1 + 2j]))
        array([1.-2.j])
    """
    return conj(x)


@as_one_plan
def angle(x):
    """The angle of `x` in the complex plane, from -pi to pi: pi for negative real numbers.

    Example:
        >>> angle(np.array([1.0, 2j, -1.0]))
        array([0.        , 1.57079633, 3.14159265])
    """
    if _is_complex(x):
        return trig.arctan2(imag(x), real(x))
    return real_angle_op(x)


def isreal(x):
    """Whether the imaginary part is 0.

    Example:
        >>> isreal(np.array([1.0, 2j]))
        array([ True, False])
    """
    return logic.equal(imag(x), 0) if _is_complex(x) else logic.logical_or(logic.isnan(x), True)


@as_one_plan
def polar(abs_, angle):
    """The complex number of a length and an angle.

    Args:
        abs_: the lengths.
        angle: the angles in radians, of a shape that broadcasts with `abs_`.

    Example:
        >>> polar(np.array([2.0]), np.array([0.0]))
        array([2.+0.j])
    """
    return ew.add(ew.multiply(abs_, trig.cos(angle)), ew.multiply(ew.multiply(abs_, trig.sin(angle)), 1j))


# ---- other readings of the same bytes ----


def _viewed(x, dtype):
    """The shape of `x` read as `dtype`: the last axis grows or shrinks with the size of an element."""
    before, after = np.dtype(x.dtype).itemsize, np.dtype(dtype).itemsize
    if before == after:
        return x.shape
    if not x.shape or x.shape[-1] * before % after:
        raise ValueError(
            f"view: the last axis of shape {x.shape} in {x.dtype} has no whole number of elements of {dtype}."
        )
    return (*x.shape[:-1], x.shape[-1] * before // after)


view_op = Op(
    "view",
    shape=lambda x, dtype: Spec(_viewed(x, dtype), dtype),
    reference=lambda x, dtype: np.ascontiguousarray(x).view(dtype),
)


def _from_pairs_shape(x):
    if not x.shape or x.shape[-1] != 2:
        raise ValueError(f"view_as_complex: the last axis must be (real, imaginary), of size 2; got shape {x.shape}.")
    return Spec(x.shape[:-1], dtypes.COMPLEX[x.dtype])


view_as_complex_op = Op(
    "view_as_complex",
    shape=_from_pairs_shape,
    reference=lambda x: x[..., 0] + 1j * x[..., 1],
    grad=lambda dy, y, x: view_as_real_op(conj(dy)),
)
view_as_real_op = Op(
    "view_as_real",
    shape=lambda x: Spec((*x.shape, 2), dtypes.real_part(x.dtype)),
    reference=lambda x: np.stack([x.real, x.imag], axis=-1),
    grad=lambda dy, y, x: conj(view_as_complex_op(dy)),
)


def view(x, dtype=None):
    """The bytes of `x` read as another dtype.

    Args:
        x: array.
        dtype: name or NumPy dtype; `floatx` by default. Where its elements have another size than those of `x`, the
            last axis has more or fewer of them.

    Raises:
        ValueError: when the last axis does not hold a whole number of elements.

    Example:
        >>> view(np.array([1.0, 2.0], "float32"), "int32")
        array([1065353216, 1073741824], dtype=int32)
    """
    return view_op(_as_input(x), dtype=config.floatx() if dtype is None else dtypes.standardize_dtype(dtype))


def view_as_complex(x):
    """Pairs of a real and an imaginary part as complex numbers.

    Args:
        x: floats, shape (..., 2).

    Raises:
        ValueError: when the last axis has another size than 2.

    Example:
        >>> view_as_complex(np.array([[1.0, 2.0]]))
        array([1.+2.j])
    """
    x = _as_input(x)
    return view_as_complex_op(x if dtypes.is_float(dtype_of(x)) else ew.cast(x, None))


def view_as_real(x):
    """Complex numbers as pairs of their real and imaginary parts.

    Args:
        x: array.

    Returns:
        Floats, shape `x.shape + (2,)`.

    Example:
        >>> view_as_real(np.array([1 + 2j]))
        array([[1., 2.]])
    """
    return view_as_real_op(_as_input(x))
