"""Linear equations and what their solution gives: solve, inverses, determinants, least squares, rank.

Arrays are batches of matrices, shape (..., m, n). d(A^-1) = -A^-1 dA A^-1 is behind every gradient here.
"""

import numpy as np

from fastnn._kernels import DTYPE_CODE
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.creation import tril, triu
from fastnn.ops.factorizations import (
    MOST_ROWS,
    as_matrices,
    has_kernel_for,
    require_matrices,
    square_spec,
    svd,
    transposed,
)
from fastnn.ops.layout import expand_dims, squeeze
from fastnn.ops.matmul import in_one_dtype, matmul, unbroadcast
from fastnn.ops.record import Op, Spec, dtype_of, shape_of

# ---- a x = b ----


def _solve_shape(a, b):
    require_matrices("solve", a, is_square=True)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"solve: matrices of shape {a.shape} do not fit a right side of shape {b.shape}.")
    return Spec((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), a.dtype)


def _solve_grad(dy, y, a, b):
    db = solve_op(transposed(a), dy)
    return unbroadcast(ew.negative(matmul(db, transposed(y))), a.shape), unbroadcast(db, b.shape)


def _lower_equations(node, b, kernel: str, *ints):
    (a, side), y = node.inputs, node.outputs[0]
    n, m = y.shape[-2:]
    if not has_kernel_for(b, y):
        return False
    matrices, steps = y.size // (n * m), []
    for x in (a, side):  # either of as many matrices as the result, or of one
        size = x.shape[-2] * x.shape[-1]
        if x.size not in (size, size * matrices):
            return False
        steps.append(0 if x.size == size else size)
    b.step(kernel, [a, side, y], [matrices, n, m, DTYPE_CODE[y.dtype], *steps, *ints])
    return None


def _solve_lower(node, b):
    return _lower_equations(node, b, "solve")


# b has matrices too: shape (..., n, columns).
solve_op = Op("solve", shape=_solve_shape, reference=np.linalg.solve, grad=_solve_grad, lower=_solve_lower)


_BLOCK = 32  # rows that are solved at once


def _solve_triangular_reference(a, b, lower):
    """Blocks of rows, one after another: what is known of x times their part of `a` goes to the right side."""
    n = a.shape[-1]
    y = np.array(np.broadcast_to(b, _solve_shape(a, b).shape))
    for begin in range(0, n, _BLOCK) if lower else reversed(range(0, n, _BLOCK)):
        end = min(begin + _BLOCK, n)
        known, block = slice(begin) if lower else slice(end, n), a[..., begin:end, begin:end]
        side = y[..., begin:end, :] - a[..., begin:end, known] @ y[..., known, :]
        y[..., begin:end, :] = np.linalg.solve(np.tril(block) if lower else np.triu(block), side)
    return y


MOST_TRIANGULAR = 1024  # rows: one side of 2,000 takes SciPy, which copies no triangle, half of the time


def _solve_triangular_lower(node, b):
    if node.outputs[0].shape[-2] > MOST_TRIANGULAR:
        return False
    return _lower_equations(node, b, "solve_triangular", node.params["lower"])


def _solve_triangular_grad(dy, y, a, b, lower):
    db = solve_triangular_op(transposed(a), dy, lower=not lower)
    da = ew.negative(matmul(db, transposed(y)))
    return unbroadcast(tril(da) if lower else triu(da), a.shape), unbroadcast(db, b.shape)


solve_triangular_op = Op(
    "solve_triangular",
    shape=lambda a, b, lower: _solve_shape(a, b),
    reference=_solve_triangular_reference,
    grad=_solve_triangular_grad,
    lower=_solve_triangular_lower,
)


def _solve(name, a, b, op=solve_op, **params):
    """Checks the shapes as Keras does, and makes a vector a matrix of one column."""
    a, b = as_matrices(a), as_matrices(b)
    if a.dtype != b.dtype:
        a, b = in_one_dtype(a, b)
    require_matrices(name, a, is_square=True)
    a_shape, b_shape = shape_of(a), shape_of(b)
    if len(b_shape) not in (len(a_shape), len(a_shape) - 1):
        raise ValueError(f"{name}: `b` must have as many axes as `a`, or one less; got shapes {a_shape} and {b_shape}.")
    is_vector = len(b_shape) == len(a_shape) - 1 and b_shape == a_shape[:-1]
    y = op(a, expand_dims(b, -1) if is_vector else b, **params)
    return squeeze(y, -1) if is_vector else y


