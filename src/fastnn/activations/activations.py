"""The activations, as functions of arrays, traced values and KerasTensors. Most are `fastnn.ops` under their names."""

from fastnn import ops
from fastnn.ops.activations import mish  # noqa: F401 - public here, as in Keras; not in `ops`
from fastnn.ops.forms import Form, written_as


@written_as(Form("keras.src.activations.activations", "ReLU", "re_lu"))
def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """`max(x, 0)`; with its arguments, `negative_slope * (x - threshold)` below the threshold, `max_value` at most.

    Args:
        x: array of any shape.
        negative_slope: slope below the threshold.
        max_value: the largest output, or None.
        threshold: below it (other than by the slope) the output is zero.

    The gradient at 0 is 0 (with a slope and no `max_value`, the slope).

    Example:
        >>> fastnn.activations.relu(np.array([-2.0, 3.0], "float32"))
        array([0., 3.], dtype=float32)
    """
    if threshold == 0.0:
        if negative_slope == 0.0:
            if max_value is None:
                return ops.relu(x)
            return ops.relu6(x) if max_value == 6 else ops.clip(ops.relu(x), 0.0, max_value)
        if max_value is None:
            return ops.leaky_relu(x, negative_slope=negative_slope)
    positive = ops.where(ops.greater(x, threshold), x, 0.0)
    if max_value is not None:
        positive = ops.clip(positive, 0.0, max_value)
    if negative_slope == 0.0:
        return positive
    return positive - negative_slope * ops.relu(threshold - x)


def leaky_relu(x, negative_slope=0.2):
    """`x` where it is positive, `negative_slope * x` elsewhere.

    Example:
        >>> fastnn.activations.leaky_relu(np.array([-2.0, 3.0], "float32"))
        array([-0.4,  3. ], dtype=float32)
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x):
    """`min(max(x, 0), 6)`.

    Example:
        >>> fastnn.activations.relu6(np.array([-2.0, 9.0], "float32"))
        array([0., 6.], dtype=float32)
    """
    return ops.relu6(x)


def softmax(x, axis=-1):
    """`exp(x) / sum(exp(x))` along `axis` (an int or a tuple of ints).

    Example:
        >>> fastnn.activations.softmax(np.zeros((1, 2), "float32"))
        array([[0.5, 0.5]], dtype=float32)
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x, axis=-1):
    """The logarithm of `softmax`, computed without overflow.

    Example:
        >>> fastnn.activations.log_softmax(np.zeros((1, 2), "float32")).round(3)
        array([[-0.693, -0.693]], dtype=float32)
    """
    return ops.log_softmax(x, axis=axis)


