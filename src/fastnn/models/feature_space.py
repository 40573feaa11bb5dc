"""FeatureSpace: rows of structured data, with columns of many kinds, to numbers."""

from __future__ import annotations

import numpy as np

from fastnn import layers, naming, tree
from fastnn.layers.layer import Layer
from fastnn.layers.preprocessing.host_layer import iterated
from fastnn.models.features import Cross, Feature, TFDIdentity, categories_of, learns
from fastnn.models.network import Network
from fastnn.saving import model_file
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_ROWS = 32  # of a batch, when a dict of whole columns is adapted to: as in Keras, whose quantiles it decides


class FeatureSpace(Layer):
    """Encodes columns of structured data, each in its own way, and joins them.

    Args:
        features: `{name: kind}` of the columns. A kind is the result of one of the methods `float`, `float_rescaled`,
            `float_normalized`, `float_discretized`, `integer_categorical`, `string_categorical`, `integer_hashed`,
            `string_hashed` or `feature`; or the name of one of the first eight.
        output_mode: "concat" joins all encodings to one vector a row, by name; "dict" returns them by name.
        crosses: pairs (or more) of names whose combinations are features too; or results of the method `cross`.
        crossing_dim: into how many bins combinations are hashed.
        hashing_dim: into how many "integer_hashed" and "string_hashed" columns are.
        num_discretization_bins: how many bins "float_discretized" makes.
        name: defaults to "feature_space", numbered.

    Called on a dict of arrays or lists, (n,) or (n, 1) each, or of single values, after `adapt`. As part of a model:
    `get_inputs()` and `get_encoded_features()` are its inputs and what to go on with.

    Raises:
        ValueError: for unknown kinds, names and modes.

    Example:
        >>> data = {"age": [20.0, 30.0, 40.0], "town": ["Bonn", "Ulm", "Bonn"]}
        >>> space = fastnn.utils.FeatureSpace({"age": "float_rescaled", "town": "string_categorical"})
        >>> space.adapt(data)
        >>> space({"age": [25.0], "town": ["Bonn"]})
        array([[25.,  0.,  1.,  0.]], dtype=float32)
    """

    def __init__(
        self, features, output_mode="concat", crosses=None, crossing_dim=32, hashing_dim=32,
        num_discretization_bins=32, name=None,
    ):  # fmt: skip
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        if output_mode not in ("dict", "concat"):
            raise ValueError(
                "Invalid value for argument `output_mode`. Expected one of {'dict', 'concat'}. Received: "
                f"output_mode={output_mode}"
            )
        self.output_mode = output_mode
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._as_feature(key, value) for key, value in features.items()}
        self.crosses = [self._as_cross(cross) for cross in crosses or ()]
        self.inputs = {
            key: layers.Input(shape=(1,), dtype=feature.dtype, name=key) for key, feature in self.features.items()
        }
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self.one_hot_encoders = {}
        self.concat = None
        self.encoded_features = None
        self._is_adapted = not any(learns(layer) for layer in self.preprocessors.values())
        self._encoding: Network | None = None

    # -- kinds of columns ----------------------------------------------------------------------------------------------

    @classmethod
    def cross(cls, feature_names, crossing_dim, output_mode="one_hot") -> Cross:
        """Combinations of the values of columns, hashed into `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype, preprocessor, output_mode) -> Feature:
        """A column that goes through a layer of yours.

        Args:
            dtype: of the column: "float32", "int32" or "string".
            preprocessor: the layer.
            output_mode: "float" when its results are numbers, "int" when they are indices, "one_hot" for vectors.
        """
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name=None) -> Feature:
        """Numbers as they are."""
        return _feature("float32", TFDIdentity, "float", name or naming.auto_name("float"), dtype="float32")

    @classmethod
    def float_rescaled(cls, scale=1.0, offset=0.0, name=None) -> Feature:
        """Numbers times `scale`, plus `offset`."""
        name = name or naming.auto_name("float_rescaled")
        return _feature("float32", layers.Rescaling, "float", name, scale=scale, offset=offset)

    @classmethod
    def float_normalized(cls, name=None) -> Feature:
        """Numbers with mean 0 and variance 1, by `Normalization`."""
        return _feature("float32", layers.Normalization, "float", name or naming.auto_name("float_normalized"), axis=-1)

    @classmethod
    def float_discretized(cls, num_bins, bin_boundaries=None, output_mode="one_hot", name=None) -> Feature:
        """The bins of numbers, by `Discretization`."""
        name = name or naming.auto_name("float_discretized")
        bins = {"num_bins": num_bins, "bin_boundaries": bin_boundaries}
        return _feature("float32", layers.Discretization, output_mode, name, **bins)

    @classmethod
    def integer_categorical(cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None) -> Feature:
        """The indices of integers, by `IntegerLookup`."""
        name = name or naming.auto_name("integer_categorical")
        limits = {"max_tokens": max_tokens, "num_oov_indices": num_oov_indices}
        return _feature("int32", layers.IntegerLookup, output_mode, name, **limits)

    @classmethod
    def string_categorical(cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None) -> Feature:
        """The indices of strings, by `StringLookup`."""
        name = name or naming.auto_name("string_categorical")
        limits = {"max_tokens": max_tokens, "num_oov_indices": num_oov_indices}
        return _feature("string", layers.StringLookup, output_mode, name, **limits)

    @classmethod
    def string_hashed(cls, num_bins, output_mode="one_hot", name=None) -> Feature:
        """The bins of strings, by `Hashing`."""
        name = name or naming.auto_name("string_hashed")
        return _feature("string", layers.Hashing, output_mode, name, num_bins=num_bins)

    @classmethod
    def integer_hashed(cls, num_bins, output_mode="one_hot", name=None) -> Feature:
        """The bins of integers, by `Hashing`."""
        name = name or naming.auto_name("integer_hashed")
        return _feature("int32", layers.Hashing, output_mode, name, num_bins=num_bins)

    def _as_feature(self, name: str, value) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, dict):
            return deserialize_keras_object(value)
        numbers = {
            "float": (), "float_normalized": (), "float_rescaled": (), "integer_categorical": (),
            "string_categorical": (), "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,), "string_hashed": (self.hashing_dim,),
        }  # fmt: skip
        if value not in numbers:
            raise ValueError(f"Invalid feature type: {value}. Expected a Feature, or one of {sorted(numbers)}.")
        return getattr(self, value)(*numbers[value], name=name)

    def _as_cross(self, value) -> Cross:
        value = deserialize_keras_object(value) if isinstance(value, dict) else value
        if isinstance(value, Cross):
            return value
        if not self.crossing_dim:
            raise ValueError("When specifying `crosses`, the argument `crossing_dim` should be specified as well.")
        if any(name not in self.features for name in value):
            raise ValueError(
                "All features referenced in the `crosses` argument should be present in the `features` dict. Received "
                f"unknown features: {value}"
            )
        return Cross(value, self.crossing_dim)

    # -- adapting ------------------------------------------------------------------------------------------------------

    def adapt(self, dataset) -> None:
        """Lets all layers that learn from data (vocabularies, means, bins) see some.

        Args:
            dataset: `{name: array or list}` of whole columns; or a `PyDataset` or another iterable of such dicts, which
                are batches or rows.

        Raises:
            ValueError: for anything else.
        """
        if isinstance(dataset, dict):
            dataset = _batches({name: np.asarray(column) for name, column in dataset.items()})
        if isinstance(dataset, (str, np.ndarray)) or not any(
            hasattr(dataset, name) for name in ("__iter__", "__len__")
        ):
            raise ValueError(
                "`adapt()` can only be called on a dict of arrays or lists, or an iterable of dicts. Received instead: "
                f"{dataset} (of type {type(dataset)})"
            )
        found = iterated(dataset)
        batches = list(found) if iter(found) is found else found  # a generator can be read once
        for name, layer in self.preprocessors.items():
            if learns(layer):
                layer.adapt(_column(batch[name]) for batch in batches)
        self._is_adapted = True
        self.get_encoded_features()

    # -- encoding ------------------------------------------------------------------------------------------------------

    def get_inputs(self) -> dict:
        """The inputs of the columns, `{name: KerasTensor}`."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self):
        """What is made of the inputs: a KerasTensor, or a dict of them.

        Raises:
            ValueError: before `adapt`, where that is needed; and for columns that cannot be joined.
        """
        if not self._is_adapted:
            raise ValueError("You need to call `.adapt(dataset)` on the FeatureSpace before you can start using it.")
        if self.encoded_features is None:
            encoded = {name: layer(self.inputs[name]) for name, layer in self.preprocessors.items()}
            crossed = {
                cross.name: self.crossers[cross.name]([encoded[name] for name in cross.feature_names])
                for cross in self.crosses
            }
            specs = {**{name: self.features[name] for name in sorted(encoded)}}
            specs |= {cross.name: cross for cross in sorted(self.crosses, key=lambda cross: cross.name)}
            outputs = {name: self._in_mode(name, spec, {**encoded, **crossed}[name]) for name, spec in specs.items()}
            self.encoded_features = outputs if self.output_mode == "dict" else self._joined(outputs)
            self._encoding = Network(self.inputs, self.encoded_features)
            self.built = True
        return self.encoded_features

    def _in_mode(self, name: str, spec, x):
        if spec.output_mode != "one_hot":
            return x
        if not x.dtype.startswith("int"):
            raise ValueError(
                f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor should return an integer dtype. "
                f"Instead it returns a {x.dtype} dtype."
            )
        count = categories_of(self.preprocessors.get(name) or self.crossers.get(name))
        if count is None:
            raise ValueError(
                f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard feature and the "
                "dimensionality of its output space is not known, thus it cannot be one-hot encoded. Try using "
                "`output_mode='int'`."
            )
        self.one_hot_encoders[name] = layers.CategoryEncoding(num_tokens=count, output_mode="multi_hot")
        return self.one_hot_encoders[name](x)

    def _joined(self, outputs: dict):
        for name, x in outputs.items():
            if not x.dtype.startswith("float"):
                raise ValueError(
                    f"Cannot concatenate features because feature '{name}' has not been encoded (it has dtype "
                    f"{x.dtype}). Consider using `output_mode='dict'`."
                )
        if len(outputs) == 1:
            return next(iter(outputs.values()))
        self.concat = layers.Concatenate(axis=-1)
        return self.concat(list(outputs.values()))

    def __call__(self, data):
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(f"A FeatureSpace can only be called with a dict. Received: data={data} ({type(data)})")
        missing = sorted(set(self.inputs) - set(data))
        if missing:
            raise ValueError(f"Missing data for the features {missing}. You passed a dict with keys {sorted(data)}.")
        columns = {name: np.asarray(data[name]) for name in self.inputs}
        is_row = any(column.ndim == 0 for column in columns.values())
        columns = {name: self._as_input(name, _column(column)) for name, column in columns.items()}
        outputs = self._encoding.run(tree.flatten(columns))
        return tree.map_structure(lambda y: y[0], outputs) if is_row else outputs

    def _as_input(self, name: str, column: np.ndarray) -> np.ndarray:
        """Columns of numbers are floats where the feature says so; large integers stay what they are."""
        return column.astype("float32") if self.features[name].dtype.startswith("float") else column

    # -- saving --------------------------------------------------------------------------------------------------------

    def get_config(self):
        return {
            "features": serialize_keras_object(self.features),
            "output_mode": self.output_mode,
            "crosses": serialize_keras_object(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    def get_build_config(self):
        return {name: feature.preprocessor.get_build_config() for name, feature in self.features.items()}

    def build_from_config(self, config):
        for name, inner in config.items():
            layer = self.features[name].preprocessor
            if not layer.built:
                layer.build_from_config(inner)
        self._is_adapted = True

    def save(self, filepath) -> None:
        """Writes it, with all that it has learned, to a `.keras` file; `load_model` reads it.

        Args:
            filepath: ends in `.keras`.
        """
        model_file.save_model(self, filepath)


def _feature(of: str, layer, output_mode: str, name: str, **arguments) -> Feature:
    return Feature(of, layer(name=f"{name}_preprocessor", **arguments), output_mode)


def _batches(columns: dict):
    """Rows of whole columns, some at a time."""
    count = len(next(iter(columns.values())))
    return [{name: column[k : k + _ROWS] for name, column in columns.items()} for k in range(0, count, _ROWS)]


def _column(x) -> np.ndarray:
    """`x` with an axis of rows and one of values: a single value, and an array of them, get what is missing."""
    x = np.asarray(x)
    return x.reshape(-1, 1) if x.ndim < 2 else x
