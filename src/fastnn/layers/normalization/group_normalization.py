"""GroupNormalization: mean 0 and variance 1 within groups of channels of each sample."""

from fastnn import constraints, initializers, ops, regularizers
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.ops.group_norm import group_norm


class GroupNormalization(Layer):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`, with the moments of a group of channels over all
    positions of a sample (Wu and He 2018). With as many groups as channels it is instance normalization, with one
    group the layer normalization of a whole sample.

    Args:
        groups: into how many groups the channels are cut; -1 for as many as there are channels.
        axis: of the channels.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: of the weights.
        beta_regularizer, gamma_regularizer: of the weights.
        beta_constraint, gamma_constraint: of the weights.

    Input shape and output shape: (batch, ...), the same.

    Weights: gamma, beta: (channels,).

    Raises:
        ValueError: for `groups` that are no positive number or do not divide the channels, and for inputs without such
            an axis or of unknown size there.

    Example:
        >>> x = np.array([[1.0, 3.0, 10.0, 30.0]], "float32")
        >>> fastnn.layers.GroupNormalization(groups=2)(x).round(2)
        array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
        gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
        gamma_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if groups != -1 and groups < 1:
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or `-1` for instance "
                f"normalization). Received: groups={groups}"
            )
        self.groups = groups
        self.axis = axis
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

    def build(self, input_shape):
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"Axis {self.axis} of input tensor should have a defined dimension but the layer received an input "
                f"with shape {tuple(input_shape)}."
            )
        self.groups = channels if self.groups == -1 else self.groups
        if channels < self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels ({channels})."
            )
        if channels % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a divisor of the number of channels ({channels})."
            )
        if self.scale:
            self.gamma = self.add_weight(
                (channels,), self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                (channels,), self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs):
        shape, axis = inputs.shape, self.axis % len(inputs.shape)
        if axis == len(shape) - 1 and len(shape) > 2:  # of one position, groups are rows
            return group_norm(inputs, self.groups, self.gamma, self.beta, self.epsilon)
        channels = shape[axis]
        grouped = ops.reshape(inputs, (*shape[:axis], self.groups, channels // self.groups, *shape[axis + 1 :]))
        axes = [k for k in range(1, len(shape) + 1) if k != axis]
        y = ops.reshape(ops.layer_normalization(grouped, axis=axes, epsilon=self.epsilon), shape)
        wide = [channels if k == axis else 1 for k in range(len(shape))]
        if self.scale:
            y = y * ops.reshape(self.gamma, wide)
        return y + ops.reshape(self.beta, wide) if self.center else y

    def get_config(self):
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
