"""Softmax, log-softmax and the cross-entropies.

Records work on the last axis; those of softmax and log-softmax have a parameter `axis` where it is another. The two
fused ones, `softmax_cross_entropy` (targets are probabilities) and `sparse_softmax_cross_entropy` (targets are class
numbers), take logits and give the loss and the probabilities.
A cross-entropy of probabilities that a softmax (or a sigmoid) made just before is computed from its logits, which is
exact where the clipped form is not; `docs/differences.md` says what that changes.
"""

import numpy as np

from fastnn import _kernels, config
from fastnn.graph.dtypes import is_float, is_inexact
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Value
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.layout import expand_dims, moveaxis, reshape, squeeze, transpose
from fastnn.ops.record import Op, Spec, as_operand, dtype_of, shape_of, uniform
from fastnn.ops.reduce import normalize_axes, split_at
from fastnn.plan.function import as_one_plan


def _rows(value) -> list[int]:
    """Rows and columns of `value` seen as a matrix of its last axis."""
    cols = value.shape[-1]
    return [value.size // cols if cols else 0, cols]


def _total(x, axis=-1):
    """The sum over an axis, which stays with size 1."""
    return reduce.sum(x, axis=axis, keepdims=True)


def _lower_rows(node, b):
    """The kernel of the record's name over the rows of its first output."""
    y = node.outputs[0]
    if b.suffix(y) is None or y.size == 0:
        return False
    b.step(f"{node.op.name}_{b.suffix(y)}", [*node.inputs, y], _rows(y))
    return True


def _lower_along_axis(node, b):
    """The kernel of rows, or that of columns where there is something inside the axis."""
    y = node.outputs[0]
    axis = node.params.get("axis", y.ndim - 1)
    if b.suffix(y) is None or y.size == 0:
        return False
    outer, rows, inner = split_at(y.shape, axis)
    kernel, ints = (node.op.name, [outer, rows]) if inner == 1 else (f"{node.op.name}_columns", [outer, rows, inner])
    b.step(f"{kernel}_{b.suffix(y)}", [*node.inputs, y], ints)
    return True


def _before_axis(node, axes, _rows) -> bool:
    """The rule of rows (`graph.rows`): those that lie along an axis outside of the op's."""
    return axes[0] < node.params.get("axis", node.inputs[0].ndim - 1)


# ---- softmax ----


def _softmax_reference(x, axis=-1):
    if x.size == 0:
        return x.copy()
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


softmax_op = Op(
    "softmax",
    shape=lambda x, axis=-1: x,
    reference=_softmax_reference,
    grad=lambda dy, y, x, **axis: softmax_grad_op(dy, y, **axis),
    lower=_lower_along_axis,
    inplace=True,
    domain=uniform(-3, 3),
    rows=_before_axis,
)


def _softmax_grad_grad(g, dx, dy, y, **axis):
    along_dy, along_g = _total(ew.multiply(dy, y), **axis), _total(ew.multiply(g, y), **axis)
    by_y = ew.subtract(ew.multiply(g, ew.subtract(dy, along_dy)), ew.multiply(along_g, dy))
    return softmax_grad_op(g, y, **axis), by_y


# dx = y (dy - sum(dy y))
softmax_grad_op = Op(
    "softmax_grad",
    shape=lambda dy, y, axis=-1: y,
    reference=lambda dy, y, axis=-1: y * (dy - np.sum(dy * y, axis=axis, keepdims=True)),
    grad=_softmax_grad_grad,
    lower=_lower_along_axis,
    inplace=True,
    domain=uniform(-3, 3),
)


def _log_softmax_reference(x, axis=-1):
    if x.size == 0:
        return x.copy()
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


log_softmax_op = Op(
    "log_softmax",
    shape=lambda x, axis=-1: x,
    reference=_log_softmax_reference,
    grad=lambda dy, y, x, **axis: log_softmax_grad_op(dy, y, **axis),
    lower=_lower_along_axis,
    inplace=True,
    domain=uniform(-3, 3),
    rows=_before_axis,
)


def _log_softmax_grad_grad(g, dx, dy, y, **axis):
    gp = ew.multiply(g, ew.exp(y))
    return ew.subtract(g, _total(gp, **axis)), ew.negative(ew.multiply(gp, _total(dy, **axis)))


# dx = dy - exp(y) sum(dy)
log_softmax_grad_op = Op(
    "log_softmax_grad",
    shape=lambda dy, y, axis=-1: y,
    reference=lambda dy, y, axis=-1: dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True),
    grad=_log_softmax_grad_grad,
    lower=_lower_along_axis,
    inplace=True,
    domain=uniform(-3, 3),
)