@accepts_symbolic
def solve(a, b):
    """The solution x of `a x = b`.

    Args:
        a: square matrices, shape (..., n, n).
        b: shape (..., n, columns), or (..., n) for one right side a matrix.

    Returns:
        x, of the shape of `b`.

    Raises:
        ValueError: when the shapes do not fit.
        numpy.linalg.LinAlgError: when a matrix is singular.

    Example:
        >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
        array([1. , 0.5])
    """
    return _solve("solve", a, b)


@accepts_symbolic
def solve_triangular(a, b, lower=False):
    """The solution x of `a x = b`, where only one triangle of `a` counts.

    Args:
        a: square matrices, shape (..., n, n).
        b: shape (..., n, columns), or (..., n) for one right side a matrix.
        lower: whether the lower triangle counts, instead of the upper.

    Returns:
        x, of the shape of `b`.

    Example:
        >>> solve_triangular(np.array([[2.0, 9.0], [1.0, 4.0]]), np.array([2.0, 9.0]), lower=True)
        array([1., 2.])
    """
    return _solve("solve_triangular", a, b, solve_triangular_op, lower=bool(lower))


# ---- inverses ----


def _inv_grad(dy, y, x):
    inverse = transposed(y)
    return ew.negative(matmul(matmul(inverse, dy), inverse))


