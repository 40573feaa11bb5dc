"""Matrix products: `matmul`, and what a dense layer computes (`linear`).

Letters: m rows of the result, n its columns, k what is summed over. Gradients follow from
d(A B) = dA B + A dB, so dA = dy B^T and dB = A^T dy.
"""

import math

import numpy as np

from fastnn.graph import dtypes
from fastnn.graph.row_rules import before_last_axis
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Operators
from fastnn.ops import elementwise as ew
from fastnn.ops.layout import swapaxes
from fastnn.ops.record import Op, Spec, always, as_operand, dtype_of, shape_of, uniform
from fastnn.ops.reduce import sum as reduce_sum
from fastnn.plan.function import as_one_plan

BATCH_DIMS = 3  # of the kernel
_RELU, _EPILOGUE = 7, 8  # where its ints have the flag, and the program's offset


def reshaped(x, shape):
    """`x` in that shape; itself where it has it."""
    return x if tuple(x.shape) == tuple(shape) else Operators.functions["reshape"](x, shape)


def _rows(x):
    """`x` as a matrix of all its rows; a vector is one row."""
    return reshaped(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def in_one_dtype(*xs):
    """The operands in their promoted dtype; products of int8 are summed in int32, as in Keras."""
    xs = tuple([as_operand(x) for x in xs])
    names = tuple([dtype_of(x) for x in xs])
    if names.count(names[0]) == len(names) and names[0] != "int8":
        return xs
    dtype = "int32" if set(names) == {"int8"} else dtypes.promote(names)
    return tuple(x if name == dtype else ew.cast(x, dtype) for x, name in zip(xs, names, strict=True))


def _gemm_ints(m, n, k, a_strides, b_strides, batch=(), column_sum=False):
    """The kernel's integers; `batch` is (size, stride of A, stride of B) for each dimension, outermost first."""
    dims = [(1, 0, 0)] * (BATCH_DIMS - len(batch)) + list(batch)
    return [m, n, k, *a_strides, *b_strides, 0, 0, int(column_sum), *(number for dim in dims for number in dim)]


# ---- matmul: (..., m, k) @ (..., k, n) ----


def _matmul_sizes(a, b, transpose_a, transpose_b):
    """m, n, k and the batch shape of a product; raises when the operands do not fit."""
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"matmul: operands need at least two dimensions, not shapes {a} and {b}.")
    m, k = (a[-1], a[-2]) if transpose_a else (a[-2], a[-1])
    rows, n = (b[-1], b[-2]) if transpose_b else (b[-2], b[-1])
    if k != rows:
        raise ValueError(f"matmul: shapes {a} and {b} do not fit: a row of the first has {k} elements, a column of the "
                         f"second {rows} (transposed: {transpose_a}, {transpose_b}).")  # fmt: skip
    try:
        return m, n, k, np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ValueError(f"matmul: the batches {a[:-2]} and {b[:-2]} of shapes {a} and {b} do not broadcast.") from None


def _matmul_shape(a, b, transpose_a=False, transpose_b=False):
    m, n, _, batch = _matmul_sizes(a.shape, b.shape, transpose_a, transpose_b)
    return Spec((*batch, m, n), a.dtype)


def _matmul_reference(a, b, transpose_a=False, transpose_b=False):
    return np.matmul(a.swapaxes(-1, -2) if transpose_a else a, b.swapaxes(-1, -2) if transpose_b else b)


def unbroadcast(dx, shape):
    """Sums `dx` over the batch dimensions along which an operand of `shape` was broadcast."""
    lead = dx.ndim - len(shape)
    axes = [*range(lead), *(k + lead for k, size in enumerate(shape) if size == 1 and dx.shape[k + lead] != 1)]
    return reshaped(reduce_sum(dx, axis=tuple(axes)), shape) if axes else dx


