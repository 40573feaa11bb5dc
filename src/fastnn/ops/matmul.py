"""Matrix products: `matmul`, what a dense layer computes (`linear`), and every contraction that is made of them.

Letters: m rows of the result, n its columns, k what is summed over. Gradients follow from
d(A B) = dA B + A dB, so dA = dy B^T and dB = A^T dy.
"""

import math

import numpy as np

from fastnn.graph import dtypes
from fastnn.graph.rows import before_last_axis
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Operators
from fastnn.ops import elementwise as ew
from fastnn.ops.layout import swapaxes
from fastnn.ops.record import Op, Spec, always, as_array, dtype_of, shape_of, uniform
from fastnn.ops.reduce import sum as reduce_sum
from fastnn.plan.function import as_one_plan

BATCH_DIMS = 3  # of the kernel
_RELU, _EPILOGUE = 7, 8  # where its ints have the flag, and the program's offset


def _reshape(x, shape):
    return x if tuple(x.shape) == tuple(shape) else Operators.functions["reshape"](x, shape)


def _rows(x):
    """`x` as a matrix of all its rows; a vector is one row."""
    return _reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _transpose(x, axes):
    return x if tuple(axes) == tuple(range(len(axes))) else Operators.functions["transpose"](x, axes)


def in_one_dtype(*xs):
    """The operands in their promoted dtype; products of int8 are summed in int32, as in Keras."""
    xs = tuple([x if hasattr(x, "shape") else as_array(x) for x in xs])
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
    return _reshape(reduce_sum(dx, axis=tuple(axes)), shape) if axes else dx


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
        return _reshape(da, a.shape), db
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
        products = ew.multiply(_reshape(a, (*a.shape[:-2], k)), _reshape(b, (*b.shape[:-2], k)))
        return _reshape(reduce_sum(products, axis=-1), y.shape)
    if k == 1 and 1 in (m, n):
        a, b = _reshape(a, (*a.shape[:-2], m)), _reshape(b, (*b.shape[:-2], n))
        return _reshape(ew.multiply(a, b), y.shape)
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


def _linear_grad(dy, y, x, kernel, bias=None):
    """dx = dy W^T. dW = x^T dy and db = the sum of dy over all rows come from one kernel."""
    if bias is None and x.ndim == 2:
        return _matmul_grad(dy, y, x, kernel)
    dx = matmul_op(dy if dy.ndim > 1 else _rows(dy), kernel, transpose_a=False, transpose_b=True)
    if bias is not None:
        return (_reshape(dx, x.shape), *linear_grad_kernel_op(x, dy))
    return _reshape(dx, x.shape), _matmul_grad(_rows(dy), y, _rows(x), kernel)[1]


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
        by_x = _reshape(by_x, x.shape)
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


# ---- what is made of them ----


@as_one_plan
@accepts_symbolic
def dot(x1, x2):
    """The dot product: over the last axis of `x1` and the last but one of `x2` (its only one, if it is a vector).

    Args:
        x1: array; a scalar multiplies.
        x2: array; a scalar multiplies.

    Raises:
        ValueError: when the axes have different sizes.

    Example:
        >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        array(11.)
    """
    a, b = shape_of(x1), shape_of(x2)
    if not a or not b:
        return ew.multiply(x1, x2)
    return tensordot(x1, x2, axes=([len(a) - 1], [max(len(b) - 2, 0)]))


@as_one_plan
@accepts_symbolic
def inner(x1, x2):
    """The inner product over the last axes.

    Example:
        >>> inner(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        array(11.)
    """
    a, b = shape_of(x1), shape_of(x2)
    if not a or not b:
        return ew.multiply(x1, x2)
    return tensordot(x1, x2, axes=([len(a) - 1], [len(b) - 1]))


@as_one_plan
@accepts_symbolic
def vdot(x1, x2):
    """The dot product of both arrays as vectors.

    Example:
        >>> vdot(np.ones((2, 2)), np.full((2, 2), 3.0))
        array(12.)
    """
    return dot(*(Operators.functions["reshape"](x, (math.prod(shape_of(x)),)) for x in (x1, x2)))


