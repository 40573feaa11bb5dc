"""BatchNormalization: mean 0 and variance 1 over the batch, for each channel."""

from fastnn import config, constraints, initializers, ops, regularizers
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.ops.normalization import batch_norm


class BatchNormalization(Layer):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta` for each channel (Ioffe and Szegedy 2015).

    In training, mean and variance are those of the batch, and the moving ones follow them:
    `moving = moving * momentum + batch's * (1 - momentum)`. Otherwise, and when the layer is frozen by
    `trainable = False`, they are the moving ones.

    Args:
        axis: int: the axis of the channels.
        momentum: of the moving mean and variance.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: of the weights.
        beta_regularizer, gamma_regularizer: of the weights.
        beta_constraint, gamma_constraint: of the weights.
        renorm, renorm_clipping, renorm_momentum: batch renormalization, which is not supported by fastnn yet.
        synchronized: kept for Keras's signature; there is one replica.

    Call arguments:
        inputs: array.
        training: whether it is training.
        mask: bool, of the leading axes of the inputs: where it is false, the moments of the batch do not see them.

    Input shape and output shape: any, the same.

    Weights: gamma, beta, moving_mean, moving_variance: (channels,).

    Raises:
        ValueError: when the inputs have no such axis, or its size is not known.

    Example:
        >>> x = np.array([[1.0], [3.0]], "float32")
        >>> fastnn.layers.BatchNormalization()(x, training=True).round(2)
        array([[-1.],
               [ 1.]], dtype=float32)
    """

    def __init__(
        self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
        gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, renorm=False,
        renorm_clipping=None, renorm_momentum=0.99, synchronized=False, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if renorm:
            raise ValueError("BatchNormalization: `renorm=True` is not supported by fastnn yet.")
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.renorm, self.renorm_clipping, self.renorm_momentum = renorm, renorm_clipping, renorm_momentum
        self.synchronized = synchronized
        self.supports_masking = True
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None

    def build(self, input_shape):
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ValueError(
                f"BatchNormalization {self.name!r}: axis {self.axis} is no axis of inputs of shape "
                f"{tuple(input_shape)}."
            )
        channels = input_shape[self.axis]
        if self.scale:
            self.gamma = self.add_weight(
                (channels,), self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, autocast=False,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                (channels,), self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, autocast=False,
            )  # fmt: skip
        self.moving_mean = self.add_weight(
            (channels,), self.moving_mean_initializer, name="moving_mean", trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            (channels,), self.moving_variance_initializer, name="moving_variance", trainable=False, autocast=False
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable):
            return self._normalized(inputs, self.moving_mean, self.moving_variance)
        if mask is None:
            y, mean, variance = batch_norm(inputs, self.gamma, self.beta, self.axis, self.epsilon)
        else:
            mean, variance = _masked_moments(inputs, mask, self.axis)
            y = self._normalized(inputs, mean, variance)
        for moving, of_batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + of_batch * (1.0 - self.momentum))
        return y

    def _normalized(self, inputs, mean, variance):
        return ops.batch_normalization(
            inputs, mean, variance, self.axis, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _masked_moments(x, mask, axis: int):
    """Mean and variance of each channel over the positions where `mask` is true."""
    ndim = len(x.shape)
    mask = ops.cast(mask, x.dtype)
    for _ in range(ndim - len(mask.shape)):
        mask = ops.expand_dims(mask, -1)
    weights = mask * ops.ones_like(x)
    others = tuple(k for k in range(ndim) if k != axis % ndim)
    # Zero weights give zeros, not NaN.
    count = ops.sum(weights, axis=others, keepdims=True) + config.epsilon()
    mean = ops.sum(weights * x, axis=others, keepdims=True) / count
    variance = ops.sum(weights * ops.square(x - mean), axis=others, keepdims=True) / count
    channels = (x.shape[axis],)
    return ops.reshape(mean, channels), ops.reshape(variance, channels)