def _matmul_grad(dy, y, a, b, transpose_a=False, transpose_b=False):
    """dA = dy B^T and dB = A^T dy; for a transposed operand the same, transposed. The gradient of one that a transpose
    made is a transpose, too: its own gradient undoes that."""
    of_a, of_b = _swapped(a), _swapped(b)
    if of_a is not None or of_b is not None:
        flag_a, flag_b = transpose_a == (of_a is None), transpose_b == (of_b is None)
        da, db = _matmul_grad(dy, y, a if of_a is None else of_a, b if of_b is None else of_b, flag_a, flag_b)
        return da if of_a is None else swapaxes(da, -1, -2), db if of_b is None else swapaxes(db, -1, -2)
    if b.ndim == 2 and a.ndim > 2 and not transpose_a:  # one product of all rows, not a sum of many
        rows = _rows(a)
        da, db = _matmul_grad(_rows(dy), None, rows, b, False, transpose_b)
        return reshaped(da, a.shape), db
    if transpose_a:
        da = matmul_op(b, dy, transpose_a=transpose_b, transpose_b=True)
    else:
        da = matmul_op(dy, b, transpose_a=False, transpose_b=not transpose_b)
    if transpose_b:
        db = matmul_op(dy, a, transpose_a=True, transpose_b=transpose_a)
    else:
        db = matmul_op(a, dy, transpose_a=not transpose_a, transpose_b=False)
    return unbroadcast(da, a.shape), unbroadcast(db, b.shape)


def _batch_dims(a, b, batch, a_size, b_size):
    """The batch as (size, stride of A, stride of B) with neighbours merged where both go on evenly."""
    dims = []
    for axis in reversed(range(len(batch))):
        from_end = axis - len(batch)
        present_a = -from_end <= len(a) and a[from_end] != 1
        present_b = -from_end <= len(b) and b[from_end] != 1
        if batch[axis] != 1:
            dims.insert(0, (batch[axis], a_size * present_a, b_size * present_b))
        a_size *= a[from_end] if present_a else 1
        b_size *= b[from_end] if present_b else 1
    merged = []
    for size, a_stride, b_stride in dims:
        if merged and merged[-1][1] == size * a_stride and merged[-1][2] == size * b_stride:
            merged[-1] = (merged[-1][0] * size, a_stride, b_stride)
        else:
            merged.append((size, a_stride, b_stride))
    return merged


def _flags(node):
    return node.params.get("transpose_a", False), node.params.get("transpose_b", False)


def _matmul_lower(node, b):
    left, right = node.inputs
    y = node.outputs[0]
    transpose_a, transpose_b = _flags(node)
    m, n, k, batch = _matmul_sizes(left.shape, right.shape, transpose_a, transpose_b)
    dims = _batch_dims(left.shape[:-2], right.shape[:-2], batch, m * k, k * n)
    if dims and dims[-1][1:] == (m * k, 0) and not transpose_a:  # the rows of all batches against one matrix
        m *= dims.pop()[0]
    if b.suffix(y) is None or len(dims) > BATCH_DIMS:
        return False
    a_strides, b_strides = (1, m) if transpose_a else (k, 1), (1, k) if transpose_b else (n, 1)
    ints = _gemm_ints(m, n, k, a_strides, b_strides, dims)
    b.step(f"gemm_{b.suffix(y)}", [left, right, y, None, None], ints, [1.0, 0.0], _EPILOGUE, _RELU)
    return True


def _swapped(x):
    """z, where x is z with its last two axes swapped; else None."""
    node = getattr(x, "node", None)
    if node is None or node.op.name != "transpose":
        return None
    z = node.inputs[0]
    order = tuple(range(z.ndim))
    return z if tuple(node.params["axes"]) == (*order[:-2], *order[:-3:-1]) else None


LONG_DOT = 1024  # a k from which the kernel's dot products are sooner than a sum of what is multiplied


