"""Comparisons, logic, tests of numbers, and selection, element by element. All but `where` give bools."""

import numpy as np

from fastnn.ops import elementwise
from fastnn.ops.record import REGISTRY, Op, as_array, dtype_of, uniform
from fastnn.plan.function import as_one_plan, as_one_plan_of_arrays


def _test(name, reference, simplify=None) -> Op:
    return elementwise.elementwise(name, reference, dtype="bool", simplify=simplify)


def _simplify_equal(node):
    """argmax(a) == argmax(b) along the last axis, the heart of an accuracy, is one op."""
    sides = [x.node for x in node.inputs]
    if any(side.op.name != "argmax" for side in sides):
        return None
    a, b = (side.inputs[0] for side in sides)
    is_last = all(side.params["axis"] == a.ndim - 1 and not side.params["keepdims"] for side in sides)
    return REGISTRY["same_argmax"](a, b) if is_last and a.spec == b.spec else None


greater_op = _test("greater", np.greater)
greater_equal_op = _test("greater_equal", np.greater_equal)
less_op = _test("less", np.less)
less_equal_op = _test("less_equal", np.less_equal)
equal_op = _test("equal", np.equal, _simplify_equal)
not_equal_op = _test("not_equal", np.not_equal)
logical_and_op = _test("logical_and", np.logical_and)
logical_or_op = _test("logical_or", np.logical_or)
logical_xor_op = _test("logical_xor", np.logical_xor)
logical_not_op = _test("logical_not", np.logical_not)
isnan_op = _test("isnan", np.isnan)
isinf_op = _test("isinf", np.isinf)
isfinite_op = _test("isfinite", np.isfinite)

where_op = Op(
    "where",
    kind="elementwise",
    reference=lambda condition, x1, x2: np.where(condition != 0, x1, x2),
    grad=lambda dy, y, condition, x1, x2: (None, where(condition, dy, 0), where(condition, 0, dy)),
    promote=(1, 2),
    domain=uniform(-3, 3),
)


def greater(x1, x2):
    """`x1 > x2`.

    Example:
        >>> greater(np.array([1, 2]), 1)
        array([False,  True])
    """
    return greater_op(x1, x2)


def greater_equal(x1, x2):
    """`x1 >= x2`.

    Example:
        >>> greater_equal(np.array([0, 1]), 1)
        array([False,  True])
    """
    return greater_equal_op(x1, x2)


def less(x1, x2):
    """`x1 < x2`.

    Example:
        >>> less(np.array([0, 1]), 1)
        array([ True, False])
    """
    return less_op(x1, x2)


def less_equal(x1, x2):
    """`x1 <= x2`.

    Example:
        >>> less_equal(np.array([1, 2]), 1)
        array([ True, False])
    """
    return less_equal_op(x1, x2)


def equal(x1, x2):
    """`x1 == x2`.

    Example:
        >>> equal(np.array([1, 2]), 1)
        array([ True, False])
    """
    return equal_op(x1, x2)


def not_equal(x1, x2):
    """`x1 != x2`.

    Example:
        >>> not_equal(np.array([1, 2]), 1)
        array([False,  True])
    """
    return not_equal_op(x1, x2)


def logical_and(x1, x2):
    """Whether both are not zero.

    Example:
        >>> logical_and(np.array([True, False]), True)
        array([ True, False])
    """
    return logical_and_op(x1, x2)


def logical_or(x1, x2):
    """Whether at least one is not zero.

    Example:
        >>> logical_or(np.array([True, False]), False)
        array([ True, False])
    """
    return logical_or_op(x1, x2)


def logical_xor(x1, x2):
    """Whether exactly one is not zero.

    Example:
        >>> logical_xor(np.array([True, False]), True)
        array([False,  True])
    """
    return logical_xor_op(x1, x2)


def logical_not(x):
    """Whether `x` is zero.

    Example:
        >>> logical_not(np.array([True, False]))
        array([False,  True])
    """
    return logical_not_op(x)