def _over_axes(op, x, axis):
    """Applies `op`, which works on the last axis, over `axis`: an int, several (as one), or None for all."""
    if type(axis) is int and axis == -1 and type(x) is np.ndarray and x.ndim and x.dtype.char in "fd":
        return op(x)
    x = as_operand(x)
    if not is_inexact(dtype_of(x)):
        x = ew.cast(x, config.floatx())
    sizes = shape_of(x)
    axes = normalize_axes(op.name, axis, len(sizes))
    if axes == (len(sizes) - 1,):
        return op(x)
    if op is not sparsemax_op and len(axes) == 1:
        return op(x, axis=axes[0])
    order = [k for k in range(len(sizes)) if k not in axes] + list(axes)
    moved = transpose(x, order)
    lead = [sizes[k] for k in order[: len(sizes) - len(axes)]]
    y = op(reshape(moved, [*lead, int(np.prod([sizes[k] for k in axes]))]))
    return transpose(reshape(y, [sizes[k] for k in order]), [int(k) for k in np.argsort(order)])


@accepts_symbolic
def softmax(x, axis=-1):
    """`exp(x) / sum(exp(x))` over `axis`: positive numbers that add up to 1.

    Args:
        x: array of floats.
        axis: an int, several (taken together), or None for all.

    Example:
        >>> softmax(np.array([0.0, 0.0]))
        array([0.5, 0.5])
    """
    return _over_axes(softmax_op, x, axis)


# ---- sparsemax ----


def _sparsemax_reference(x):
    """Martins and Astudillo 2016, algorithm 1: max(x - tau, 0), with tau such that the result sums to 1."""
    if x.size == 0:
        return x.copy()
    largest_first = -np.sort(-x, axis=-1)
    excess = np.cumsum(largest_first, axis=-1) - 1
    count = np.arange(1, x.shape[-1] + 1)
    support = np.sum(largest_first * count > excess, axis=-1, keepdims=True)
    tau = np.take_along_axis(excess, support - 1, axis=-1) / support
    return np.maximum(x - tau, 0).astype(x.dtype)


def _sparsemax_grad(dy, y, x):
    # On the support every entry moves with x minus the mean of the support; elsewhere y is 0 and stays 0.
    support = ew.cast(logic.greater(y, 0), y.dtype)
    return ew.multiply(support, ew.subtract(dy, ew.divide(_total(ew.multiply(dy, support)), _total(support))))


# No kernel: plans run the reference.
sparsemax_op = Op(
    "sparsemax", shape=lambda x: x, reference=_sparsemax_reference, grad=_sparsemax_grad, domain=uniform(-3, 3)
)


@as_one_plan
@accepts_symbolic
def sparsemax(x, axis=-1):
    """The nearest point to `x` on the probability simplex, along `axis`: like softmax, with exact zeros.

    Args:
        x: numbers of any shape.
        axis: an integer.

    Returns:
        The shape of `x`; float.

    Example:
        >>> sparsemax(np.array([[0.0, 3.0, 2.5]], "float32"))
        array([[0.  , 0.75, 0.25]], dtype=float32)
    """
    return _over_axes(sparsemax_op, x, axis)


@accepts_symbolic
def log_softmax(x, axis=-1):
    """The logarithm of `softmax(x, axis)`, exact also where the softmax is 0 in floating point.

    Example:
        >>> log_softmax(np.array([0.0, 1000.0]))
        array([-1000.,     0.])
    """
    return _over_axes(log_softmax_op, x, axis)


# ---- the fused cross-entropies, from logits ----


def _depends_on(value: Value, source: Value) -> bool:
    seen, stack = set(), [value]
    while stack:
        x = stack.pop()
        if x is source:
            return True
        if x.node not in seen:
            seen.add(x.node)
            stack.extend(x.node.inputs)
    return False


def _simplify_given_softmax(node):
    """A third input is the softmax of the logits: it becomes the second output, and is not computed twice."""
    if len(node.inputs) == 2:
        return None
    target, logits, p = node.inputs
    loss, probabilities = node.op(target, logits)
    if _depends_on(target, p):
        return loss, probabilities
    return {p: probabilities, node.outputs[0]: loss, node.outputs[1]: probabilities}


def _cross_entropy_shape(target, logits, p=None):
    if target.shape != logits.shape:
        raise ValueError(f"softmax_cross_entropy: target {target.shape} and logits {logits.shape} differ in shape.")
    return Spec(logits.shape[:-1], logits.dtype), logits


