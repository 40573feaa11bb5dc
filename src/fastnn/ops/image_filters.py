"""Filters of images: Gaussian blur, Sobel edges, and the structural similarity that is made of blurs.

Each is a depthwise convolution, along one axis after the other where the filter is a product.
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import reduce, rounding
from fastnn.ops.convolution import depthwise_conv
from fastnn.ops.image_size import image_axes
from fastnn.ops.joining import pad, stack
from fastnn.ops.layout import broadcast_to, moveaxis, reshape
from fastnn.ops.record import as_operand, dtype_of, shape_of
from fastnn.plan.function import as_one_plan


def _as_batch(images, data_format):
    """Images as floats (n, h, w, c), and the function that brings such back to their shape and dtype."""
    x = as_operand(images)
    is_last = image_axes(x, data_format) == (-3, -2)
    is_batch = len(shape_of(x)) == 4
    dtype = dtype_of(x)

    def back(y):
        y = y if is_float(dtype) else ew.cast(rounding.floor(ew.add(y, 0.5)), dtype)
        y = y if is_batch else reshape(y, shape_of(y)[1:])
        return y if is_last else moveaxis(y, -1, -3)

    x = ew.cast(x, dtype if is_float(dtype) else config.floatx())
    x = x if is_last else moveaxis(x, -3, -1)
    return (x if is_batch else reshape(x, (1, *shape_of(x)))), back


def _bell(size, sigma, dtype):
    """Gaussian weights at `size` positions about the middle, which add up to 1; `sigma` may be traced."""
    at = np.arange(size, dtype=dtype) - np.asarray((size - 1) / 2, dtype)
    sigma = ew.cast(sigma if hasattr(sigma, "shape") else np.asarray(sigma, dtype), dtype)
    weights = ew.exp(ew.multiply(-0.5, ew.square(ew.divide(at, sigma))))
    return ew.divide(weights, reduce.sum(weights))


def _blurred(x, bells, padding):
    """x (n, h, w, c) with a vector of weights along height, then one along width."""
    for bell, shape in zip(bells, ((-1, 1, 1, 1), (1, -1, 1, 1)), strict=True):
        kernel = reshape(bell, shape)
        kernel = broadcast_to(kernel, (*shape_of(kernel)[:2], shape_of(x)[-1], 1))
        x = depthwise_conv(x, kernel, padding=padding, data_format="channels_last")
    return x


@as_one_plan
@accepts_symbolic
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images smoothed by a Gaussian; what lies outside counts as 0.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        kernel_size: `(height, width)` of the Gaussian.
        sigma: its standard deviations along height and width, numbers or an array of two.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        The shape and dtype of `images`; integers are rounded.

    Raises:
        ValueError: for images of another rank.

    Example:
        >>> gaussian_blur(np.array([[[0.0], [1.0], [0.0]]]), (1, 3))[0, :, 0].round(3)
        array([0.274, 0.452, 0.274])
    """
    x, back = _as_batch(images, data_format)
    bells = [_bell(int(kernel_size[k]), sigma[k], dtype_of(x)) for k in range(2)]
    return back(_blurred(x, bells, "same"))


@accepts_symbolic
def sobel_edges(images, data_format=None):
    """How fast images grow downwards and to the right, smoothed across (Sobel and Feldman 1968).

    Args:
        images: shape (n, h, w, c), channels first when `data_format` says so. Outside they go on as at their edge.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        The shape of `images` and a last axis of 2: down, right.

    Raises:
        ValueError: for images of another rank.

    Example:
        >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
        >>> sobel_edges(x)[0, 1, 1, 0]
        array([24.,  8.])
    """
    if len(shape_of(images)) != 4:
        raise ValueError(f"sobel_edges: images must have 4 dimensions, got shape {shape_of(images)}.")
    x, back = _as_batch(images, data_format)
    x = pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], dtype_of(x))
    results = []
    for kernel in (down, down.T):
        kernel = np.repeat(kernel[:, :, None, None], shape_of(x)[-1], axis=2)
        results.append(back(depthwise_conv(x, kernel, data_format="channels_last")))
    return stack(results, axis=-1)


@accepts_symbolic
def ssim(image1, image2, max_val=1.0, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, data_format=None):
    """The structural similarity of two images (Wang, Bovik, Sheikh and Simoncelli 2004).

    Args:
        image1, image2: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        max_val: the largest value of a pixel.
        filter_size: of the Gaussian window, at most the height and the width.
        filter_sigma: its standard deviation.
        k1, k2: what keeps the quotients from dividing by 0.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        Numbers in [-1, 1], 1 for the same image: shape () or (n,).

    Raises:
        ValueError: for images of another rank, of two shapes, or smaller than the window.

    Example:
        >>> image = np.random.default_rng(0).random((16, 16, 3))
        >>> float(ssim(image, image)), bool(ssim(image, 1 - image) < 0)
        (1.0, True)
    """
    if shape_of(image1) != shape_of(image2):
        raise ValueError(f"ssim: the images have two shapes, {shape_of(image1)} and {shape_of(image2)}.")
    is_batch = len(shape_of(image1)) == 4
    (x, _), (y, _) = (_as_batch(image, data_format) for image in (image1, image2))
    if filter_size < 1 or min(shape_of(x)[1:3]) < filter_size:
        raise ValueError(f"ssim: a window of {filter_size} does not fit images of shape {shape_of(image1)}.")
    bell = _bell(filter_size, filter_sigma, dtype_of(x))

    def mean(z):
        return _blurred(z, (bell, bell), "valid")

    c1, c2 = ((k * max_val) ** 2 for k in (k1, k2))
    mean_x, mean_y = mean(x), mean(y)
    both, squares = ew.multiply(mean_x, mean_y), ew.add(ew.square(mean_x), ew.square(mean_y))
    covariance = ew.subtract(mean(ew.multiply(x, y)), both)
    variances = ew.subtract(mean(ew.add(ew.square(x), ew.square(y))), squares)
    of_means = ew.divide(ew.add(ew.multiply(2, both), c1), ew.add(squares, c1))
    of_shapes = ew.divide(ew.add(ew.multiply(2, covariance), c2), ew.add(variances, c2))
    product = ew.multiply(of_means, of_shapes)
    total = reduce.sum(product, axis=(1, 2, 3))
    result = ew.divide(total, math.prod(shape_of(product)[1:]))
    return result if is_batch else reshape(result, ())


__all__ = ["gaussian_blur", "sobel_edges", "ssim"]
