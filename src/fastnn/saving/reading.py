"""What the readers of files share: the model of a config, and errors that say what is wrong with a file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from fastnn.layers.layer import Layer
from fastnn.serialization import deserialize_keras_object


@contextlib.contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Makes ValueErrors of what a broken file makes Python and its libraries raise."""
    try:
        yield
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} is no file of a model: its config is no JSON: {error}") from error
    except (ValueError, TypeError, OSError, ImportError, NotImplementedError):
        raise
    except Exception as error:
        raise ValueError(f"{name} is no file of a model: {type(error).__name__}: {error}") from error


def model_of(config, name: str) -> Layer:
    """The model that a config from the file `name` describes.

    Raises:
        ValueError: when it describes something else.
    """
    model = deserialize_keras_object(config)
    if not isinstance(model, Layer):
        raise ValueError(f"{name} holds no model but {model!r:.200}.")
    return model