def _cross_entropy_reference(target, logits, p=None):
    # 0 log(0) is 0, as the limit says: a class without probability does not count.
    terms = np.where(target == 0, 0, target * np.where(target == 0, 0, _log_softmax_reference(logits)))
    return -terms.sum(axis=-1), _softmax_reference(logits)


def _cross_entropy_grad(dy, y, target, logits, *p):
    """`p` is given only where it is softmax(logits): the gradient then goes through the logits."""
    dloss, dp = dy
    dtarget = None
    if dloss is not None:
        dtarget = ew.negative(ew.multiply(expand_dims(dloss, -1), log_softmax_op(logits)))
    dlogits = _sum_of(
        None if dloss is None else softmax_cross_entropy_grad_op(dloss, target, y[1]),
        None if dp is None else softmax_grad_op(dp, y[1]),
    )
    return (dtarget, dlogits, *(None for _ in p))


def _sum_of(a, b):
    if a is None or b is None:
        return b if a is None else a
    return ew.add(a, b)


def _fused_lower(node, b):
    target, logits = node.inputs[:2]
    loss, p = node.outputs
    if b.suffix(logits) is None or logits.size == 0:
        return False
    is_sparse = node.op is sparse_softmax_cross_entropy_op
    b.step(
        f"{node.op.name}_{b.suffix(logits)}", [target, logits, loss, p if p in b.needed else None],
        [*_rows(logits), *([_kernels.DTYPE_CODE[target.dtype]] if is_sparse else [])],
    )  # fmt: skip
    return True


# (target, logits) -> loss of each row -sum(target log_softmax(logits)), softmax(logits)
softmax_cross_entropy_op = Op(
    "softmax_cross_entropy",
    shape=_cross_entropy_shape,
    reference=_cross_entropy_reference,
    grad=_cross_entropy_grad,
    lower=_fused_lower,
    simplify=_simplify_given_softmax,
    domain=uniform(0, 1),
)


def _cross_entropy_grad_grad(g, dx, dloss, target, p):
    d = expand_dims(dloss, -1)
    mass = _total(target)
    by_dloss = reduce.sum(ew.multiply(g, ew.subtract(ew.multiply(p, mass), target)), axis=-1)
    by_target = ew.multiply(d, ew.subtract(_total(ew.multiply(g, p)), g))
    return by_dloss, by_target, ew.multiply(ew.multiply(g, d), mass)


# dlogits = dloss (p sum(target) - target)
softmax_cross_entropy_grad_op = Op(
    "softmax_cross_entropy_grad",
    shape=lambda dloss, target, p: p,
    reference=lambda dloss, target, p: dloss[..., None] * (p * target.sum(axis=-1, keepdims=True) - target),
    grad=_cross_entropy_grad_grad,
    lower=_lower_rows,
    aliases=((0, 2),),
    domain=uniform(0, 1),
)


