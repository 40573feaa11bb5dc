"""LayerNormalization: mean 0 and variance 1 within each row."""

from fastnn import constraints, initializers, ops, regularizers
from fastnn.layers.layer import Layer


class LayerNormalization(Layer):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`, mean and variance over `axis` (Ba et al. 2016).

    Args:
        axis: int or list of ints: axes after the batch, over which the mean is taken.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: of the weights.
        beta_regularizer, gamma_regularizer: of the weights.
        beta_constraint, gamma_constraint: of the weights.

        rms_scaling: whether `inputs / sqrt(variance + epsilon) * gamma` is computed, with the mean left in and no beta.

    Input shape and output shape: (batch, ...), the same.

    Weights: gamma, beta: the sizes at `axis`.

    Raises:
        TypeError: for an `axis` that is no int or list of ints.
        ValueError: when the inputs have no such axis.

    Example:
        >>> fastnn.layers.LayerNormalization()(np.array([[1.0, 3.0]], "float32")).round(2)
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs,
    ):  # fmt: skip
        self.rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(**kwargs)
        if not isinstance(axis, (int, tuple, list)):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self.axis = list(axis) if isinstance(axis, (tuple, list)) else axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma = self.beta = None

    def _axes(self) -> list[int]:
        return self.axis if isinstance(self.axis, list) else [self.axis]

    def build(self, input_shape):
        self.axis = self._axes()  # a list in the config of a built layer, as in Keras
        ndim = len(input_shape)
        for axis in self.axis:
            if not -ndim <= axis < ndim:
                raise ValueError(
                    f"LayerNormalization {self.name!r}: axis {axis} is no axis of inputs of shape {tuple(input_shape)}."
                )
        shape = tuple(input_shape[axis] for axis in self.axis)
        if self.scale or self.rms_scaling:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, autocast=False,
            )  # fmt: skip
        if self.center and not self.rms_scaling:
            self.beta = self.add_weight(
                shape, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, autocast=False,
            )  # fmt: skip

    def call(self, inputs):
        return ops.layer_normalization(
            inputs, gamma=self.gamma, beta=self.beta, axis=self.axis, epsilon=self.epsilon,
            rms_scaling=self.rms_scaling,
        )  # fmt: skip

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": self.rms_scaling,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
