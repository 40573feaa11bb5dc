"""Factorizations of matrices: Cholesky, QR, LU, eigenvalues, singular values. They run on LAPACK, through NumPy, but
for Cholesky, QR and LU factors, whose kernels are in `_kernels/linalg.c`.

Arrays are batches of matrices, shape (..., m, n); k = min(m, n). Each gradient follows from differentiating the
product that the factors make, and names its source where the derivation is long.
"""

import numpy as np

from fastnn._kernels import DTYPE_CODE
from fastnn.graph.dtypes import as_float
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.creation import tril, triu
from fastnn.ops.elementwise import quiet
from fastnn.ops.gather import take_along_axis
from fastnn.ops.layout import expand_dims, swapaxes
from fastnn.ops.matmul import matmul
from fastnn.ops.record import REGISTRY, Op, Spec, as_operand, dtype_of
from fastnn.ops.sorting import argsort
from fastnn.plan.function import is_watched


def as_matrices(x):
    """`x` as floats (or complex numbers): what LAPACK computes with."""
    if type(x) is np.ndarray and x.dtype.char in "fd":
        return x
    x = as_operand(x)
    return ew.cast(x, as_float(dtype_of(x)))


def require_matrices(name: str, x, is_square: bool = False) -> None:
    """Raises ValueError unless `x` has two axes or more, the last two equal if they must be."""
    if len(x.shape) < 2:
        raise ValueError(f"{name}: expected an array of at least two dimensions, got shape {x.shape}.")
    if is_square and x.shape[-1] != x.shape[-2]:
        raise ValueError(f"{name}: expected square matrices, got shape {x.shape}.")


def square_spec(name: str):
    """A shape rule: square matrices in, the same out."""

    def shape(x, **_):
        require_matrices(name, x, is_square=True)
        return x

    return shape


MOST_ROWS = 1536  # of matrices that have kernels: of 2,000 LAPACK's LU factors take 0.8 of the time with AVX2


def has_kernel_for(b, y, rows: int | None = None) -> bool:
    """Whether there is one for matrices of `rows`, of those of the result `y` if none."""
    return b.suffix(y) is not None and y.size > 0 and (y.shape[-2] if rows is None else rows) <= MOST_ROWS


def transposed(x):
    return swapaxes(x, -1, -2)


def symmetric(x):
    """The symmetric part of `x`, the Hermitian one of complex matrices."""
    return ew.multiply(ew.add(x, REGISTRY["conj"](transposed(x))), 0.5)


def scaled_columns(x, scale):
    """`x` (..., m, n) with column j multiplied by `scale[..., j]`."""
    return ew.multiply(x, expand_dims(scale, -2))


def _identity_like(x, n: int):
    return np.eye(n, dtype=dtype_of(x))


def _half_lower(x):
    """The lower triangle of `x` with half of its diagonal."""
    return ew.subtract(tril(x), ew.multiply(ew.multiply(x, _identity_like(x, x.shape[-1])), 0.5))


def _differences(values):
    """1 / (values_j - values_i), and 0 on the diagonal."""
    gaps = ew.subtract(expand_dims(values, -2), expand_dims(values, -1))
    is_diagonal = np.eye(values.shape[-1], dtype=bool)
    return logic.where(is_diagonal, 0, ew.reciprocal(logic.where(is_diagonal, 1, gaps)))


# ---- Cholesky: x = L L^T ----


def _cholesky_reference(x, upper):
    symmetrised = x + x.swapaxes(-1, -2).conj()
    symmetrised *= 0.5  # where it is: another array takes longer than the product
    try:
        factor = np.linalg.cholesky(symmetrised)
    except np.linalg.LinAlgError as error:
        raise ValueError(f"cholesky: decomposition failed, of shape {x.shape}: {error}.") from None
    return factor.swapaxes(-1, -2).conj() if upper else factor


def _cholesky_grad(dy, y, x, upper):
    """dx = L^-T P(L^T dL) L^-1, symmetrised, where P keeps the lower triangle and halves the diagonal (Murray 2016,
    "Differentiation of the Cholesky decomposition", eq. 10)."""
    factor, d_factor = (transposed(y), transposed(dy)) if upper else (y, dy)
    inner = _half_lower(matmul(transposed(factor), tril(d_factor)))
    solve = REGISTRY["solve"]
    left = solve(transposed(factor), inner)  # L^-T inner
    return symmetric(transposed(solve(transposed(factor), transposed(left))))