def _square_lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    if not has_kernel_for(b, y):
        return False
    n = x.shape[-1]
    b.step(node.op.name, [x, y], [x.size // n**2, n, DTYPE_CODE[x.dtype]])
    return None


inv_op = Op("inv", shape=square_spec("inv"), reference=np.linalg.inv, grad=_inv_grad, lower=_square_lower)


def inv(x):
    """The inverse of square matrices.

    Args:
        x: shape (..., n, n).

    Raises:
        ValueError: when `x` is not square.
        numpy.linalg.LinAlgError: when a matrix is singular.

    Example:
        >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
        array([[0.5 , 0.  ],
               [0.  , 0.25]])
    """
    return inv_op(as_matrices(x))


def _cholesky_inverse_reference(x, upper):
    inverse = np.linalg.inv(np.triu(x) if upper else np.tril(x))
    turned = inverse.swapaxes(-1, -2)
    return inverse @ turned if upper else turned @ inverse


def _cholesky_inverse_grad(dy, y, x, upper):
    """Of P = (L L^T)^-1: dP = -P (dL L^T + L dL^T) P, so that dL = -P (dY + dY^T) P L; of U = L^T its transpose."""
    inner = matmul(matmul(y, ew.negative(ew.add(dy, transposed(dy)))), y)
    return triu(matmul(triu(x), inner)) if upper else tril(matmul(inner, tril(x)))


def _cholesky_inverse_lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    if not has_kernel_for(b, y):
        return False
    n = x.shape[-1]
    b.step("cholesky_inverse", [x, y], [x.size // n**2, n, DTYPE_CODE[x.dtype], node.params["upper"]])
    return None


cholesky_inverse_op = Op(
    "cholesky_inverse", shape=square_spec("cholesky_inverse"), reference=_cholesky_inverse_reference,
    grad=_cholesky_inverse_grad, lower=_cholesky_inverse_lower,
)  # fmt: skip


def cholesky_inverse(x, upper=False):
    """The inverse of symmetric positive definite matrices, from their Cholesky factors.

    Args:
        x: factors, shape (..., n, n): L of `L L^T`, or U of `U^T U`.
        upper: whether `x` is U.

    Raises:
        ValueError: when `x` is not square.
        numpy.linalg.LinAlgError: when an element of the diagonal is 0.

    Example:
        >>> cholesky_inverse(np.array([[2.0, 0.0], [0.0, 4.0]]))
        array([[0.25  , 0.    ],
               [0.    , 0.0625]])
    """
    return cholesky_inverse_op(as_matrices(x), upper=bool(upper))


def _pinv_shape(x, rcond):
    require_matrices("pinv", x)
    *batch, m, n = x.shape
    return Spec((*batch, n, m), x.dtype)


def _rcond(rcond, m, n, dtype) -> float:
    """What singular values are compared with, relative to the largest."""
    return 10 * max(m, n) * float(np.finfo(dtype).eps) if rcond is None else rcond


def pinv_grad(dp, p, x):
    """dx = -P^T dP P^T + (1 - x P) dP^T P P^T + P^T P dP^T (1 - P x) (Golub and Pereyra 1973, eq. 4.12)."""
    dpt, pt = transposed(dp), transposed(p)
    first = ew.negative(matmul(matmul(pt, dp), pt))
    inner = matmul(dpt, matmul(p, pt))
    second = ew.subtract(inner, matmul(matmul(x, p), inner))
    outer = matmul(matmul(pt, p), dpt)
    return ew.add(ew.add(first, second), ew.subtract(outer, matmul(matmul(outer, p), x)))


pinv_op = Op(
    "pinv",
    shape=_pinv_shape,
    reference=lambda x, rcond: np.linalg.pinv(x, rcond=_rcond(rcond, *x.shape[-2:], x.dtype)),
    grad=lambda dy, y, x, rcond: pinv_grad(dy, y, x),
)


def pinv(x, rcond=None):
    """The Moore-Penrose inverse of matrices.

    Args:
        x: shape (..., m, n).
        rcond: singular values below `rcond` times the largest count as 0; by default 10 max(m, n) times the
            resolution of the dtype.

    Returns:
        Shape (..., n, m).

    Example:
        >>> pinv(np.array([[2.0, 0.0]]))
        array([[0.5],
               [0. ]])
    """
    return pinv_op(as_matrices(x), rcond=rcond)


def _lstsq_shape(a, b, rcond):
    if len(a.shape) != 2 or a.shape[0] != b.shape[0]:
        raise ValueError(f"lstsq: `a` must be a matrix with as many rows as `b`; got shapes {a.shape} and {b.shape}.")
    return Spec((a.shape[1], b.shape[1]), a.dtype)


def _lstsq_grad(dy, y, a, b, rcond):
    """The solution is pinv(a) b."""
    inverse = pinv_op(a, rcond=max(a.shape) * float(np.finfo(a.dtype).eps) if rcond is None else rcond)
    return pinv_grad(matmul(dy, transposed(b)), inverse, a), matmul(transposed(inverse), dy)


def _by_qr_shape(a, b, is_turned):
    return Spec((a.shape[not is_turned], b.shape[1]), a.dtype), Spec((), "float64")


def _by_qr_reference(a, b, is_turned):
    x, _, _, values = np.linalg.lstsq(a.T if is_turned else a, b)
    return x, np.float64(values[-1] / values[0])


def _by_qr_lower(node, b):
    (a, side), is_turned = node.inputs, node.params["is_turned"]
    b.step("lstsq", [a, side, *node.outputs], [*a.shape, side.shape[1], DTYPE_CODE[a.dtype], is_turned])


# Of a matrix of full rank with no more columns than rows, or of its transpose: x, and what the least singular value is
# of the largest; the kernel has a bound below that.
_by_qr_op = Op("lstsq_by_qr", shape=_by_qr_shape, reference=_by_qr_reference, lower=_by_qr_lower)
_FAR = 10.0  # times what counts as 0, or as what rounding makes of it: so much is surely more


def _lstsq_reference(a, b, rcond):
    """By factors where that is surely of full rank, else by singular values."""
    m, n = a.shape
    if a.size and b.size and min(m, n) <= MOST_ROWS and a.size <= MOST_ROWS**2:
        x, distance = _by_qr_op(a.T if m < n else a, b, is_turned=m < n)
        resolution = max(m, n) * float(np.finfo("float64").eps)
        if distance > _FAR * max(resolution if rcond is None else rcond, resolution):
            return x
    return np.linalg.lstsq(a, b, rcond=rcond)[0]


lstsq_op = Op(
    "lstsq",
    shape=_lstsq_shape,
    reference=_lstsq_reference,
    grad=_lstsq_grad,
)


@accepts_symbolic
def lstsq(a, b, rcond=None):
    """The x of least norm that makes the norm of `a x - b` least.

    Args:
        a: matrix, shape (m, n).
        b: shape (m, columns), or (m,).
        rcond: singular values of `a` below `rcond` times the largest count as 0; by default max(m, n) times the
            resolution of the dtype.

    Returns:
        x, of shape (n, columns) or (n,).

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0]))
        array([2.])
    """
    a, b = as_matrices(a), as_matrices(b)
    if a.dtype != b.dtype:
        a, b = in_one_dtype(a, b)
    if len(shape_of(b)) not in (1, 2):
        raise ValueError(f"lstsq: `b` must have one axis or two, not shape {shape_of(b)}.")
    is_vector = len(shape_of(b)) == 1
    y = lstsq_op(a, expand_dims(b, -1) if is_vector else b, rcond=rcond)
    return squeeze(y, -1) if is_vector else y


# ---- determinants ----


def _determinant_shape(name):
    def shape(x):
        require_matrices(name, x, is_square=True)
        return Spec(x.shape[:-2], x.dtype)

    return shape


def _cofactors_reference(x):
    """det(U V) U diag(products of the other singular values) V: right for singular matrices too."""
    u, s, v = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, k, -1), -1) for k in range(n)], -1) if n else s
    sign = np.linalg.det(u) * np.linalg.det(v)
    return sign[..., None, None] * ((u * others[..., None, :]) @ v)


