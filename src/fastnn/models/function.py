"""Function: what leads from some KerasTensors to others, as a computation of its own."""

from __future__ import annotations

from fastnn import tree
from fastnn.graph.symbolic import KerasTensor, infer_outputs
from fastnn.layers.operation import Operation
from fastnn.models.network import Network


class Function(Operation):
    """The calls between `inputs` and `outputs`, to be repeated on arrays; a functional model without what layers have.

    Args:
        inputs: KerasTensor, or a structure of them.
        outputs: KerasTensor, or a structure of them.
        name: defaults to "function", numbered.

    Raises:
        ValueError: when an output does not depend on the inputs alone.

    Example:
        >>> x, y = fastnn.KerasTensor((None, 2)), fastnn.KerasTensor((None, 2))
        >>> function = fastnn.Function([x, y], fastnn.ops.sigmoid(x - y))
        >>> function([np.ones((1, 2), "float32"), np.ones((1, 2), "float32")])
        array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, inputs, outputs, name=None):
        super().__init__(name=name)
        if not tree.flatten(inputs):
            raise ValueError(f"`inputs` argument cannot be empty. Received:\ninputs={inputs}\noutputs={outputs}")
        self._network = Network(inputs, outputs)

    @property
    def operations(self) -> list:
        """What is called, an input layer for each `Input` among them."""
        return self._network.called()

    @property
    def inputs(self) -> list:
        """The KerasTensors that go in."""
        return self._network.inputs

    @property
    def outputs(self) -> list:
        """The KerasTensors that come out."""
        return self._network.outputs

    def call(self, inputs):
        """The outputs for `inputs`, in the structure of the function's own.

        Raises:
            ValueError: for another structure or shapes that do not fit.
        """
        wanted = self._network.inputs_structure
        try:
            tree.assert_same_structure(wanted, inputs)
        except ValueError:
            raise ValueError(
                f"Function was called with an invalid input structure. Expected input structure: {wanted}\nReceived "
                f"input structure: {inputs}"
            ) from None
        values = tree.flatten(inputs)
        for x, value in zip(self.inputs, values, strict=True):
            shape = tuple(getattr(value, "shape", ()))
            pairs = zip(x.shape, shape, strict=False)
            if len(shape) != len(x.shape) or any(None not in (m, n) and m != n for m, n in pairs):
                raise ValueError(
                    f"Function was passed incompatible inputs. For input '{x.name}', expected shape {x.shape}, but "
                    f"received instead a tensor with shape {shape}."
                )
        return self._network.run(values)

    def compute_output_spec(self, inputs):
        return infer_outputs(self.call, (inputs,), {})

    def compute_output_shape(self, input_shape):
        """The shapes of the outputs for inputs of the given shapes."""
        shapes = []
        tree.map_shape_structure(shapes.append, input_shape)
        tensors = [KerasTensor(shape, x.dtype) for shape, x in zip(shapes, self.inputs, strict=True)]
        outputs = self.compute_output_spec(tree.pack_sequence_as(self._network.inputs_structure, tensors))
        return tree.map_structure(lambda y: y.shape, outputs)