@as_one_plan
@accepts_symbolic
def outer(x1, x2):
    """The outer product of both arrays as vectors, of shape (size of x1, size of x2).

    Example:
        >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        array([[3., 4.],
               [6., 8.]])
    """
    reshape = Operators.functions["reshape"]
    m, n = math.prod(shape_of(x1)), math.prod(shape_of(x2))
    return ew.multiply(reshape(x1, (m, 1)), reshape(x2, (1, n)))


@as_one_plan
@accepts_symbolic
def tensordot(x1, x2, axes=2):
    """The sum of products over pairs of axes.

    Args:
        x1: array.
        x2: array.
        axes: a number of axes, the last of `x1` with the first of `x2`; or a pair of axes, or of lists of axes.

    Returns:
        Array whose shape is the other axes of `x1`, then those of `x2`.

    Raises:
        ValueError: when paired axes have different sizes.

    Example:
        >>> tensordot(np.ones((2, 3)), np.ones((3, 4)), axes=1).shape
        (2, 4)
    """
    x1, x2 = in_one_dtype(x1, x2)
    a, b = shape_of(x1), shape_of(x2)
    if isinstance(axes, int):
        axes = (list(range(len(a) - axes, len(a))), list(range(axes)))
    first, second = ([k] if isinstance(k, int) else list(k) for k in axes)
    first, second = [k % len(a) for k in first], [k % len(b) for k in second]
    if [a[k] for k in first] != [b[k] for k in second]:
        raise ValueError(f"tensordot: axes {first} of shape {a} and {second} of shape {b} have different sizes.")
    free_a = [k for k in range(len(a)) if k not in first]
    free_b = [k for k in range(len(b)) if k not in second]
    k = math.prod(a[axis] for axis in first)
    rows = _transpose(x1, free_a + first)
    cols = _transpose(x2, second + free_b)
    m, n = math.prod(a[axis] for axis in free_a), math.prod(b[axis] for axis in free_b)
    y = linear_op(_reshape(rows, (m, k)), _reshape(cols, (k, n)))
    return _reshape(y, (*(a[axis] for axis in free_a), *(b[axis] for axis in free_b)))


@as_one_plan
@accepts_symbolic
def einsum(subscripts, *operands, **kwargs):
    """The sum of products that Einstein's notation describes.

    Two operands at a time, from the left, become one batched matrix product; what appears in one operand only is
    summed before.

    Args:
        subscripts: such as "ij,jk->ik": a letter for each axis, "..." for axes that broadcast, and the letters of the
            result; without "->" those that appear once, in alphabetical order.
        operands: arrays.
        kwargs: accepted for NumPy's signature; `optimize` has no effect.

    Raises:
        ValueError: when the letters do not fit the operands.

    Example:
        >>> einsum("bij,bjk->bik", np.ones((2, 3, 4)), np.ones((2, 4, 5))).shape
        (2, 3, 5)
    """
    operands = in_one_dtype(*operands)
    terms, output = _parse_einsum(subscripts, [shape_of(x) for x in operands])
    labelled = [_without_repeats(x, term) for x, term in zip(operands, terms, strict=True)]
    x, term = labelled[0]
    for k, (other, other_term) in enumerate(labelled[1:], 1):
        later = set(output).union(*(t for _, t in labelled[k + 1 :]))
        x, term = _contract(x, term, other, other_term, later)
    x, term = _sum_away(x, term, set(output))
    return _transpose(x, [term.index(label) for label in output])