def _cofactors_grad(dy, y, x):
    """Of det(x) x^-T: where a matrix is singular there is none."""
    inverse, determinant = inv_op(x), det_op(x)
    total = reduce.sum(ew.multiply(dy, transposed(inverse)), axis=(-2, -1))
    by_determinant = ew.multiply(_as_scale(total), y)
    by_inverse = ew.multiply(_as_scale(determinant), _inv_grad(transposed(dy), inverse, x))
    return ew.add(by_determinant, by_inverse)


def _as_scale(x):
    return expand_dims(x, (-2, -1))


def _determinant_lower(node, b):
    x, *ys = node.inputs[0], *node.outputs
    n = x.shape[-1]
    if not has_kernel_for(b, x):
        return False
    buffers = [*ys, None, None] if len(ys) == 1 else [None, *ys]
    b.step("determinant", [x, *buffers], [x.size // n**2, n, DTYPE_CODE[x.dtype]])
    return None


# The derivative of the determinant by each element.
cofactors_op = Op(
    "cofactors", shape=square_spec("cofactors"), reference=_cofactors_reference, grad=_cofactors_grad,
    lower=_square_lower,
)  # fmt: skip
det_op = Op(
    "det",
    shape=_determinant_shape("det"),
    reference=np.linalg.det,
    grad=lambda dy, y, x: ew.multiply(_as_scale(dy), cofactors_op(x)),
    lower=_determinant_lower,
)
slogdet_op = Op(
    "slogdet",
    shape=lambda x: (_determinant_shape("slogdet")(x),) * 2,
    reference=lambda x: tuple(np.linalg.slogdet(x)),
    grad=lambda dy, y, x: None if dy[1] is None else ew.multiply(_as_scale(dy[1]), transposed(inv_op(x))),
    lower=_determinant_lower,
)


def det(x):
    """The determinant of square matrices.

    Args:
        x: shape (..., n, n).

    Returns:
        Shape (...).

    Raises:
        ValueError: when `x` is not square.

    Example:
        >>> det(np.array([[2.0, 0.0], [0.0, 4.0]]))
        array(8.)
    """
    return det_op(as_matrices(x))


def slogdet(x):
    """The sign of the determinant of square matrices, and the logarithm of its absolute value.

    Args:
        x: shape (..., n, n).

    Returns:
        `(sign, logabsdet)`, each of shape (...); the sign is 0 and the logarithm -inf where a matrix is singular.

    Raises:
        ValueError: when `x` is not square.

    Example:
        >>> slogdet(np.array([[0.0, 1.0], [1.0, 0.0]]))
        (array(-1.), array(0.))
    """
    return slogdet_op(as_matrices(x))


def logdet(x):
    """The logarithm of the absolute value of the determinant of square matrices.

    Args:
        x: shape (..., n, n).

    Returns:
        Shape (...).

    Example:
        >>> logdet(np.array([[np.e, 0.0], [0.0, np.e]]))
        array(2.)
    """
    return slogdet(x)[1]


# ---- rank ----


@accepts_symbolic
def matrix_rank(x, tol=None):
    """The number of singular values above a tolerance, int32.

    Args:
        x: matrices, shape (..., m, n).
        tol: number; by default max(m, n) times the largest singular value and the resolution of the dtype.

    Raises:
        ValueError: when `x` has less than two axes.

    Example:
        >>> matrix_rank(np.array([[1.0, 2.0], [2.0, 4.0]]))
        array(1, dtype=int32)
    """
    x = as_matrices(x)
    require_matrices("matrix_rank", x)
    values = svd(x, compute_uv=False)
    if tol is None:
        resolution = max(shape_of(x)[-2:]) * float(np.finfo(dtype_of(x)).eps)
        tol = ew.multiply(reduce.max(values, axis=-1, keepdims=True), resolution)
    return reduce.sum(ew.cast(logic.greater(values, tol), "int32"), axis=-1)
