"""SGD and its kin: rules that follow the gradient or its sign. Shapes: gradient, variable and slots are all alike."""

from fastnn import ops
from fastnn.optimizers.optimizer import Optimizer, document


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    Without momentum w -= lr g; with it v = momentum v - lr g and w += v, or w += momentum v - lr g with `nesterov`.

    Args:
        learning_rate: a float, a schedule or a callable; 0.01.
        momentum: in [0, 1]; 0.
        nesterov: whether the momentum looks ahead.
        {common}

    Raises:
        ValueError: for a momentum outside [0, 1].

    Example:
        >>> w = fastnn.Variable([1.0]); SGD(0.5).apply([np.float32([1.0])], [w]); float(w.numpy()[0])
        0.5
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        self.momentum, self.nesterov = momentum, nesterov

    def slot_names(self):
        return (("momentum",),) if self.momentum else ()

    def update_step(self, gradient, variable, learning_rate):
        step = gradient * learning_rate
        if not self.momentum:
            variable.assign(variable - step)
            return
        velocity = self.slot("momentum", variable)
        velocity.assign(velocity * self.momentum - step)
        variable.assign(variable + (velocity * self.momentum - step if self.nesterov else velocity))

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class Lion(Optimizer):
    """w -= lr sign(beta_1 m + (1 - beta_1) g), then m = beta_2 m + (1 - beta_2) g (Chen et al., 2023).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        beta_1: 0.9.
        beta_2: 0.99.
        {common}

    Raises:
        ValueError: for beta_1 outside (0, 1].

    Example:
        >>> w = fastnn.Variable([1.0]); Lion(0.5).apply([np.float32([3.0])], [w]); float(w.numpy()[0])
        0.5
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        if beta_1 <= 0 or beta_1 > 1:
            raise ValueError(f"Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to "
                             f"SignSGD. Received: beta_1={beta_1}.")  # fmt: skip
        self.beta_1, self.beta_2 = beta_1, beta_2

    def slot_names(self):
        return (("momentum",),)

    def update_step(self, gradient, variable, learning_rate):
        m = self.slot("momentum", variable)
        variable.assign(variable - learning_rate * ops.sign(m * self.beta_1 + gradient * (1.0 - self.beta_1)))
        m.assign(m * self.beta_2 + gradient * (1.0 - self.beta_2))

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}


document(SGD, Lion)
