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

    With `renorm` the batch's mean and deviation are brought to slower moving ones, as constants r and d:
    `(inputs - mean) / stddev * r + d`, `r = stddev / renorm_stddev`, `d = (mean - renorm_mean) / renorm_stddev` (Ioffe
    2017): training then computes what inference does, up to the clipping of r and d.

    Args:
        axis: int: the axis of the channels.
        momentum: of the moving mean and variance.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: of the weights.
        beta_regularizer, gamma_regularizer: of the weights.
        beta_constraint, gamma_constraint: of the weights.
        renorm: whether to renormalize batches.
        renorm_clipping: dict of `rmax`, `rmin` (of r) and `dmax` (of the magnitude of d); what it lacks is not clipped.
        renorm_momentum: of the mean and deviation that r and d are made of.
        synchronized: must be False: there is one replica.

    Call arguments:
        inputs: array of any shape with the channels at `axis`.
        training: whether the batch's moments are used, and the moving ones updated.
        mask: array of bools, one axis less than the inputs; where False, positions do not count in the batch's moments.

    Input shape and output shape: any, the same.

    Weights: gamma, beta, moving_mean, moving_variance: (channels,); with `renorm` moving_stddev, renorm_mean and
    renorm_stddev too.

    Raises:
        ValueError: when the inputs have no such axis, its size is not known, or for a wrong `renorm_clipping`.

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
        if synchronized:
            raise ValueError("Argument synchronized=True is only supported with the TensorFlow backend.")
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
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = _checked_clipping(renorm_clipping) if renorm else renorm_clipping
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
        self.moving_mean = self._statistic("moving_mean", self.moving_mean_initializer, channels)
        self.moving_variance = self._statistic("moving_variance", self.moving_variance_initializer, channels)
        if self.renorm:
            self.moving_stddev = self._statistic("moving_stddev", self._deviation_initializer, channels)
            self.renorm_mean = self._statistic("renorm_mean", self.moving_mean_initializer, channels)
            self.renorm_stddev = self._statistic("renorm_stddev", self._deviation_initializer, channels)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def _statistic(self, name, initializer, channels):
        return self.add_weight((channels,), initializer, name=name, trainable=False, autocast=False)

    def _deviation_initializer(self, shape, dtype=None):
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs, training=None, mask=None):
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. "
                f"Received: mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        if not (training and self.trainable):
            return ops.batch_normalization(
                inputs, self.moving_mean, self.moving_variance, self.axis, offset=self.beta, scale=self.gamma,
                epsilon=self.epsilon,
            )  # fmt: skip
        gamma, beta = (None, None) if self.renorm else (self.gamma, self.beta)
        if mask is None:
            y, mean, variance = batch_norm(inputs, gamma, beta, self.axis, self.epsilon)
        else:
            mean, variance = self._masked_moments(inputs, mask)
            y = ops.batch_normalization(inputs, mean, variance, self.axis, beta, gamma, self.epsilon)
        if self.renorm:
            y = self._renormalized(y, mean, variance)
        _follow(self.moving_mean, mean, self.momentum)
        if self.renorm:  # so that inference divides by the deviation that training followed
            variance = ops.square(self.moving_stddev) - self.epsilon
            self.moving_variance.assign(ops.maximum(variance, 0.0))
        else:
            _follow(self.moving_variance, variance, self.momentum)
        return y

    def _keeps_shape(self):
        return type(self).call is BatchNormalization.call

    def _masked_moments(self, inputs, mask):
        """Mean and variance of each channel over the positions of which the mask is True."""
        counts = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)
        axes = tuple(k for k in range(len(inputs.shape)) if k != self.axis % len(inputs.shape))
        counts = ops.broadcast_to(counts, inputs.shape)
        total = ops.sum(counts, axes, keepdims=True) + config.epsilon()  # all may be False
        mean = ops.sum(inputs * counts, axes, keepdims=True) / total
        variance = ops.sum(ops.square(inputs - mean) * counts, axes, keepdims=True) / total
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def _renormalized(self, normalized, mean, variance):
        """`(normalized * r + d) * gamma + beta`; the deviations follow the batch's."""
        stddev = ops.sqrt(variance + self.epsilon)
        clipping = self.renorm_clipping or {}
        r = ops.stop_gradient(stddev / self.renorm_stddev)
        d = ops.stop_gradient((mean - self.renorm_mean) / self.renorm_stddev)
        if "rmax" in clipping:
            r = ops.minimum(r, clipping["rmax"])
        if "rmin" in clipping:
            r = ops.maximum(r, clipping["rmin"])
        if "dmax" in clipping:
            d = ops.clip(d, -clipping["dmax"], clipping["dmax"])
        _follow(self.moving_stddev, stddev, self.momentum)
        _follow(self.renorm_mean, mean, self.renorm_momentum)
        _follow(self.renorm_stddev, stddev, self.renorm_momentum)
        if self.scale:
            r, d = r * self.gamma, d * self.gamma
        if self.center:
            d = d + self.beta
        wide = [-1 if k == self.axis % normalized.ndim else 1 for k in range(normalized.ndim)]
        return normalized * ops.reshape(r, wide) + ops.reshape(d, wide)

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


def _follow(moving, of_batch, momentum):
    moving.assign(moving * momentum + ops.stop_gradient(of_batch) * (1.0 - momentum))


def _checked_clipping(clipping):
    if clipping is None:
        return None
    allowed = ["rmax", "rmin", "dmax"]
    if not set(clipping) <= set(allowed):
        raise ValueError(
            f"Received invalid keys for `renorm_clipping` argument: {clipping}. Supported values: {allowed}."
        )
    rmax, rmin, dmax = (clipping.get(key) for key in allowed)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(f"`renorm_clipping`: rmax should be greater than rmin. Received: rmax={rmax}, rmin={rmin}.")
    if dmax is not None and dmax < 0:
        raise ValueError(f"`renorm_clipping`: dmax should be non-negative. Received: dmax={dmax}.")
    return clipping