def elu(x, alpha=1.0):
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Example:
        >>> fastnn.activations.elu(np.array([0.0, 3.0], "float32"))
        array([0., 3.], dtype=float32)
    """
    return ops.elu(x, alpha=alpha)


def celu(x, alpha=1.0):
    """`x` where it is positive, `alpha * (exp(x / alpha) - 1)` elsewhere.

    Example:
        >>> fastnn.activations.celu(np.array([0.0, 3.0], "float32"))
        array([0., 3.], dtype=float32)
    """
    return ops.celu(x, alpha=alpha)


def gelu(x, approximate=False):
    """`x * P(X <= x)` for a standard normal X; with `approximate`, by tanh.

    Example:
        >>> fastnn.activations.gelu(np.array([0.0, 3.0], "float32")).round(3)
        array([0.   , 2.996], dtype=float32)
    """
    return ops.gelu(x, approximate=approximate)


def glu(x, axis=-1):
    """The first half of `x` along `axis`, times the sigmoid of the second.

    Example:
        >>> fastnn.activations.glu(np.array([2.0, 0.0], "float32"))
        array([1.], dtype=float32)
    """
    return ops.glu(x, axis=axis)


def threshold(x, threshold, default_value):
    """`x` where it is above `threshold`, `default_value` elsewhere.

    Example:
        >>> fastnn.activations.threshold(np.array([1.0, 3.0], "float32"), 2.0, -1.0)
        array([-1.,  3.], dtype=float32)
    """
    return ops.threshold(x, threshold, default_value)


def hard_shrink(x, threshold=0.5):
    """`x` where its magnitude is above `threshold`, zero elsewhere.

    Example:
        >>> fastnn.activations.hard_shrink(np.array([0.4, 3.0], "float32"))
        array([0., 3.], dtype=float32)
    """
    return ops.hard_shrink(x, threshold=threshold)


def soft_shrink(x, threshold=0.5):
    """`x` moved towards zero by `threshold`, zero where it would pass it.

    Example:
        >>> fastnn.activations.soft_shrink(np.array([0.4, 3.0], "float32"))
        array([0. , 2.5], dtype=float32)
    """
    return ops.soft_shrink(x, threshold=threshold)


def squareplus(x, b=4):
    """`(x + sqrt(x**2 + b)) / 2`.

    Example:
        >>> fastnn.activations.squareplus(np.zeros(1, "float32"))
        array([1.], dtype=float32)
    """
    return ops.squareplus(x, b=b)


def sparse_sigmoid(x):
    """0 below -1, 1 above 1, `(x + 1) / 2` between.

    Example:
        >>> fastnn.activations.sparse_sigmoid(np.array([-2.0, 0.0], "float32"))
        array([0. , 0.5], dtype=float32)
    """
    return ops.sparse_sigmoid(x)


def sparsemax(x, axis=-1):
    """The nearest point to `x` on the simplex, along `axis`: like softmax, with exact zeros.

    Example:
        >>> fastnn.activations.sparsemax(np.array([[0.0, 3.0]], "float32"))
        array([[0., 1.]], dtype=float32)
    """
    return ops.sparsemax(x, axis=axis)


def exponential(x):
    """`exp(x)`.

    Example:
        >>> fastnn.activations.exponential(np.zeros(1, "float32"))
        array([1.], dtype=float32)
    """
    return ops.exp(x)


def linear(x):
    """`x`.

    Example:
        >>> fastnn.activations.linear(np.ones(1, "float32"))
        array([1.], dtype=float32)
    """
    return x


def _op(name: str, formula: str, example: str, shown: str):
    """The op `name` as an activation, with a docstring of its own."""

    def activation(x):
        return getattr(ops, name)(x)

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = f"""{formula}

    Example:
        >>> fastnn.activations.{name}(np.array({example}, "float32")).round(3)
        array({shown}, dtype=float32)
    """
    return activation


softplus = _op("softplus", "`log(exp(x) + 1)`.", "[0.0]", "[0.693]")
softsign = _op("softsign", "`x / (abs(x) + 1)`.", "[1.0]", "[0.5]")
sigmoid = _op("sigmoid", "`1 / (1 + exp(-x))`.", "[0.0]", "[0.5]")
log_sigmoid = _op("log_sigmoid", "The logarithm of the sigmoid.", "[0.0]", "[-0.693]")
tanh = _op("tanh", "The hyperbolic tangent.", "[0.0]", "[0.]")
tanh_shrink = _op("tanh_shrink", "`x - tanh(x)`.", "[0.0]", "[0.]")
selu = _op("selu", "`1.0507 * elu(x, 1.6733)` (Klambauer et al. 2017).", "[1.0]", "[1.051]")
silu = _op("silu", "`x * sigmoid(x)`; also called swish.", "[0.0]", "[0.]")
hard_sigmoid = _op("hard_sigmoid", "`min(max(x / 6 + 0.5, 0), 1)`.", "[0.0]", "[0.5]")
hard_silu = _op("hard_silu", "`x * hard_sigmoid(x)`; also called hard_swish.", "[6.0]", "[6.]")
hard_tanh = _op("hard_tanh", "`min(max(x, -1), 1)`.", "[6.0]", "[1.]")
sparse_plus = _op("sparse_plus", "0 below -1, `x` above 1, `(x + 1)**2 / 4` between.", "[0.0]", "[0.25]")
swish = silu
hard_swish = hard_silu
