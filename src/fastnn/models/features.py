"""Feature and Cross: what one column of structured data is, and which columns are looked at together."""

from fastnn.layers.core.identity import Identity
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class TFDIdentity(Identity):
    """What plain numbers go through; the name stands in Keras's files."""


class Cross:
    """Columns whose values are looked at together.

    Args:
        feature_names: their names.
        crossing_dim: how many bins the combinations are hashed into.
        output_mode: "int" or "one_hot".

    Raises:
        ValueError: for another mode.
    """

    def __init__(self, feature_names, crossing_dim, output_mode="one_hot"):
        _check_mode(output_mode, {"int", "one_hot"})
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict:
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Feature:
    """How a column is read and encoded.

    Args:
        dtype: "float32", "int32" or "string".
        preprocessor: the layer that it goes through, or its config.
        output_mode: "float" for the layer's results as they are, "int" for its indices, "one_hot" for vectors of them.

    Raises:
        ValueError: for another mode.
    """

    def __init__(self, dtype, preprocessor, output_mode):
        _check_mode(output_mode, {"int", "one_hot", "float"})
        self.dtype = dtype
        self.preprocessor = deserialize_keras_object(preprocessor) if isinstance(preprocessor, dict) else preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict:
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def categories_of(layer) -> int | None:
    """How many indices a preprocessing layer makes; None where that is not known."""
    return getattr(layer, "_categories", None)


def learns(layer) -> bool:
    """Whether a preprocessing layer finds something in data: those that were told what they need do not."""
    return getattr(layer, "_learns", hasattr(layer, "adapt"))


def _check_mode(mode: str, allowed: set[str]) -> None:
    if mode not in allowed:
        raise ValueError(
            f"Invalid value for argument `output_mode`. Expected one of {sorted(allowed)}. Received: output_mode={mode}"
        )