def _cholesky_lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    if not has_kernel_for(b, y):
        return False
    n = x.shape[-1]
    b.step("cholesky", [x, y], [x.size // n**2, n, DTYPE_CODE[x.dtype], node.params["upper"]])
    return None


cholesky_op = Op(
    "cholesky", shape=square_spec("cholesky"), reference=_cholesky_reference, grad=_cholesky_grad,
    lower=_cholesky_lower,
)  # fmt: skip


def cholesky(x, upper=False):
    """The Cholesky factor of symmetric positive definite matrices.

    Args:
        x: matrices, shape (..., n, n); of those that are not symmetric, the symmetric part counts.
        upper: whether the result is U with `x = U^T U` instead of L with `x = L L^T`.

    Returns:
        Triangular matrices of the shape of `x`.

    Raises:
        ValueError: when `x` is not square, or not positive definite.

    Example:
        >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
        array([[2., 0.],
               [1., 2.]])
    """
    return cholesky_op(as_matrices(x), upper=bool(upper))


# ---- QR: x = Q R ----

MOST_FACTORED = 1 << 16  # rows or columns: the kernel has memory for 48 columns more, in float64


def _qr_shape(x, mode):
    require_matrices("qr", x)
    *batch, m, n = x.shape
    k = m if mode == "complete" else min(m, n)
    return Spec((*batch, m, k), x.dtype), Spec((*batch, k, n), x.dtype)


def _qr_grad(dy, y, x, mode):
    """dx = (dQ + Q copyltu(R dR^T - dQ^T Q)) R^-T, where copyltu mirrors the strict lower triangle upward (Walter and
    Lehmann 2018, "Algorithmic differentiation of linear algebra functions", section 4.6)."""
    (m, n), (q, r) = x.shape[-2:], y
    if m < n or (mode == "complete" and m > n):
        raise NotImplementedError(
            f"qr: there is a gradient for tall reduced factors only, not for {mode} of {x.shape}."
        )
    dq, dr = (np.zeros(z.shape, z.dtype) if d is None else d for d, z in zip(dy, y, strict=True))
    inner = ew.subtract(matmul(r, transposed(dr)), matmul(transposed(dq), q))
    mirrored = ew.add(tril(inner), transposed(tril(inner, -1)))
    right = ew.add(dq, matmul(q, mirrored))
    return transposed(REGISTRY["solve"](r, transposed(right)))


def _qr_lower(node, b):
    x, (q, r) = node.inputs[0], node.outputs
    m, n = x.shape[-2:]
    if not has_kernel_for(b, x, min(m, n)) or max(m, n) > MOST_FACTORED:
        return False
    b.step("qr", [x, q, r], [x.size // (m * n), m, n, DTYPE_CODE[x.dtype], q.shape[-1]])
    return None


qr_op = Op(
    "qr", shape=_qr_shape, reference=lambda x, mode: tuple(np.linalg.qr(x, mode=mode)), grad=_qr_grad, lower=_qr_lower,
)  # fmt: skip


def qr(x, mode="reduced"):
    """Orthogonal columns Q and an upper triangle R with `x = Q R`.

    Args:
        x: matrices, shape (..., m, n).
        mode: "reduced", Q of shape (..., m, k) and R of (..., k, n) with k = min(m, n); or "complete", k = m.

    Raises:
        ValueError: for another mode.
        NotImplementedError: when a gradient is asked for that does not exist in this form: m < n, or "complete" with
            m > n.

    Example:
        >>> q, r = qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
        >>> np.allclose(q @ r, [[3.0, 1.0], [4.0, 2.0]])
        True
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode {mode!r} is neither 'reduced' nor 'complete'.")
    return qr_op(as_matrices(x), mode=mode)


# ---- LU: P x = L U ----


def _lu_shape(x):
    require_matrices("lu_factor", x)
    return x, Spec((*x.shape[:-2], min(x.shape[-2:])), "int32")


_LU_COLUMNS = 32  # that are eliminated one by one before their product changes those behind them


def _lu_reference(x):
    """Gaussian elimination with the largest element of the column as the pivot, all matrices at once, by blocks of
    columns."""
    lu = x.reshape(-1, *x.shape[-2:]).copy()
    which = np.arange(len(lu))
    steps = min(x.shape[-2:])
    pivots = np.zeros((len(lu), steps), np.int32)
    for k in range(steps):
        p = pivots[:, k] = k + np.argmax(np.abs(lu[:, k:, k]), axis=1)
        lu[which, k], lu[which, p] = lu[which, p], lu[which, k]
        pivot = lu[:, k, k, None]
        lu[:, k + 1 :, k] /= np.where(pivot == 0, 1, pivot)  # as LAPACK: what is below a 0 is 0
        begin = k - k % _LU_COLUMNS
        end = begin + _LU_COLUMNS
        lu[:, k + 1 :, k + 1 : end] -= lu[:, k + 1 :, k, None] * lu[:, k, None, k + 1 : end]
        if k + 1 in (end, steps):
            rows = lu[:, begin : k + 1, end:]
            for i in range(1, rows.shape[1]):
                rows[:, i] -= (lu[:, begin + i, None, begin : begin + i] @ rows[:, :i])[:, 0]
            lu[:, k + 1 :, end:] -= lu[:, k + 1 :, begin : k + 1] @ rows
    return lu.reshape(x.shape), pivots.reshape(*x.shape[:-2], steps)


def _permutation_reference(pivots, rows):
    order = np.broadcast_to(np.arange(rows, dtype=np.int32), (*pivots.shape[:-1], rows)).copy()
    for k in range(pivots.shape[-1]):
        p = pivots[..., k, None].astype(np.int64)
        order_p, order_k = np.take_along_axis(order, p, -1), order[..., k, None].copy()
        np.put_along_axis(order, p, order_k, -1)
        order[..., k] = order_p[..., 0]
    return order


# Row k of P x is row permutation[k] of x.
permutation_op = Op(
    "lu_permutation",
    shape=lambda pivots, rows: Spec((*pivots.shape[:-1], rows), "int32"),
    reference=_permutation_reference,
)


def _lu_grad(dy, y, x):
    """dx = P^T L^-T (strict_lower(L^T dL) + upper(dU U^T)) U^-T for square matrices (Walter and Lehmann 2018)."""
    lu, d_lu = y[0], dy[0]
    if x.shape[-1] != x.shape[-2]:
        raise NotImplementedError(f"lu_factor: there is a gradient for square matrices only, not for shape {x.shape}.")
    lower, upper = ew.add(tril(lu, -1), _identity_like(lu, x.shape[-1])), triu(lu)
    inner = ew.add(
        tril(matmul(transposed(lower), tril(d_lu, -1)), -1), triu(matmul(triu(d_lu), transposed(upper)))
    )  # fmt: skip
    solve = REGISTRY["solve"]
    left = solve(transposed(lower), inner)
    permuted = transposed(solve(upper, transposed(left)))
    back = argsort(permutation_op(y[1], rows=x.shape[-2]), axis=-1)
    return take_along_axis(permuted, expand_dims(back, -1), axis=-2)


def _lu_lower(node, b):
    x, (lu, pivots) = node.inputs[0], node.outputs
    if not has_kernel_for(b, lu):
        return False
    m, n = x.shape[-2:]
    b.step("lu_factor", [x, lu, pivots], [x.size // (m * n), m, n, DTYPE_CODE[x.dtype]])
    return None


lu_factor_op = Op("lu_factor", shape=_lu_shape, reference=quiet(_lu_reference), grad=_lu_grad, lower=_lu_lower)


def lu_factor(x):
    """The LU factors of matrices, with partial pivoting.

    Args:
        x: matrices, shape (..., m, n).

    Returns:
        `(lu, pivots)`: the shape of `x`, with U on and above the diagonal and L, whose diagonal is 1, below; and
        int32 of shape (..., k): in step i, row i was exchanged with row `pivots[i]`.

    Example:
        >>> lu_factor(np.array([[1.0, 3.0], [2.0, 4.0]]))
        (array([[2. , 4. ],
               [0.5, 1. ]]), array([1, 1], dtype=int32))
    """
    return lu_factor_op(as_matrices(x))


# ---- eigenvalues ----


def _eig_shape(x):
    require_matrices("eig", x, is_square=True)
    dtype = np.result_type(x.dtype, np.complex64).name
    return Spec(x.shape[:-1], dtype), Spec(x.shape, dtype)


eig_op = Op("eig", shape=_eig_shape, reference=lambda x: tuple(np.linalg.eig(x)))


def eig(x):
    """The eigenvalues and right eigenvectors of square matrices, complex numbers. They have no gradient.

    Args:
        x: matrices, shape (..., n, n).

    Returns:
        `(values, vectors)`, shapes (..., n) and (..., n, n); column j of `vectors` belongs to `values[..., j]`.

    Example:
        >>> values, vectors = eig(np.array([[0.0, 1.0], [-1.0, 0.0]]))
        >>> values
        array([0.+1.j, 0.-1.j])
    """
    return eig_op(as_matrices(x))


def _eigh_shape(x):
    require_matrices("eigh", x, is_square=True)
    return Spec(x.shape[:-1], x.dtype), x


def _eigh_grad(dy, y, x):
    """dx = V (diag(dw) + F o (V^T dV)) V^T, symmetrised, with F_ij = 1 / (w_j - w_i) off the diagonal."""
    (dw, dv), (w, v) = dy, y
    inner = np.zeros(x.shape, x.dtype)
    if dw is not None:
        inner = ew.multiply(_identity_like(v, x.shape[-1]), expand_dims(dw, -1))
    if dv is not None:
        inner = ew.add(inner, ew.multiply(_differences(w), matmul(transposed(v), dv)))
    return symmetric(matmul(matmul(v, inner), transposed(v)))


eigh_op = Op(
    "eigh",
    shape=_eigh_shape,
    reference=lambda x: tuple(np.linalg.eigh((x + x.swapaxes(-1, -2).conj()) / 2)),
    grad=_eigh_grad,
)


def eigh(x):
    """The eigenvalues, from the least, and orthonormal eigenvectors of symmetric matrices.

    Args:
        x: matrices, shape (..., n, n); of those that are not symmetric, the symmetric part counts.

    Returns:
        `(values, vectors)`, shapes (..., n) and (..., n, n); column j of `vectors` belongs to `values[..., j]`. The
        gradient by the vectors is not finite where two values are equal.

    Example:
        >>> values, vectors = eigh(np.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> values
        array([1., 3.])
    """
    return eigh_op(as_matrices(x))


# ---- singular values: x = U diag(s) V^T ----


def _svd_shape(x, full_matrices):
    require_matrices("svd", x)
    *batch, m, n = x.shape
    k = min(m, n)
    left, right = (m, n) if full_matrices else (k, k)
    return Spec((*batch, m, left), x.dtype), Spec((*batch, k), x.dtype), Spec((*batch, right, n), x.dtype)


def _svd_grad(dy, y, x, full_matrices):
    """With s the singular values, F_ij = 1 / (s_j^2 - s_i^2) and A(Z) = Z - Z^T (Townsend 2016, "Differentiating the
    singular value decomposition"):
    dx = U (F o A(U^T dU) S + S F o A(V^T dV) + diag(ds)) V^T + (1 - U U^T) dU S^-1 V^T + U S^-1 dV^T (1 - V V^T).
    The last two terms are there where U, or V, is not square."""
    (du, ds, dvt), (u, s, vt) = dy, y
    *_, m, n = x.shape
    k = min(m, n)
    if ds is not None:
        dx = matmul(scaled_columns(u[..., :k], ds), vt[..., :k, :])
    else:
        dx = np.zeros(x.shape, x.dtype)
    if du is None and dvt is None:
        return dx
    if full_matrices and m != n:
        raise NotImplementedError(f"svd: the vectors of full matrices of shape {x.shape} have no gradient.")
    gaps, inverse = _differences(ew.square(s)), ew.reciprocal(s)
    for d, own, other, is_left in ((du, u, vt, True), (dvt, transposed(vt), transposed(u), False)):
        if d is None:
            continue
        d = d if is_left else transposed(d)
        projected = matmul(transposed(own), d)
        inner = scaled_columns(ew.multiply(gaps, ew.subtract(projected, transposed(projected))), s)
        part = matmul(own, inner)
        if own.shape[-2] > k:
            part = ew.add(part, scaled_columns(ew.subtract(d, matmul(own, projected)), inverse))
        part = matmul(part, other)  # in the shape of x, or of x^T for the right vectors
        dx = ew.add(dx, part if is_left else transposed(part))
    return dx


# Without the vectors, which take twice as long. It has no gradient: that of svd's needs them.
singular_values_op = Op(
    "singular_values",
    shape=lambda x: _svd_shape(x, full_matrices=False)[1],
    reference=lambda x: np.linalg.svd(x, compute_uv=False),
)

svd_op = Op(
    "svd",
    shape=_svd_shape,
    reference=lambda x, full_matrices: tuple(np.linalg.svd(x, full_matrices=full_matrices)),
    grad=_svd_grad,
    lone=(1, singular_values_op),
)


def svd(x, full_matrices=True, compute_uv=True):
    """The singular value decomposition `x = U diag(s) Vh`.

    Args:
        x: matrices, shape (..., m, n); k = min(m, n).
        full_matrices: whether U is (..., m, m) and Vh (..., n, n), or (..., m, k) and (..., k, n).
        compute_uv: whether U and Vh are returned too.

    Returns:
        `(U, s, Vh)`, or `s` alone: shape (..., k), the largest first.

    Raises:
        NotImplementedError: when the gradient of U or Vh is asked for with `full_matrices` of matrices that are not
            square: it does not exist.

    Example:
        >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
        array([4., 3.])
    """
    if not compute_uv:
        if type(x) is np.ndarray and not is_watched():
            return singular_values_op(as_matrices(x))
        return svd_op(as_matrices(x), full_matrices=False)[1]
    return svd_op(as_matrices(x), full_matrices=bool(full_matrices))
