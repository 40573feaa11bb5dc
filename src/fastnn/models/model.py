"""Model: layers that make one network. What a model computes is here; how it is trained is `training.trainer`'s."""

from __future__ import annotations

import functools
import warnings

import numpy as np

from fastnn import saving, tree
from fastnn.graph.symbolic import KerasTensor
from fastnn.layers import call_context, masking
from fastnn.layers.call_signature import array_arguments, shapes_of
from fastnn.layers.layer import Layer
from fastnn.layers.shapes import as_shapes, is_shape, map_shapes
from fastnn.layers.text import is_text
from fastnn.layers.tracking import Children
from fastnn.models import state_tree as state_trees
from fastnn.models.inputs import match_inputs
from fastnn.models.network import Network
from fastnn.serialization import serialize_keras_object
from fastnn.training.trainer import Trainer


class Model(Trainer, Layer):
    """Layers that make one network, which can be trained, saved and shown.

    Made in one of three ways: `Model(inputs, outputs)` from KerasTensors; a subclass with layers made in `__init__` and
    used in `call`; or `Sequential`.

    Args:
        inputs: KerasTensor, or a list or dict of them.
        outputs: KerasTensor, or a list or dict of them.
        name: defaults to "functional", or the subclass's name in snake case, numbered.
        trainable: whether its weights are trained.

    Raises:
        ValueError: when an output does not depend on the inputs alone.

    Example:
        >>> x = fastnn.Input((4,))
        >>> model = fastnn.Model(x, fastnn.layers.Dense(3)(x))
        >>> model(np.zeros((2, 4), "float32")).shape
        (2, 3)
    """

    _unversioned_attributes = Layer._unversioned_attributes | {"history", "stop_training"}

    def __new__(cls, *args, **kwargs):
        if cls is Model and _is_functional(args, kwargs):
            cls = Functional
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args, **kwargs):
        network = None
        if _is_functional(args, kwargs):
            network = Network(*_take_inputs_and_outputs(args, kwargs))
            args = args[2:] if len(args) > 1 else ()
        if args:
            raise TypeError(
                f"{type(self).__name__}() takes inputs and outputs as positional arguments only; got {args}."
            )
        super().__init__(**kwargs)
        self._network = network
        if network is not None:
            self.built = True

    def __call__(self, *args, **kwargs):
        if not args or not is_text(args[0]):
            return super().__call__(*args, **kwargs)
        prepared = self._on_host(args[0])
        if not is_text(prepared):
            return super().__call__(prepared, *args[1:], **kwargs)
        if self._network is not None:  # nothing but layers of strings
            return self._network.host_part.run(prepared, self.name)
        return self._call_now((prepared, *args[1:]), kwargs)

    def _on_host(self, inputs):
        """What the compiled part of the network takes for `inputs`: where they hold strings, the results of the layers
        that read them. Strings stay strings where there is no such part, or no network."""
        if not is_text(inputs):
            return inputs
        if isinstance(inputs, (list, tuple, str)) and all(isinstance(leaf, str) for leaf in tree.flatten(inputs)):
            inputs = np.asarray(inputs)
        if not self.built:
            self._build_on_strings(inputs)
        part = None if self._network is None else self._network.host_part
        return inputs if part is None or part.rest is None else part.run(inputs, self.name)

    def _build_on_strings(self, inputs) -> None:
        """Makes the network of a `Sequential` without an input."""

    def _compiled_inputs(self) -> list | None:
        """The KerasTensors that the compiled part begins with: `inputs`, but for models of strings."""
        if self._network is None:
            return None
        part = self._network.host_part
        return self.inputs if part is None or part.rest is None else part.rest.inputs

    def _has_host_layers(self) -> bool:
        return any(layer.runs_on_host for layer in self._flatten_layers())

    def _check_host_layers(self) -> None:
        """Raises ValueError when a layer would be trained that runs outside of what is differentiated."""
        if self._network is not None and self._network.host_part is not None:
            self._network.host_part.check_trainable(self.name)

    def call(self, inputs, training=None, mask=None):
        """The outputs for `inputs`: by the network of `Model(inputs, outputs)`, else written by the subclass."""
        network = self._network
        if network is None:
            raise NotImplementedError(
                f"Model {type(self).__name__} does not have a `call()` method implemented. Implement it, or pass "
                "`inputs` and `outputs` to `Model()`."
            )
        if network.host_part is not None:
            network = network.host_part.rest  # what is called here has been through `_on_host`
        values = match_inputs(inputs, network.inputs_structure, network.input_layers, self.name)
        return network.run(masking.enter(values, mask))

    def get_build_config(self):
        return super().get_build_config() if self._network is None else {"input_shape": None}

    def build_from_config(self, config):
        """Builds it for the shapes of `get_build_config`, where it has no `build` of its own by a call on
        nothing."""
        if "input_shape" not in (config or {}) or type(self).build is not Layer.build:
            super().build_from_config(config)
            return
        self._build_for(as_shapes(config["input_shape"]))

    def _build_for(self, shapes) -> None:
        to_tensor = functools.partial(KerasTensor, dtype=self.compute_dtype)
        try:
            self.compute_output_spec(map_shapes(to_tensor, shapes))
        except Exception as error:  # the call of a user's class, on inputs of which the config says the shape alone
            warnings.warn(f"{self!r} could not be built for inputs of shape {shapes}: {error}", stacklevel=2)
            return
        self.build(shapes)

    def compute_output_spec(self, *args, **kwargs):
        """The outputs for KerasTensors `args` and `kwargs`, as KerasTensors."""
        if self._network is not None and self._network.host_part is not None:
            return tree.map_structure(lambda y: KerasTensor(y.shape, y.dtype), self._network.outputs_structure)
        return super().compute_output_spec(*args, **kwargs)

    def build(self, input_shape):
        """Makes the weights of a subclassed model, by tracing `call` for inputs of the given shape(s).

        Args:
            input_shape: tuple with the batch (None where unknown), or a structure of them.
        """
        if self._network is None and (is_shape(input_shape) or tree.is_nested(input_shape)):
            inputs = map_shapes(lambda shape: KerasTensor(shape, self.compute_dtype), input_shape)
            self.compute_output_spec(inputs)

    def _maybe_build(self, bound) -> None:
        if type(self).build in (Model.build, Layer.build):
            self.built = True  # its layers are built as `call` reaches them
            inputs = array_arguments(bound)
            if len(inputs) == 1 and not call_context.is_probing():
                self._state.build_shapes = {"input_shape": as_shapes(shapes_of(*inputs.values()))}
        else:
            super()._maybe_build(bound)

    def _scan(self) -> Children:
        children = super()._scan()
        network = self.__dict__.get("_network")
        if network is not None:
            known = {id(layer) for layer in network.layers}
            children.layers = network.layers + [layer for layer in children.layers if id(layer) not in known]
        return children

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model."""
        return list(self._children().layers)

    @layers.setter
    def layers(self, _):
        raise AttributeError(f"`{type(self).__name__}.layers` attribute is reserved and should not be used.")

    @property
    def operations(self) -> list:
        """The layers and the ops of a functional model, in the order of `layers`.

        Raises:
            AttributeError: for other models.
        """
        return self._recorded("operations").called()

    @property
    def inputs(self) -> list:
        """The KerasTensors that go in.

        Raises:
            AttributeError: for subclassed models, and `Sequential` ones whose input is not known yet; so do the next.
        """
        return self._recorded("inputs").inputs

    @property
    def outputs(self) -> list:
        """The KerasTensors that come out."""
        return self._recorded("outputs").outputs

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [layer.name for layer in self._recorded("input_names").input_layers]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs; a layer that makes several is there several times."""
        network = self._recorded("output_names")
        sources = network.source_of()
        return [sources[id(y)][0] for y in network.outputs]

    def _recorded(self, what: str) -> Network:
        """The network, for the property `what`."""
        if self._network is None:
            raise AttributeError(f"Model {self.name!r} has no {what}: it is not of KerasTensors, or not built yet.")
        return self._network

    @property
    def input(self):
        """`inputs`, in their structure."""
        return super().input if self._network is None else self._network.inputs_structure

    @property
    def output(self):
        """`outputs`, in their structure."""
        return super().output if self._network is None else self._network.outputs_structure

    @property
    def input_shape(self):
        """The shapes of `input`."""
        return tree.map_structure(lambda x: x.shape, self._recorded("input_shape").inputs_structure)

    @property
    def output_shape(self):
        """The shapes of `output`."""
        return tree.map_structure(lambda x: x.shape, self._recorded("output_shape").outputs_structure)

    def get_layer(self, name=None, index=None) -> Layer:
        """The layer of that name, or at that place in `layers`.

        Raises:
            ValueError: when there is none, with the names there are.
        """
        if (name is None) == (index is None):
            raise ValueError(
                f"Provide one of a layer name and a layer index at `get_layer`. Got name={name}, index={index}."
            )
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has {len(self.layers)} layers."
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in self.layers]}.")

    def save(self, filepath, overwrite=True, zipped=None, **kwargs) -> None:
        """Writes the whole model to a file that Keras reads too: config, compilation, weights, optimizer.

        Args:
            filepath: ends in `.keras`; or in `.h5` or `.hdf5`, for the layout of Keras 2.
            overwrite: whether an existing file is replaced.
            zipped: only None or True.
            kwargs: none are known.

        Raises:
            ValueError: for another ending, or a model that is not built.
            FileExistsError: when the file is there and `overwrite` is false.
        """
        if kwargs:
            raise ValueError(f"save: unknown arguments {sorted(kwargs)}.")
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None) -> None:
        """Writes the weights, and the optimizer's state, to a `.weights.h5` file that Keras reads too.

        Args:
            filepath: ends in `.weights.h5`, or in `.safetensors` (weights alone); with `max_shard_size` in
                `.weights.json`.
            overwrite: whether an existing file is replaced.
            max_shard_size: the largest size in GiB of one file; None: one file.

        Raises:
            ValueError: for another ending, or a model that is not built.
            FileExistsError: when the file is there and `overwrite` is false.
        """
        saving.save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs) -> None:
        """Reads what `save_weights`, or Keras 3's, wrote.

        Args:
            filepath: ends in `.weights.h5`, `.weights.json`, `.safetensors`, or in `.h5` for the layout of Keras 2.
            skip_mismatch: whether layers whose weights do not fit are left as they are, with a warning.

        Raises:
            ValueError: when the weights do not fit, with both shapes; the model is as it was.
        """
        saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs) -> None:
        """Writes what the model computes at inference to an ONNX file, for ONNX Runtime and other engines.

        The batch, and every other size that is None in the shapes of the inputs, stays open. Inputs have the names of
        the model's inputs, outputs those of the layers that make them, and weights their paths. The file is replaced in
        one step; arrays of more than 2 GB in all go into a second file beside it, `<name>.data`.

        Args:
            filepath: where to; ends in `.onnx`, unless `format` says so.
            format: "onnx"; with Keras's default the ending of `filepath` decides.
            verbose: whether a line says what was written; None: yes.
            input_signature: `InputSpec`s or other things with `shape` and `dtype`, in the structure of the inputs.
                Needed for a subclassed model that was not called yet, or to fix sizes that are None.
            kwargs: `opset_version`: the version of ONNX's ops, at least 18, the default.

        Raises:
            ValueError: for another format, or for a computation that ONNX has no ops for, with the layer's name.
            ImportError: without the package `onnx`.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
            >>> import tempfile
            >>> model.export(tempfile.mkdtemp() + "/model.onnx", verbose=False)
        """
        from fastnn.export.exporting import export_model  # a tenth of what a first import takes, and few export

        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def quantize(self, mode=None, config=None, filters=None, **kwargs) -> None:
        """Keeps the weights of the layers that can in few bits; warns of the others. A compiled model is to be compiled
        again.

        Args:
            mode: "int8", "int4" or "float8"; that of `config` by default.
            config: a `QuantizationConfig`; by default that of the mode.
            filters: which layers: a regular expression that is found in their names, a list of some, or a function of
                the layer.
            kwargs: `type_check=False` quantizes subclasses of layers that can, too.

        Raises:
            ValueError: for an unknown mode, a model that is not built, or a layer that is quantized already; the model
                is as it was.
            NotImplementedError: for "gptq" and "awq".

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((8,)), fastnn.layers.Dense(4)])
            >>> model.layers[0].quantization_mode
            >>> model.quantize("int8", filters="dense")
            >>> model.layers[0].quantization_mode
            'int8'
        """
        from fastnn.models import quantization  # a twentieth of what a first import takes, and few quantize

        quantization.quantize(self, mode, config, filters, **kwargs)

    def get_state_tree(self, value_format="backend_tensor") -> dict:
        """Copies of all values, in dicts by the parts of the variables' paths.

        Args:
            value_format: "backend_tensor" or "numpy_array", which are the same here.

        Returns:
            A dict with "trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables".

        Raises:
            ValueError: for another format.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((1,)), fastnn.layers.Dense(1, name="d")], name="m")
            >>> model.get_state_tree()["trainable_variables"]["m"]["d"]["bias"]
            array([0.], dtype=float32)
        """
        return state_trees.get_state_tree(self, value_format)

    def set_state_tree(self, state_tree) -> None:
        """Assigns the values of a tree like that of `get_state_tree`, of which parts may be missing.

        Args:
            state_tree: dict; paths that the model does not have are ignored, as in Keras.

        Raises:
            ValueError: for another group of variables, or a value of another shape; nothing has changed then.
        """
        state_trees.set_state_tree(self, state_tree)

    def summary(
        self, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
        layer_range=None,
    ):  # fmt: skip
        """Prints the layers, what they make and how many numbers their weights hold.

        Args:
            line_length: width in characters; that of the terminal by default.
            positions: where the columns end, as shares of the width.
            print_fn: takes the text instead of `print`.
            expand_nested: whether the layers of models inside are listed too.
            show_trainable: whether a column says which layers are trained.
            layer_range: two names (or regular expressions): the first and the last layer to list.

        Raises:
            ValueError: for a `layer_range` that no layer matches.

        Example:
            >>> fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)]).summary(print_fn=lambda text: None)
        """
        from fastnn.models.summary import summary_text  # not in a first import

        text = summary_text(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print_fn or print)(text)

    def get_config(self) -> dict:
        """What `from_config` makes such a model from, without its weights."""
        if self._network is not None and type(self).__init__ is Model.__init__:
            from fastnn.models import functional_config  # not in a first import

            return functional_config.get_config(self)
        return super().get_config()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model from the result of `get_config`.

        Args:
            config: dict.
            custom_objects: dict from names in the config to the user's classes and functions.
        """
        if "input_layers" in config and "output_layers" in config and "layers" in config:
            from fastnn.models import functional_config  # not in a first import

            return functional_config.from_config(cls, config, custom_objects)
        return super().from_config(config)

    def to_json(self, **kwargs) -> str:
        """The config with its class, as JSON; `fastnn.models.model_from_json` makes the model again.

        Args:
            kwargs: passed to `json.dumps`.
        """
        import json  # not in a first import

        return json.dumps(serialize_keras_object(self), **kwargs)


class Functional(Model):
    """What `Model(inputs, outputs)` makes."""

    def _records_more(self, args, kwargs) -> bool:
        return True  # it converts nothing itself


def _is_functional(args, kwargs) -> bool:
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


def _take_inputs_and_outputs(args, kwargs):
    """inputs and outputs, taken out of `kwargs` where they are."""
    inputs = args[0] if args else kwargs.pop("inputs")
    return inputs, args[1] if len(args) > 1 else kwargs.pop("outputs")