def _of_vectors(node):
    """Many dot products, or many vectors that are multiplied by a number each, as an elementwise pass; else None."""
    a, b = node.inputs
    y = node.outputs[0]
    m, n, k, _ = _matmul_sizes(a.shape, b.shape, *_flags(node))
    if y.dtype not in ("float32", "float64") or 1 in (math.prod(a.shape[:-2]), math.prod(b.shape[:-2])):
        return None
    if m == n == 1 and k < LONG_DOT:
        products = ew.multiply(reshaped(a, (*a.shape[:-2], k)), reshaped(b, (*b.shape[:-2], k)))
        return reshaped(reduce_sum(products, axis=-1), y.shape)
    if k == 1 and 1 in (m, n):
        a, b = reshaped(a, (*a.shape[:-2], m)), reshaped(b, (*b.shape[:-2], n))
        return reshaped(ew.multiply(a, b), y.shape)
    return None


def _matmul_simplify(node):
    """A transpose of the last two axes becomes a flag; products of vectors become elementwise."""
    better = _of_vectors(node)
    if better is not None:
        return better
    flags = _flags(node)
    swapped = [_swapped(x) for x in node.inputs]
    if all(z is None for z in swapped):
        return None
    a, b = (x if z is None else z for x, z in zip(node.inputs, swapped, strict=True))
    flags = [flag == (z is None) for flag, z in zip(flags, swapped, strict=True)]
    return matmul_op(a, b, transpose_a=flags[0], transpose_b=flags[1])


def _matmul_of_steps(node):
    """The sum of A^T B over steps is the product of the rows of all steps."""
    a, b = node.inputs
    if a.ndim != 2 or b.ndim != 2 or not node.params.get("transpose_a") or node.params.get("transpose_b"):
        return None
    return lambda a, b: matmul_op(_rows(a), _rows(b), transpose_a=True, transpose_b=False)


def _matmul_rows(node, axes, _rows):
    """Rows of a batch are rows of A against a B without any, columns of B never, or the batch's matrices."""
    (a, b), (of_a, of_b) = node.inputs, axes
    if of_b is None:
        return math.prod(b.shape[:-2]) == 1 and of_a < a.ndim - (2 if node.params.get("transpose_a") else 1)
    if of_a is None:
        return math.prod(a.shape[:-2]) == 1 and of_b < b.ndim - 2
    return a.ndim == b.ndim and of_a == of_b < a.ndim - 2 and a.shape[of_a] == b.shape[of_b]


_SMALL_PRODUCT = 1 << 9  # elements of a result: a program of its own costs more than a pass over all results


def _takes_epilogue(node):
    """Of many small products each is a unit, but not where a program finishes it."""
    (a, b), y = node.inputs, node.outputs[0]
    is_many = 1 not in (math.prod(a.shape[:-2]), math.prod(b.shape[:-2]))
    return not (is_many and y.shape[-2] * y.shape[-1] <= _SMALL_PRODUCT)


LARGE = 1 << 18  # elements of a gradient: a pass over a variable by itself costs little more than its memory
_NEAR_BYTES = 1 << 19  # of what is multiplied by all rows, or of 32 rows of the gradient: the L2 cache holds both


def _keeps_tile(dw, k):
    """Whether the gradient (m, n) of a kernel, a sum over k, need not be in memory where an update alone reads it.
    Units are whole rows then: of parts of rows, variable and slots would be no streams. What the gradient is made of
    stays until the update, and takes less."""
    (m, n), size = dw.shape, np.dtype(dw.dtype).itemsize
    is_near = k <= 256 and max(k, 32) * n * size <= _NEAR_BYTES
    is_product = dw.dtype in ("float32", "float64")
    return is_product and m * n >= LARGE and m * size >= 1024 and n >= 256 and is_near and k * (m + n) <= m * n


def _matmul_keeps_tile(node):
    (a, b), flags = node.inputs, _flags(node)
    return flags == (True, False) and a.ndim == b.ndim == 2 and _keeps_tile(node.outputs[0], a.shape[0])