def _class_numbers(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels as int64, shape (rows, 1)."""
    with np.errstate(invalid="ignore"):
        numbers = labels.astype(np.int64)
    outside = ~((labels >= 0) & (labels < classes))  # NaN is outside too
    if outside.any():
        raise IndexError(
            f"label {labels[outside].flat[0]} is out of range: there are {classes} classes, numbered from 0."
        )
    return numbers[..., None]


def _labels_shape(labels, x):
    if labels.shape != x.shape[:-1]:
        raise ValueError(f"labels of shape {labels.shape} do not fit outputs of shape {x.shape}.")


def _sparse_shape(labels, logits, p=None):
    _labels_shape(labels, logits)
    return Spec(labels.shape, logits.dtype), logits


def _sparse_reference(labels, logits, p=None):
    numbers = _class_numbers(labels, logits.shape[-1])
    return -np.take_along_axis(_log_softmax_reference(logits), numbers, -1)[..., 0], _softmax_reference(logits)


def _sparse_grad(dy, y, labels, logits, *p):
    dloss, dp = dy
    dlogits = _sum_of(
        None if dloss is None else sparse_softmax_cross_entropy_grad_op(dloss, labels, y[1]),
        None if dp is None else softmax_grad_op(dp, y[1]),
    )
    return (None, dlogits, *(None for _ in p))


# (labels, logits) -> loss of each row -log_softmax(logits)[label], softmax(logits). Labels of any dtype; floats are
# truncated. One outside [0, classes) raises IndexError.
sparse_softmax_cross_entropy_op = Op(
    "sparse_softmax_cross_entropy",
    shape=_sparse_shape,
    reference=_sparse_reference,
    grad=_sparse_grad,
    lower=_fused_lower,
    simplify=_simplify_given_softmax,
    aliases=((1, 1),),
)


def _sparse_grad_reference(dloss, labels, p):
    dx = p.copy()
    numbers = _class_numbers(labels, p.shape[-1])
    np.put_along_axis(dx, numbers, np.take_along_axis(dx, numbers, -1) - 1, -1)
    return dx * dloss[..., None]


def _sparse_grad_lower(node, b):
    dloss, labels, p = node.inputs
    if b.suffix(p) is None:
        return False
    b.step(
        f"sparse_softmax_cross_entropy_grad_{b.suffix(p)}", [dloss, labels, p, node.outputs[0]],
        [*_rows(p), _kernels.DTYPE_CODE[labels.dtype]],
    )  # fmt: skip
    return True


def _sparse_grad_grad(g, dx, dloss, labels, p):
    by_dloss = ew.subtract(reduce.sum(ew.multiply(g, p), axis=-1), pick_label_op(labels, g))
    return by_dloss, None, ew.multiply(g, expand_dims(dloss, -1))


# dlogits = dloss (p - one_hot(label))
sparse_softmax_cross_entropy_grad_op = Op(
    "sparse_softmax_cross_entropy_grad",
    shape=lambda dloss, labels, p: p,
    reference=_sparse_grad_reference,
    grad=_sparse_grad_grad,
    lower=_sparse_grad_lower,
    aliases=((0, 2),),
)


# ---- from probabilities ----


def _pick_shape(labels, x):
    _labels_shape(labels, x)
    return Spec(labels.shape, x.dtype)


def _pick_lower(node, b):
    labels, x = node.inputs
    if b.suffix(x) is None:
        return False
    b.step(f"pick_label_{b.suffix(x)}", [labels, x, node.outputs[0]], [*_rows(x), _kernels.DTYPE_CODE[labels.dtype]])
    return True


def _pick_grad(dy, y, labels, x):
    if is_float(labels.dtype):
        labels = ew.cast(labels, "int32")
    classes = np.arange(x.shape[-1], dtype=labels.dtype)
    return None, logic.where(logic.equal(expand_dims(labels, -1), classes), expand_dims(dy, -1), np.zeros((), x.dtype))


# (labels, x) -> x[row, label] of each row
pick_label_op = Op(
    "pick_label",
    shape=_pick_shape,
    reference=lambda labels, x: np.take_along_axis(x, _class_numbers(labels, x.shape[-1]), -1)[..., 0],
    grad=_pick_grad,
    lower=_pick_lower,
)


@as_one_plan
@accepts_symbolic
def in_top_k(targets, predictions, k):
    """Whether each target class is among the `k` largest predictions; ties count in its favour, NaN never.

    Args:
        targets: class numbers, shape (rows,).
        predictions: floats, shape (rows, classes).
        k: int.

    Raises:
        IndexError: when a class number is not in [0, classes).

    Example:
        >>> in_top_k(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), 1)
        array([ True, False])
    """
    chosen = pick_label_op(as_operand(targets), predictions)
    above = reduce.sum(ew.cast(logic.greater(predictions, expand_dims(chosen, -1)), "int32"), axis=-1)
    return logic.logical_and(logic.less(above, k), logic.equal(chosen, chosen))


def _made_by(value, name: str):
    """The input of the op `name` that made `value`, or None."""
    is_made = isinstance(value, Value) and value.node.op.name == name and not value.node.params  # over another axis
    return value.node.inputs[0] if is_made else None


def _log_clipped(p):
    return ew.log(ew.clip(p, config.epsilon(), 1 - config.epsilon()))


def _as_floats(output):
    output = as_operand(output)
    return output if is_float(dtype_of(output)) else ew.cast(output, config.floatx())


def _floats(target, output):
    """Both as arrays of the output's float dtype."""
    output = _as_floats(output)
    target = as_operand(target)
    return ew.cast(target, dtype_of(output)), output