def _parse_einsum(subscripts, shapes):
    """The labels of each operand and of the result; axes under "..." have labels from "0" on, counted from the end."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, {len(shapes)} were given.")
    widest = 0
    expanded = []
    for term, shape in zip(terms, shapes, strict=True):
        hidden = len(shape) - len(term.replace("...", ""))
        if hidden < 0 or (hidden and "..." not in term):
            raise ValueError(f"einsum: {term!r} of {subscripts!r} does not fit an operand of shape {shape}.")
        widest = max(widest, hidden)
        expanded.append(term.replace("...", "".join(chr(ord("0") + k) for k in reversed(range(hidden)))))
    hidden = "".join(chr(ord("0") + k) for k in reversed(range(widest)))
    if not arrow:
        letters = "".join(term.replace("...", "") for term in terms)
        output = "..." * bool(widest) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    output = output.replace("...", hidden)
    sizes = {}
    for term, shape in zip(expanded, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            if sizes.setdefault(label, size) not in (size, 1) and size != 1:
                raise ValueError(f"einsum: {label!r} is {sizes[label]} and {size} in {subscripts!r}, shapes {shapes}.")
            sizes[label] = max(sizes[label], size)
    if len(set(output)) < len(output) or set(output) - set(sizes):
        raise ValueError(f"einsum: the result {output!r} of {subscripts!r} must use labels of the operands, once each.")
    return expanded, output


def _without_repeats(x, term):
    """Takes the diagonal for a label that appears twice: the product with the identity, summed over one of them."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            first, last = term.index(label), term.rindex(label)
            size = shape_of(x)[first]
            shape = [size if k in (first, last) else 1 for k in range(len(term))]
            x = reduce_sum(ew.multiply(x, np.eye(size, dtype=dtype_of(x)).reshape(shape)), axis=last)
            term = term[:last] + term[last + 1 :]
    return x, term


def _sum_away(x, term, kept):
    """Sums over the labels that nothing else needs."""
    axes = tuple(k for k, label in enumerate(term) if label not in kept)
    return (reduce_sum(x, axis=axes), "".join(c for c in term if c in kept)) if axes else (x, term)


def _contract(x, term, other, other_term, later):
    """One batched product of two operands; the result's labels are those of `later`."""
    x, term = _sum_away(x, term, later | set(other_term))
    other, other_term = _sum_away(other, other_term, later | set(term))
    sizes = dict(zip(other_term, shape_of(other), strict=True))
    # An axis of size 1 that broadcasts against a longer one is no axis of its operand.
    x, term = _drop_ones(x, term, sizes)
    other, other_term = _drop_ones(other, other_term, dict(zip(term, shape_of(x), strict=True)))
    sizes = dict(zip(other_term, shape_of(other), strict=True)) | dict(zip(term, shape_of(x), strict=True))
    batch = [c for c in term if c in other_term and c in later]
    summed = [c for c in term if c in other_term and c not in later]
    rows = [c for c in term if c not in other_term]
    cols = [c for c in other_term if c not in term]

    def product_of(labels):
        return math.prod(sizes[c] for c in labels)

    # Where an operand already lies as (batch, summed, rows) it is read transposed and not moved.
    transpose_a = term == "".join(batch + summed + rows) and term != "".join(batch + rows + summed)
    transpose_b = other_term == "".join(batch + cols + summed) and other_term != "".join(batch + summed + cols)
    a_order = batch + (summed + rows if transpose_a else rows + summed)
    b_order = batch + (cols + summed if transpose_b else summed + cols)
    a = _transpose(x, [term.index(c) for c in a_order])
    b = _transpose(other, [other_term.index(c) for c in b_order])
    z, m, k, n = product_of(batch), product_of(rows), product_of(summed), product_of(cols)
    a = _reshape(a, (z, k, m) if transpose_a else (z, m, k))
    b = _reshape(b, (z, n, k) if transpose_b else (z, k, n))
    y = matmul_op(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    labels = "".join(batch + rows + cols)
    return _reshape(y, tuple(sizes[c] for c in labels)), labels


def _drop_ones(x, term, other_sizes):
    keep = [k for k, c in enumerate(term) if not (shape_of(x)[k] == 1 and other_sizes.get(c, 1) != 1)]
    return _reshape(x, tuple(shape_of(x)[k] for k in keep)), "".join(term[k] for k in keep)
