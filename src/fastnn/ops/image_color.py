"""Colours: red, green and blue to hue, saturation and value, and back; grey."""

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.boxes import concatenate, slice_axis
from fastnn.ops.image_size import image_axes
from fastnn.ops.record import as_operand, dtype_of, shape_of
from fastnn.plan.function import as_one_plan

_LUMA = (0.2989, 0.5870, 0.1140)  # how bright red, green and blue look (ITU-R BT.601)


def _channels(op, images, data_format):
    """The array, the axis of its channels, and the three channels, each with that axis of size 1."""
    x = as_operand(images)
    axis = len(shape_of(x)) - (1 if image_axes(x, data_format) == (-3, -2) else 3)
    if shape_of(x)[axis] != 3:
        raise ValueError(f"{op}: images of shape {shape_of(x)} must have 3 channels, on axis {axis}.")
    return x, axis, [slice_axis(x, axis, k, k + 1) for k in range(3)]


def _check_float(op, images):
    dtype = dtype_of(as_operand(images))
    if not is_float(dtype):
        raise ValueError(f"{op}: the images must be floats, not {dtype}.")


@as_one_plan
@accepts_symbolic
def rgb_to_hsv(images, data_format=None):
    """Hue, saturation and value of colours.

    Args:
        images: floats in [0, 1], shape (h, w, 3) or (n, h, w, 3), channels first when `data_format` says so.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        The same shape: hue in [0, 1) (red, green and blue are 0, 1/3 and 2/3), saturation and value in [0, 1].

    Raises:
        ValueError: for integers, or another shape.

    Example:
        >>> rgb_to_hsv(np.array([[[0.0, 0.5, 0.0]]]))[0, 0].round(3)
        array([0.333, 1.   , 0.5  ])
    """
    _check_float("rgb_to_hsv", images)
    _, axis, (red, green, blue) = _channels("rgb_to_hsv", images, data_format)
    value = ew.maximum(ew.maximum(red, green), blue)
    spread = ew.subtract(value, ew.minimum(ew.minimum(red, green), blue))
    is_grey = logic.equal(spread, 0)
    # Where the largest is 0, or all are equal, the quotients are 0; the divisors are 1 there, for the gradient's sake.
    saturation = ew.divide(
        logic.where(logic.greater(value, 0), spread, 0), logic.where(logic.greater(value, 0), value, 1)
    )
    divisor = logic.where(is_grey, 1, spread)
    sixths = [ew.divide(ew.subtract(a, b), divisor) for a, b in ((green, blue), (blue, red), (red, green))]
    hue = logic.where(
        logic.equal(value, red),
        sixths[0],
        logic.where(logic.equal(value, green), ew.add(sixths[1], 2), ew.add(sixths[2], 4)),
    )
    hue = ew.mod(ew.divide(logic.where(is_grey, 0, hue), 6), 1)
    return concatenate([hue, saturation, value], axis=axis)


@as_one_plan
@accepts_symbolic
def hsv_to_rgb(images, data_format=None):
    """Red, green and blue of colours given by hue, saturation and value.

    Args:
        images: floats in [0, 1], shape (h, w, 3) or (n, h, w, 3), channels first when `data_format` says so.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        The same shape.

    Raises:
        ValueError: for integers, or another shape.

    Example:
        >>> hsv_to_rgb(np.array([[[0.5, 1.0, 0.5]]]))[0, 0]
        array([0. , 0.5, 0.5])
    """
    _check_float("hsv_to_rgb", images)
    _, axis, (hue, saturation, value) = _channels("hsv_to_rgb", images, data_format)
    depth = ew.multiply(value, saturation)
    colours = []
    for start in (5, 3, 1):  # where on the circle of six red, green and blue begin to fall
        at = ew.mod(ew.add(ew.multiply(hue, 6), start), 6)
        fall = ew.clip(ew.minimum(at, ew.subtract(4, at)), 0, 1)
        colours.append(ew.subtract(value, ew.multiply(depth, fall)))
    return concatenate(colours, axis=axis)


@as_one_plan
@accepts_symbolic
def rgb_to_grayscale(images, data_format=None):
    """Images in shades of grey: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        images: shape (h, w, 3) or (n, h, w, 3), channels first when `data_format` says so. With one channel they are
            grey already and returned as they are.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        The same shape with one channel; integers are cut off.

    Raises:
        ValueError: for another shape.

    Example:
        >>> rgb_to_grayscale(np.array([[[1.0, 0.0, 0.0]]]))[0, 0]
        array([0.2989])
    """
    x = as_operand(images)
    if shape_of(x)[-1 if image_axes(x, data_format) == (-3, -2) else -3] == 1:
        return x
    x, _, colours = _channels("rgb_to_grayscale", x, data_format)
    dtype = dtype_of(x)
    wide = dtype if is_float(dtype) else config.floatx()
    parts = [ew.multiply(ew.cast(colour, wide), share) for colour, share in zip(colours, _LUMA, strict=True)]
    return ew.cast(ew.add(ew.add(parts[0], parts[1]), parts[2]), dtype)


__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]