@as_one_plan
@accepts_symbolic
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """`-sum(target * log(output))` over `axis`: how far the predicted distribution is from the true one.

    Args:
        target: true probabilities (one-hot, as a rule), shape (..., classes).
        output: predicted ones, the same shape; or logits.
        from_logits: whether `output` are logits. Otherwise it is divided by its sum over `axis` and clipped to
            `[epsilon, 1 - epsilon]`, unless a softmax made it, whose logits are then used.
        axis: of the classes.

    Returns:
        The loss, of the shape of `output` without `axis`.

    Raises:
        ValueError: when the shapes differ or have no dimension.

    Example:
        >>> categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]))
        array([0.69314718])
    """
    target, output = _floats(target, output)
    shapes = f"Received: target.shape={shape_of(target)}, output.shape={shape_of(output)}"
    if not shape_of(target) or not shape_of(output):
        raise ValueError(f"Arguments `target` and `output` must be at least rank 1. {shapes}")
    if shape_of(target) != shape_of(output):
        raise ValueError(f"Arguments `target` and `output` must have the same shape. {shapes}")
    is_last = axis in (-1, len(shape_of(output)) - 1)
    if not is_last:
        target, output = moveaxis(target, axis, -1), moveaxis(output, axis, -1)
    if from_logits:
        return softmax_cross_entropy_op(target, output)[0]
    logits = _made_by(output, "softmax")
    if logits is not None:
        return softmax_cross_entropy_op(target, logits, output)[0]
    return ew.negative(reduce.sum(ew.multiply(target, _log_clipped(ew.divide(output, _total(output)))), axis=-1))


@as_one_plan
@accepts_symbolic
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """`-log(output[target])` of each row: `categorical_crossentropy` with class numbers for targets.

    Args:
        target: class numbers, the shape of `output` without `axis` (or with size 1 there).
        output: predicted probabilities, shape (..., classes); or logits.
        from_logits: as in `categorical_crossentropy`.
        axis: of the classes.

    Returns:
        The loss, of the shape of `output` without `axis`.

    Raises:
        ValueError: when the shapes do not fit.
        IndexError: when a class number is not in [0, classes).

    Example:
        >>> sparse_categorical_crossentropy(np.array([1]), np.array([[0.5, 0.5]]))
        array([0.69314718])
    """
    target = as_operand(target)
    output = _as_floats(output)
    if not shape_of(output):
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={shape_of(output)}")
    if len(shape_of(target)) == len(shape_of(output)) and shape_of(target)[-1] == 1:
        target = squeeze(target, -1)
    if axis not in (-1, len(shape_of(output)) - 1):
        output = moveaxis(output, axis, -1)
    if shape_of(target) != shape_of(output)[:-1]:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={shape_of(target)}, output.shape={shape_of(output)}"
        )
    if from_logits:
        return sparse_softmax_cross_entropy_op(target, output)[0]
    logits = _made_by(output, "softmax")
    if logits is not None:
        return sparse_softmax_cross_entropy_op(target, logits, output)[0]
    return ew.negative(_log_clipped(ew.divide(pick_label_op(target, output), reduce.sum(output, axis=-1))))


def _sigmoid_cross_entropy(target, logits):
    """log(1 + e^z) - t z: no exponential overflows and nothing cancels."""
    return ew.subtract(ew.softplus(logits), ew.multiply(target, logits))


def _sigmoid_cross_entropy_grad(dy, y, target, logits):
    """dz = (sigmoid(z) - t) dy: where a sigmoid made the prediction, it is there."""
    return lambda: ew.negative(ew.multiply(dy, logits)), ew.multiply(dy, ew.subtract(ew.sigmoid(logits), target))


# A record for the sake of its gradient, which needs less than that of what it is simplified to.
sigmoid_cross_entropy_op = Op(
    "sigmoid_cross_entropy",
    shape=lambda target, logits: logits,
    reference=lambda target, logits: ew.softplus_op.reference(logits) - target * logits,
    grad=_sigmoid_cross_entropy_grad,
    simplify=lambda node: _sigmoid_cross_entropy(*node.inputs),
    domain=uniform(-3, 3),
)


@as_one_plan
@accepts_symbolic
def binary_crossentropy(target, output, from_logits=False):
    """`-target log(output) - (1 - target) log(1 - output)`, element by element.

    Args:
        target: true probabilities (0 or 1, as a rule), any shape.
        output: predicted ones, the same shape; or logits.
        from_logits: whether `output` are logits. Otherwise it is clipped to `[epsilon, 1 - epsilon]`, unless a sigmoid
            made it, whose logits are then used.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> binary_crossentropy(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
        array([0.69314718, 0.69314718])
    """
    target, output = _floats(target, output)
    if shape_of(target) != shape_of(output):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={shape_of(target)}, output.shape={shape_of(output)}"
        )
    logits = output if from_logits else _made_by(output, "sigmoid")
    if logits is not None:
        return sigmoid_cross_entropy_op(target, logits)
    output = ew.clip(output, config.epsilon(), 1 - config.epsilon())
    hit = ew.multiply(target, ew.log(output))
    return ew.negative(ew.add(hit, ew.multiply(ew.subtract(1, target), ew.log(ew.subtract(1, output)))))
