"""The arguments of image augmentations: strengths and ranges of values."""

from fastnn import ops


def factor_range(factor, bounds, name="factor", symmetric=None):
    """`(lower, upper)`: from a pair of numbers, or from one number and the least strength, or its negative.

    Args:
        factor: what the user gave.
        bounds: the range in which both must lie.
        name: of the argument, for the message.
        symmetric: whether one number f stands for (-|f|, |f|); by default where the bounds are symmetric.

    Raises:
        ValueError: for anything else.
    """
    error = ValueError(
        f"The `{name}` argument should be a number (or a list of two numbers) in the range [{bounds[0]}, {bounds[1]}]. "
        f"Received: {name}={factor}"
    )
    if isinstance(factor, (tuple, list)):
        if len(factor) != 2 or not all(bounds[0] <= number <= bounds[1] for number in factor):
            raise error
        return tuple(sorted(factor))
    if not isinstance(factor, (int, float)) or not bounds[0] <= factor <= bounds[1]:
        raise error
    symmetric = bounds[0] < 0 if symmetric is None else symmetric
    return (-abs(factor), abs(factor)) if symmetric else (bounds[0], factor)


def value_range_of(value_range):
    """`value_range`, sorted, as it is kept in configs.

    Raises:
        ValueError: when it is no pair.
    """
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise ValueError(
            f"The `value_range` argument should be a list of two numbers. Received: value_range={value_range}"
        )
    return sorted(value_range)


def rescaled(x, source, target):
    """x, whose values lie in the range `source`, in the range `target`."""
    if tuple(source) == tuple(target):
        return x
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return ops.add(ops.multiply(ops.subtract(x, source[0]), scale), target[0])


def for_each_image(x):
    """One number for each image, (n,) or (n, 1, ...), to meet (n, h, w, c)."""
    return ops.reshape(x, (-1, 1, 1, 1))