def isnan(x):
    """Whether `x` is NaN.

    Example:
        >>> isnan(np.array([1.0, np.nan]))
        array([False,  True])
    """
    return isnan_op(x)


def isinf(x):
    """Whether `x` is an infinity.

    Example:
        >>> isinf(np.array([1.0, -np.inf]))
        array([False,  True])
    """
    return isinf_op(x)


def isposinf(x):
    """Whether `x` is the positive infinity.

    Example:
        >>> isposinf(np.array([np.inf, -np.inf]))
        array([ True, False])
    """
    return equal(x, float("inf"))


def isneginf(x):
    """Whether `x` is the negative infinity.

    Example:
        >>> isneginf(np.array([np.inf, -np.inf]))
        array([False,  True])
    """
    return equal(x, float("-inf"))


def isfinite(x):
    """Whether `x` is neither NaN nor an infinity.

    Example:
        >>> isfinite(np.array([1.0, np.nan]))
        array([ True, False])
    """
    return isfinite_op(x)


@as_one_plan_of_arrays
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether `|x1 - x2| <= atol + rtol * |x2|`; infinities are close when they are equal.

    Args:
        x1: array.
        x2: array, the one that `rtol` is relative to.
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether two NaN are close.

    Example:
        >>> isclose(np.array([1.0, 1.1]), 1.0)
        array([ True, False])
    """
    if dtype_of(x1) == dtype_of(x2) == "bool":
        x1, x2 = elementwise.cast(x1, "int8"), elementwise.cast(x2, "int8")  # their difference is a number
    difference = elementwise.absolute(elementwise.subtract(x1, x2))
    allowed = elementwise.add(elementwise.multiply(elementwise.absolute(x2), rtol), atol)
    close = logical_or(equal(x1, x2), logical_and(less_equal(difference, allowed), isfinite(allowed)))
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


def where(condition, x1=None, x2=None):
    """`x1` where `condition` is not zero, `x2` elsewhere.

    Args:
        condition: array of any dtype.
        x1: array that broadcasts with it.
        x2: array that broadcasts with both.

    Returns:
        The selection; or, when `x1` and `x2` are left out, what `nonzero(condition)` returns (not in a trace).

    Raises:
        ValueError: when only one of `x1` and `x2` is given.

    Example:
        >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0)
        array([1., 0.])
    """
    if x1 is None and x2 is None:
        return tuple(index.astype("int32") for index in np.nonzero(as_array(condition)))
    if x1 is None or x2 is None:
        raise ValueError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    return where_op(condition, x1, x2)


def select(condlist, choicelist, default=0):
    """For each element the choice of the first condition that holds, `default` where none does.

    Args:
        condlist: list of bool arrays.
        choicelist: list of as many arrays; all broadcast together.
        default: array or number.

    Raises:
        ValueError: when the lists are empty or of different lengths.

    Example:
        >>> x = np.array([1, 2, 3])
        >>> select([x < 2, x > 2], [x, x * 10], 0)
        array([ 1,  0, 30])
    """
    if not condlist or len(condlist) != len(choicelist):
        raise ValueError(
            f"select: as many conditions as choices are needed, at least 1; got {len(condlist)}, {len(choicelist)}."
        )
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        default = where(condition, choice, default)
    return default


@as_one_plan
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """`x` with numbers in place of NaN and infinities.

    Args:
        x: array.
        nan: what NaN becomes.
        posinf: what the positive infinity becomes; None is the largest number of the dtype.
        neginf: what the negative infinity becomes; None is the lowest number of the dtype.

    Example:
        >>> nan_to_num(np.array([1.0, np.nan]))
        array([1., 0.])
    """
    dtype = dtype_of(x)
    if np.dtype(dtype).kind != "f":
        return x
    info = np.finfo(dtype)
    y = elementwise.clip(x, float(info.min), float(info.max))
    y = where(isnan(y), nan, y)
    y = y if posinf is None else where(isposinf(x), posinf, y)
    return y if neginf is None else where(isneginf(x), neginf, y)
