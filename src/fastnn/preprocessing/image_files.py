"""Images in files and as arrays, through Pillow."""

import importlib
import io
import pathlib
import warnings

import numpy as np

from fastnn import config
from fastnn.layers.image_format import standardize_data_format

MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow():
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ImportError("Images need Pillow: install `fastnn-cpu[image]`, or pillow itself.") from error


def opened(path, color_mode: str):
    """The image in a file, as Pillow's, in one of the modes of `color_mode`."""
    if color_mode not in MODES:
        raise ValueError(f'color_mode must be "grayscale", "rgb", or "rgba". Received: color_mode={color_mode}')
    if not isinstance(path, (pathlib.Path, bytes, str, io.BytesIO)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    image = _pillow().open(path)
    image.load()  # reads all of it, and closes the file
    return image if image.mode in MODES[color_mode] else image.convert(MODES[color_mode][0])


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """The image in a file.

    Args:
        path: a path, or the bytes as `io.BytesIO`.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) to resize it to.
        interpolation: how: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: whether what does not fit the ratio of `target_size` is cut off first.

    Returns:
        An image of Pillow.

    Raises:
        ValueError: for another color mode or interpolation.
        TypeError: for what is no path.
        ImportError: without Pillow.
    """
    image = opened(path, color_mode)
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are "
            f"{', '.join(_INTERPOLATIONS)}"
        )
    width, height = image.size
    target_height, target_width = target_size
    box = (0, 0, width, height)
    if keep_aspect_ratio:
        inner_height = min(height, width * target_height // target_width)
        inner_width = min(width, height * target_width // target_height)
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        box = (left, top, left + inner_width, top + inner_height)
    resampling = getattr(_pillow().Resampling, interpolation.upper())
    return image.resize((target_width, target_height), resampling, box=box)


def img_to_array(img, data_format=None, dtype=None):
    """An image of Pillow as an array.

    Args:
        img: the image.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        dtype: `floatx()` by default.

    Returns:
        Array (height, width, channels), or (channels, height, width).

    Raises:
        ValueError: for an image of another rank.

    Example:
        >>> fastnn.utils.img_to_array(np.zeros((2, 3), "uint8")).shape
        (2, 3, 1)
    """
    is_first = standardize_data_format(data_format) == "channels_first"
    x = np.asarray(img, dtype=dtype or config.floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}")
    x = x[:, :, None] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if is_first else x


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array as an image of Pillow.

    Args:
        x: (height, width, channels) with 1, 3 or 4 channels; (channels, height, width) when `data_format` says so.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        scale: whether the smallest value becomes 0 and the largest 255.
        dtype: in which that is computed; `floatx()` by default.

    Raises:
        ValueError: for another rank or number of channels.
        ImportError: without Pillow.
    """
    is_first = standardize_data_format(data_format) == "channels_first"
    x = np.asarray(x, dtype=dtype or config.floatx())
    if x.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    x = x.transpose(1, 2, 0) if is_first else x
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {x.shape[2]}")
    if scale:
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    from_array = _pillow().fromarray
    if x.shape[2] > 1:
        return from_array(x.astype("uint8"))
    return from_array(x[:, :, 0].astype("int32" if x.max() > 255 else "uint8"))


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Writes an array to an image file.

    Args:
        path: where to; or a file object, with `file_format`.
        x: see `array_to_img`.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        file_format: such as "png"; by the ending of the path by default.
        scale: whether the smallest value becomes 0 and the largest 255.
        kwargs: passed to Pillow's `save`.

    Raises:
        ValueError: as `array_to_img`.
        ImportError: without Pillow.
    """
    if file_format is None and isinstance(path, (str, pathlib.Path)):
        file_format = pathlib.Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)
