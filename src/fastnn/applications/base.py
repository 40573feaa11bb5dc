"""What all applications share: arguments, inputs, what stands on top of the features, and weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastnn import activations, config, layers, utils
from fastnn.graph.symbolic import KerasTensor
from fastnn.models.model import Model

KERAS_FILES = "https://storage.googleapis.com/tensorflow/keras-applications/"
IMAGENET_CLASSES = 1000

ARGUMENTS = """
    Args:
        include_top: whether the classifier stands on the features; without it the outputs are the last feature maps, or
            what `pooling` makes of them.
        weights: "imagenet" (downloaded once), the path of a file of weights, or None for random ones.
        input_tensor: KerasTensor to build on; None makes an `Input`.
        input_shape: (height, width, channels) of images, channels first when the data format says so; None for the
            size that the model was trained with, or without the classifier for any size.
        pooling: of the features when there is no classifier: None, "avg" or "max".
        classes: how many, when there is a classifier.
        classifier_activation: of the classifier; None for logits.
        name: the model's.

    Returns:
        A `Model`.

    Raises:
        ValueError: for arguments that do not fit each other or the weights.
"""
NAME = "        name: the model's.\n"
PREPROCESSING = "        include_preprocessing: whether the model scales the images, whose values are then 0 to 255.\n"


@dataclass(frozen=True)
class Files:
    """Where the weights of one model are published, with and without the classifier.

    Attributes:
        folder: address, with a slash at its end.
        names: of the two files.
        hashes: of the two files; None where none is known.
        published: their names at the address, where they have others.
    """

    folder: str
    names: tuple[str, str]
    hashes: tuple[str | None, str | None] = (None, None)
    published: tuple[str, str] | None = None

    def fetch(self, include_top: bool) -> str:
        """The path of the file, downloaded unless it is there."""
        k = 0 if include_top else 1
        address = self.folder + (self.published or self.names)[k]
        return utils.get_file(self.names[k], address, cache_subdir="models", file_hash=self.hashes[k])


@dataclass(frozen=True)
class Family:
    """What the models of a family have in common.

    Attributes:
        default_size: height and width of the images that the model was trained with.
        min_size: the least height and width.
        top: `(features, classes, activation) -> outputs`.
        pool_names: of the layers that pool when there is no classifier; None for automatic names.
        needs_size: whether the classifier needs a known image size.
        last: what stands on the (pooled) features when there is no classifier.
    """

    default_size: int = 224
    min_size: int = 32
    top: Callable | None = None
    pool_names: tuple[str | None, str | None] = ("avg_pool", "max_pool")
    needs_size: bool = True
    last: Callable | None = None


def build(
    features, family: Family, files: Files | None, *, name, include_top, weights, input_tensor, input_shape, pooling,
    classes, classifier_activation,
) -> Model:  # fmt: skip
    """The model whose features are `features(image)`; the other arguments are those of every application."""
    _check_weights(weights, include_top, classes, classifier_activation)
    shape = image_shape(input_shape, family, weights, include_top and family.needs_size)
    image = layers.Input(shape) if input_tensor is None else _as_input(input_tensor, shape)
    x = features(image)
    if include_top:
        x = (family.top or average_and_dense)(x, classes, classifier_activation)
    else:
        x = _without_classifier(x, pooling, family)
    model = Model(image if input_tensor is None else _sources(image), x, name=name)
    if weights is not None:
        model.load_weights(files.fetch(include_top) if weights == "imagenet" else weights)
    return model


def _without_classifier(x, pooling, family: Family):
    if pooling == "avg":
        x = layers.GlobalAveragePooling2D(name=family.pool_names[0])(x)
    elif pooling == "max":
        x = layers.GlobalMaxPooling2D(name=family.pool_names[1])(x)
    return x if family.last is None else family.last(x)


def application(title: str, paper: str, features, family: Family, files: Files, name: str, example: str = ""):
    """A public function with the arguments that most applications have.

    Args:
        title: the function's name.
        paper: for the docstring.
        features, family, files: as in `build`.
        name: default name of the model.
        example: for the docstring; one that costs nothing to run is left out where models are large.
    """

    def model(
        include_top=True, weights="imagenet", input_tensor=None, input_shape=None, pooling=None, classes=1000,
        classifier_activation="softmax", name=name,
    ):  # fmt: skip
        return build(
            features, family, files, name=name, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip

    return documented(model, title, paper, example)


def documented(function, title: str, paper: str, example: str = "", has_preprocessing: bool = False):
    """`function` with a name and a docstring; `has_preprocessing` for one with the argument `include_preprocessing`."""
    function.__name__ = function.__qualname__ = title
    shown = f"\n    Example:\n        >>> {example or f'fastnn.applications.{title}()  # doctest: +SKIP'}\n"
    arguments = ARGUMENTS.replace(NAME, PREPROCESSING + NAME) if has_preprocessing else ARGUMENTS
    function.__doc__ = f"{title}, a classifier of images.\n{arguments}{shown}\n    Paper: {paper}.\n    "
    return function


def average_and_dense(x, classes, activation, name="avg_pool"):
    """The mean of each feature map, then one layer."""
    x = layers.GlobalAveragePooling2D(name=name)(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)


def channel_axis() -> int:
    """The axis of the channels, as published configs have it."""
    return 3 if config.image_data_format() == "channels_last" else 1


def image_shape(shape, family: Family, weights, needs_size: bool) -> tuple[int | None, ...]:
    """The shape of the images: `shape` when it fits, else the default.

    Raises:
        ValueError: when it does not fit.
    """
    is_last = config.image_data_format() == "channels_last"

    def order(height, width, channels):
        return (height, width, channels) if is_last else (channels, height, width)

    size = family.default_size
    default = order(size, size, 3)
    if shape is None:
        return default if needs_size else order(None, None, 3)
    shape = tuple(shape)
    if len(shape) != 3:
        raise ValueError(f"`input_shape` must be a tuple of three integers. Received: input_shape={shape}")
    height, width, channels = shape if is_last else (*shape[1:], shape[0])
    if weights == "imagenet":
        if needs_size and shape != default:
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` should be "
                f"{default}. Received: input_shape={shape}"
            )
        if channels != 3:
            raise ValueError(f"The input must have 3 channels with `imagenet` weights; Received: input_shape={shape}")
    elif channels not in (1, 3):
        warnings.warn(f"Images have usually 1 or 3 channels; input_shape={shape} has {channels}.", stacklevel=4)
    if any(n is not None and n < family.min_size for n in (height, width)):
        least = f"{family.min_size}x{family.min_size}"
        raise ValueError(f"Input size must be at least {least}; Received: input_shape={shape}")
    if needs_size and None in shape:
        raise ValueError(
            f"If `include_top` is True, you should specify a static `input_shape`. Received: input_shape={shape}"
        )
    return shape


def _check_weights(weights, include_top, classes, classifier_activation) -> None:
    if weights not in ("imagenet", None) and not Path(weights).exists():
        raise ValueError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' (pre-training on "
            f"ImageNet), or the path to the weights file to be loaded. Received: weights={weights}"
        )
    if weights != "imagenet" or not include_top:
        return
    if classes != IMAGENET_CLASSES:
        raise ValueError(
            "If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000. Received: "
            f"classes={classes}"
        )
    if activations.get(classifier_activation) not in (activations.softmax, activations.linear):
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` argument when using "
            f"pretrained weights, with `include_top=True`; Received: classifier_activation={classifier_activation}"
        )


def _as_input(tensor, shape):
    return tensor if isinstance(tensor, KerasTensor) else layers.Input(shape, tensor=tensor)


def _sources(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that `tensor` was made of."""
    found, todo, seen = [], [tensor], set()
    while todo:
        x = todo.pop()
        if x in seen:
            continue
        seen.add(x)
        before = x.call.inputs if x.call is not None else []
        todo += reversed(before)
        if not before:
            found.append(x)
    return found