matmul_op = Op(
    "matmul",
    shape=_matmul_shape,
    reference=_matmul_reference,
    grad=_matmul_grad,
    lower=_matmul_lower,
    simplify=_matmul_simplify,
    sum_of_steps=_matmul_of_steps,
    epilogue=_takes_epilogue,
    keeps_tile=_matmul_keeps_tile,
    domain=uniform(-1, 1),
    rows=_matmul_rows,
)


@as_one_plan
@accepts_symbolic
def matmul(x1, x2):
    """The matrix product `x1 @ x2`; batch dimensions broadcast.

    Sums of float32 are taken in float32, one chain of fused multiply-adds in ascending k (in fixed blocks when k is
    long and the result small).

    Args:
        x1: array of shape (..., m, k) or (k,).
        x2: array of shape (..., k, n) or (k,). Operands of different dtypes are promoted.

    Returns:
        Array of shape (..., m, n), without the m or n of an operand that is a vector.

    Raises:
        ValueError: when the shapes do not fit, or an operand is a scalar.

    Example:
        >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
        array([[11.]])
    """
    a, b = shape_of(x1), shape_of(x2)
    if not a or not b:
        raise ValueError(f"matmul: a scalar is no matrix; shapes are {a} and {b}. Use multiply.")
    x1, x2 = in_one_dtype(x1, x2)
    if len(a) > 1 and len(b) == 2:
        return linear_op(x1, x2)
    x1 = x1 if len(a) > 1 else Operators.functions["reshape"](x1, (1, a[0]))
    x2 = x2 if len(b) > 1 else Operators.functions["reshape"](x2, (b[0], 1))
    y = matmul_op(x1, x2)
    if len(a) > 1 and len(b) > 1:
        return y
    shape = y.shape[:-1] if len(b) == 1 else (*y.shape[:-2], y.shape[-1])
    return Operators.functions["reshape"](y, shape[:-1] if len(a) == 1 and len(b) == 1 else shape)


# ---- linear: x (..., k) @ kernel (k, n) + bias (n,) ----


def _linear_shape(x, kernel, bias=None):
    if len(kernel.shape) != 2:
        raise ValueError(f"linear: the kernel must have shape (inputs, outputs), not {kernel.shape}.")
    if not x.shape or x.shape[-1] != kernel.shape[0]:
        raise ValueError(f"linear: the last axis of the input (shape {x.shape}) must be {kernel.shape[0]}, the first "
                         f"of the kernel (shape {kernel.shape}).")  # fmt: skip
    if bias is not None and bias.shape != kernel.shape[1:]:
        raise ValueError(f"linear: the bias has shape {bias.shape}, the kernel's outputs need {kernel.shape[1:]}.")
    return Spec((*x.shape[:-1], kernel.shape[1]), x.dtype)


def _linear_reference(x, kernel, bias=None):
    return np.matmul(x, kernel) + (0 if bias is None else bias)


def kernel_and_bias(gradients, dy):
    """The gradients of a kernel and of its bias, each made when it is asked for, in that order: `gradients` makes both,
    but that of the bias of a frozen kernel is a sum of dy."""
    made = []

    def of_kernel():
        made.extend(gradients())
        return made[0]

    return of_kernel, lambda: made[1] if made else reduce_sum(dy, axis=tuple(range(dy.ndim - 1)))


def _linear_grad(dy, y, x, kernel, bias=None):
    """dx = dy W^T. dW = x^T dy and db = the sum of dy over all rows come from one kernel."""
    if bias is None and x.ndim == 2:
        return _matmul_grad(dy, y, x, kernel)
    dx = matmul_op(dy if dy.ndim > 1 else _rows(dy), kernel, transpose_a=False, transpose_b=True)
    if bias is not None:
        return (reshaped(dx, x.shape), *kernel_and_bias(lambda: linear_grad_kernel_op(x, dy), dy))
    return reshaped(dx, x.shape), _matmul_grad(_rows(dy), y, _rows(x), kernel)[1]


