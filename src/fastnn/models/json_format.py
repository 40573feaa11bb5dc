"""Models from JSON."""

import json

from fastnn.serialization import deserialize_keras_object


def model_from_json(json_string, custom_objects=None):
    """The model of what `model.to_json()` gave, with new weights.

    Args:
        json_string: JSON.
        custom_objects: dict from names in the config to the user's classes and functions.

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
        >>> fastnn.models.model_from_json(model.to_json()).output_shape
        (None, 3)
    """
    return deserialize_keras_object(json.loads(json_string), custom_objects=custom_objects)
