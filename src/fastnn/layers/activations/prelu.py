"""PReLU: a rectifier whose slope below zero is learned."""

from fastnn import activations, constraints, initializers, regularizers
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class PReLU(Layer):
    """`inputs` where they are positive, `alpha * inputs` elsewhere, with an alpha for each place of a row.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha.
        shared_axes: axes (from 1) along which one alpha is shared, such as [1, 2] for one a channel of an image.

    Input shape and output shape: (batch, ...), the same.

    Weights: alpha: the inputs' shape without the batch, 1 on shared axes.

    Example:
        >>> fastnn.layers.PReLU(alpha_initializer="ones")(np.array([[-1.0, 2.0]], "float32"))
        array([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (
            list(shared_axes) if isinstance(shared_axes, (list, tuple)) else shared_axes and [shared_axes]
        )
        self.supports_masking = True

    def build(self, input_shape):
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            if not 0 < axis < len(input_shape):
                raise IndexError(f"PReLU: axis {axis} of `shared_axes` is none of an input of shape {input_shape}.")
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            shape, self.alpha_initializer, name="alpha", regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )  # fmt: skip
        shared = self.shared_axes or ()
        axes = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs):
        return activations.relu(inputs) - self.alpha * activations.relu(-inputs)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