def _linear_simplify(node):
    """A transposed operand is read as it lies."""
    x, kernel, *bias = node.inputs
    if bias or x.ndim < 2 or (_swapped(kernel) is None and (x.ndim > 2 or _swapped(x) is None)):
        return None
    return matmul_op(x, kernel, transpose_a=False, transpose_b=False)


def _linear_lower(node, b):
    x, kernel, *bias = node.inputs
    y = node.outputs[0]
    if b.suffix(y) is None:
        return False
    k, n = kernel.shape[-2:]  # (1, 1, k, n) of a convolution
    ints = _gemm_ints(math.prod(x.shape[:-1]), n, k, (k, 1), (n, 1))
    buffers = [x, kernel, y, bias[0] if bias else None, None]
    b.step(f"gemm_{b.suffix(y)}", buffers, ints, [1.0, 0.0], _EPILOGUE, _RELU)
    return True


linear_op = Op(
    "linear",
    shape=_linear_shape,
    reference=_linear_reference,
    grad=_linear_grad,
    lower=_linear_lower,
    simplify=_linear_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
    rows=before_last_axis,
)


def linear(x, kernel, bias=None):
    """`x @ kernel + bias` on the last axis: what a dense layer computes.

    Args:
        x: array of shape (..., k).
        kernel: array of shape (k, n).
        bias: array of shape (n,) or None.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> linear(np.ones((1, 2)), np.ones((2, 3)), np.array([0.0, 1.0, 2.0]))
        array([[2., 3., 4.]])
    """
    return linear_op(*in_one_dtype(x, kernel, *(() if bias is None else (bias,))))


# ---- linear_grad_kernel: x (..., k), dy (..., n) -> dw (k, n), db (n,) ----


def _linear_grad_kernel_shape(x, dy):
    if x.shape[:-1] != dy.shape[:-1]:
        raise ValueError(f"linear_grad_kernel: the rows of x (shape {x.shape}) and dy (shape {dy.shape}) differ.")
    return Spec((x.shape[-1], dy.shape[-1]), dy.dtype), Spec(dy.shape[-1:], dy.dtype)


def _linear_grad_kernel_reference(x, dy):
    rows, dy_rows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return rows.T @ dy_rows, dy_rows.sum(0)


def _linear_grad_kernel_grad(gradients, outputs, x, dy):
    """With dw = x^T dy and db = sum dy: the gradient by x is dy ddw^T, that by dy is x ddw + ddb."""
    ddw, ddb = gradients
    by_x = by_dy = None
    if ddw is not None:
        by_x = matmul_op(dy if dy.ndim > 1 else _rows(dy), ddw, transpose_a=False, transpose_b=True)
        by_x = reshaped(by_x, x.shape)
        by_dy = linear_op(x, ddw) if ddb is None else linear_op(x, ddw, ddb)
    elif ddb is not None:
        by_dy = Operators.functions["broadcast_to"](ddb, dy.shape)
    return by_x, by_dy


def _linear_grad_kernel_lower(node, b):
    x, dy = node.inputs
    dw, db = node.outputs
    if b.suffix(dw) is None:
        return False
    m, n, k = x.shape[-1], dy.shape[-1], math.prod(x.shape[:-1])
    ints = _gemm_ints(m, n, k, (1, m), (n, 1), column_sum=True)
    b.step(f"gemm_{b.suffix(dw)}", [x, dy, dw, None, db], ints, [1.0, 0.0], epilogue_at=_EPILOGUE)
    return True


linear_grad_kernel_op = Op(
    "linear_grad_kernel",
    shape=_linear_grad_kernel_shape,
    reference=_linear_grad_kernel_reference,
    grad=_linear_grad_kernel_grad,
    lower=_linear_grad_kernel_lower,
    sum_of_steps=lambda node: linear_grad_kernel_op,
    epilogue=always,
    keeps_tile=lambda node: _keeps_tile(node.outputs[0], math.prod(node.inputs[0].shape[:-1])),
    domain=uniform(-1, 1),
)
