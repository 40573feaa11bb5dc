"""Adam and AdamW. Shapes: gradient, variable and slots are all alike.

g is the gradient, w the variable, t the number of this update (1 is the first), lr the learning rate.
"""

from fastnn import ops
from fastnn.optimizers.optimizer import Optimizer, document


class Adam(Optimizer):
    """m and v are moving averages of g and g^2; w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Kingma and Ba, 2014: the form just before section 2.1, in which epsilon is their epsilon-hat.

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        beta_1: of the mean; 0.9.
        beta_2: of the mean square; 0.999.
        epsilon: 1e-7.
        amsgrad: whether the largest v so far is used.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); Adam(0.1).apply([np.float32([5.0])], [w]); round(float(w.numpy()[0]), 3)
        0.9
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def slot_names(self):
        return (("momentum", "velocity"), ("velocity_hat",)) if self.amsgrad else (("momentum", "velocity"),)

    def update_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        alpha = learning_rate * ops.sqrt(1.0 - ops.power(self.beta_2, t)) / (1.0 - ops.power(self.beta_1, t))
        m, v = self.slot("momentum", variable), self.slot("velocity", variable)
        m.assign(m + (gradient - m) * (1.0 - self.beta_1))
        v.assign(v + (ops.square(gradient) - v) * (1.0 - self.beta_2))
        if self.amsgrad:
            highest = self.slot("velocity_hat", variable)
            highest.assign(ops.maximum(highest, v))
            v = highest
        variable.assign(variable - m * alpha / (ops.sqrt(v) + self.epsilon))

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {**super().get_config(), **own}


class AdamW(Adam):
    """Adam with decoupled weight decay: w -= lr weight_decay w before each update (Loshchilov and Hutter, 2019).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        weight_decay: 0.004.
        beta_1, beta_2, epsilon, amsgrad: as in `Adam`.
        {common}

    Raises:
        ValueError: when weight_decay is None.

    Example:
        >>> w = fastnn.Variable([1.0]); AdamW(0.1).apply([np.float32([0.0])], [w]); round(float(w.numpy()[0]), 4)
        0.9996
    """

    def __init__(
        self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
            **kwargs,
        )  # fmt: skip
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")


document(Adam, AdamW)
