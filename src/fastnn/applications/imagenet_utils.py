"""What goes into models that were trained on ImageNet, and what their predictions mean."""

import json

import numpy as np

from fastnn import config, ops, utils
from fastnn.graph.symbolic import KerasTensor

__all__ = ["decode_predictions", "preprocess_input"]

CLASS_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"

# Of the training images, in the order of the channels that the mode works on.
_MEANS = {"caffe": (103.939, 116.779, 123.68), "torch": (0.485, 0.456, 0.406)}
_DEVIATIONS = {"torch": (0.229, 0.224, 0.225)}


def preprocess_input(x, data_format=None, mode="caffe"):
    """Images with values 0 to 255 as the models that were trained in some framework want them.

    Args:
        x: array or KerasTensor of RGB images, of three or four dimensions. An array of floats stays in its dtype;
            others become `floatx`. The array itself is not changed.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        mode: "caffe" (BGR, less the mean of ImageNet's channels), "tf" (-1 to 1) or "torch" (0 to 1, then less the
            mean and divided by the standard deviation of ImageNet's channels).

    Raises:
        ValueError: for another mode or data format.

    Example:
        >>> preprocess_input(np.array([[[0.0, 127.5, 255.0]]]), mode="tf")
        array([[[-1.,  0.,  1.]]])
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}")
    data_format = config.image_data_format() if data_format is None else data_format
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            "Expected data_format to be one of `channels_first` or `channels_last`. Received: "
            f"data_format={data_format}"
        )
    if not isinstance(x, KerasTensor):
        x = np.asarray(x)
        x = x if np.issubdtype(x.dtype, np.floating) else x.astype(config.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = len(x.shape) - (1 if data_format == "channels_last" else 3)
    x = ops.flip(x, axis) if mode == "caffe" else x / 255.0

    def of_channels(values):
        return np.asarray(values, x.dtype).reshape([3 if k == axis else 1 for k in range(len(x.shape))])

    x = x - of_channels(_MEANS[mode])
    return x / of_channels(_DEVIATIONS[mode]) if mode in _DEVIATIONS else x


def decode_predictions(preds, top=5):
    """The classes with the largest predictions.

    Args:
        preds: array of shape (samples, 1000).
        top: how many.

    Returns:
        For each sample a list of (WordNet id, name, prediction), the largest first.

    Raises:
        ValueError: for another shape.

    Example:
        >>> decode_predictions(np.eye(1000)[[281]], top=1)  # doctest: +SKIP
        [[('n02123045', 'tabby', 1.0)]]
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, 1000)). Received "
            f"array with shape: {preds.shape}"
        )
    path = utils.get_file("imagenet_class_index.json", CLASS_INDEX, cache_subdir="models", file_hash=CLASS_INDEX_MD5)
    with open(path) as file:
        names = json.load(file)
    order = np.argsort(-preds, axis=1, kind="stable")[:, :top]
    return [[(*names[str(k)], row[k]) for k in best] for row, best in zip(preds, order, strict=True)]
