"""Data sets of images, texts and sounds in directories."""

from __future__ import annotations

import functools
import importlib
import wave
from fractions import Fraction

import numpy as np

from fastnn.layers.image_format import standardize_data_format
from fastnn.preprocessing import resizing
from fastnn.preprocessing.directories import Kind, from_directory
from fastnn.preprocessing.image_files import CHANNELS, opened

_TF_INTERPOLATIONS = (*resizing.INTERPOLATIONS, "area", "gaussian", "mitchellcubic")


def image_dataset_from_directory(
    directory, labels="inferred", label_mode="int", class_names=None, color_mode="rgb", batch_size=32,
    image_size=(256, 256), shuffle=True, seed=None, validation_split=None, subset=None, interpolation="bilinear",
    follow_links=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False, data_format=None, format="tf",
    verbose=True,
):  # fmt: skip
    """Batches of the images in a directory, read again in each epoch by threads.

    Args:
        directory: with a subdirectory for each class (or just images, without inferred labels).
        labels: "inferred" by the subdirectories, None, or a list of integers for the files in alphabetical order.
        label_mode: "int" (int32, (n,)), "binary" (float32, (n, 1)), "categorical" (float32, (n, classes)) or None.
        class_names: the subdirectories to read, in the order of their labels.
        color_mode: "rgb", "rgba" or "grayscale": 3, 4 or 1 channels.
        batch_size: images a batch; None for single ones.
        image_size: (height, width) that all are resized to.
        shuffle: whether files are shuffled, anew in each epoch.
        seed: an integer that says how.
        validation_split: which share of the files, the last ones, is for validation.
        subset: "training", "validation" or "both" (a list of two data sets), with `validation_split`.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        follow_links: whether links to directories are followed.
        crop_to_aspect_ratio: whether what does not fit the ratio of `image_size` is cut off, instead of distorting.
        pad_to_aspect_ratio: whether zeros fill up to that ratio.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        format: accepted for Keras; there is one kind of data set here.
        verbose: whether what was found is printed.

    Returns:
        A `Dataset` of float32 images in [0, 255], or pairs of them and labels, with the attributes `class_names` and
        `file_paths`; it goes into `fit`, has a length, and `map`, `take`, `batch` and other methods.

    Raises:
        ValueError: for arguments that do not fit, and when no images are found.
        ImportError: without Pillow, when images are read.
    """
    if color_mode not in CHANNELS:
        raise ValueError(
            f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={color_mode}'
        )
    image_size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(image_size, (list, tuple)) or len(image_size) != 2:
        raise ValueError(
            f"Invalid `image_size` value. Expected a tuple of 2 integers. Received: image_size={image_size}"
        )
    interpolation = interpolation.lower()
    if interpolation not in _TF_INTERPOLATIONS:
        raise ValueError(
            f"Argument `interpolation` should be one of {_TF_INTERPOLATIONS}. Received: interpolation={interpolation}"
        )
    _check_format(format)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    fit = resizing.cropped if crop_to_aspect_ratio else resizing.padded if pad_to_aspect_ratio else None
    is_first = standardize_data_format(data_format) == "channels_first"

    def load(path: str) -> np.ndarray:
        image = np.asarray(opened(path, color_mode))
        image = image[:, :, None] if image.ndim == 2 else image
        image = resizing.resized(image if fit is None else fit(image, image_size), image_size, interpolation)
        return image.transpose(2, 0, 1) if is_first else image

    kind = Kind("images", (".bmp", ".gif", ".jpeg", ".jpg", ".png"), load)
    return from_directory(
        kind, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, verbose,
    )  # fmt: skip


def text_dataset_from_directory(
    directory, labels="inferred", label_mode="int", class_names=None, batch_size=32, max_length=None, shuffle=True,
    seed=None, validation_split=None, subset=None, follow_links=False, format="tf", verbose=True,
):  # fmt: skip
    """Batches of the texts (`.txt`, in UTF-8) in a directory, read again in each epoch by threads.

    Args:
        directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, format,
            verbose: see `image_dataset_from_directory`.
        batch_size: texts a batch; None for single ones.
        max_length: characters after which texts are cut off.

    Returns:
        A `Dataset` of arrays (n,) of `str` objects, or pairs of them and labels, with the attributes `class_names` and
        `file_paths`.

    Raises:
        ValueError: for arguments that do not fit, and when no texts are found.
    """
    _check_format(format)

    def load(path: str) -> str:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(-1 if max_length is None else max_length)

    return from_directory(
        Kind("text files", (".txt",), load), directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose,
    )  # fmt: skip


def audio_dataset_from_directory(
    directory, labels="inferred", label_mode="int", class_names=None, batch_size=32, sampling_rate=None,
    output_sequence_length=None, ragged=False, shuffle=True, seed=None, validation_split=None, subset=None,
    follow_links=False, verbose=True,
):  # fmt: skip
    """Batches of the sounds (`.wav`) in a directory, read again in each epoch by threads.

    Args:
        directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose: see
            `image_dataset_from_directory`.
        batch_size: sounds a batch; None for single ones.
        sampling_rate: samples a second that all are brought to (needs SciPy); their own by default.
        output_sequence_length: to how many samples sounds are cut or filled with zeros; the longest of a batch by
            default.
        ragged: only False.

    Returns:
        A `Dataset` of float32 arrays (n, samples, channels) in [-1, 1), or pairs of them and labels, with the
        attributes `class_names` and `file_paths`.

    Raises:
        ValueError: for arguments that do not fit, and when no sounds are found.
    """
    if ragged:
        raise ValueError("`ragged=True` cannot be used with fastnn, which has no ragged arrays.")
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise ValueError(f"`sampling_rate` should be a positive integer. Received: sampling_rate={sampling_rate}")
    load = functools.partial(read_wav, sampling_rate=sampling_rate, length=output_sequence_length)
    return from_directory(
        Kind("audio files", (".wav",), load, _filled), directory, labels, label_mode, class_names, batch_size, shuffle,
        seed, validation_split, subset, follow_links, verbose,
    )  # fmt: skip


def read_wav(path: str, sampling_rate: int | None = None, length: int | None = None) -> np.ndarray:
    """The samples of a PCM file, float32 of shape (samples, channels) in [-1, 1)."""
    with wave.open(path, "rb") as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        content = file.readframes(file.getnframes())
    if width == 3:  # 24 bits become the upper ones of 32
        triples = np.frombuffer(content, np.uint8).reshape(-1, 3)
        samples = np.pad(triples, [(0, 0), (1, 0)]).view("<i4")[:, 0] / 2**31
    else:
        dtype, zero = {1: (np.uint8, 128), 2: ("<i2", 0), 4: ("<i4", 0)}[width]
        samples = (np.frombuffer(content, dtype).astype(np.float64) - zero) / 2 ** (8 * width - 1)
    samples = samples.reshape(-1, channels).astype(np.float32)
    if sampling_rate is not None and sampling_rate != rate:
        ratio = Fraction(sampling_rate, rate)
        resample = importlib.import_module("scipy.signal").resample_poly
        samples = resample(samples, ratio.numerator, ratio.denominator).astype(np.float32)
    return samples if length is None else _to_length(samples, length)


def _to_length(samples: np.ndarray, length: int) -> np.ndarray:
    return np.pad(samples[:length], [(0, max(0, length - len(samples))), (0, 0)])


def _filled(sounds: list[np.ndarray]) -> np.ndarray:
    longest = max(len(sound) for sound in sounds)
    return np.stack([_to_length(sound, longest) for sound in sounds])


def _check_format(format: str) -> None:
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
