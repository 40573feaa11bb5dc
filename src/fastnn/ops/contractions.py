"""Contractions: sums of products over any axes, each of them matrix products."""

import math

import numpy as np

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Operators
from fastnn.ops import elementwise as ew
from fastnn.ops.matmul import in_one_dtype, linear_op, matmul_op, reshaped
from fastnn.ops.record import dtype_of, shape_of
from fastnn.ops.reduce import sum as reduce_sum
from fastnn.plan.function import as_one_plan


def _transpose(x, axes):
    return x if tuple(axes) == tuple(range(len(axes))) else Operators.functions["transpose"](x, axes)


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
    y = linear_op(reshaped(rows, (m, k)), reshaped(cols, (k, n)))
    return reshaped(y, (*(a[axis] for axis in free_a), *(b[axis] for axis in free_b)))


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
    a = reshaped(a, (z, k, m) if transpose_a else (z, m, k))
    b = reshaped(b, (z, n, k) if transpose_b else (z, k, n))
    y = matmul_op(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    labels = "".join(batch + rows + cols)
    return reshaped(y, tuple(sizes[c] for c in labels)), labels


def _drop_ones(x, term, other_sizes):
    keep = [k for k, c in enumerate(term) if not (shape_of(x)[k] == 1 and other_sizes.get(c, 1) != 1)]
    return reshaped(x, tuple(shape_of(x)[k] for k in keep)), "".join(term[k] for k in keep)
