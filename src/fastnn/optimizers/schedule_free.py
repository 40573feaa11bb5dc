"""ScheduleFreeAdamW: averaging in the place of a learning-rate schedule."""

from fastnn import ops
from fastnn.optimizers.optimizer import Optimizer, document


class ScheduleFreeAdamW(Optimizer):
    """AdamW whose steps move z, and whose variable is a point between z and the mean x of all z.

    z -= lr g / (sqrt(v / (1 - beta_2^t)) + epsilon), x is the mean of the z so far, and
    w = (1 - beta_1) z + beta_1 x is where the next gradient is taken.

    Args:
        learning_rate: a float, a schedule or a callable; 0.0025.
        beta_1: the share of the mean in w; 0.9.
        beta_2: of the mean square of gradients; 0.999.
        epsilon: 1e-8.
        warmup_steps: steps in which the learning rate grows from 0; 0.
        {common}

    Reference: Defazio et al., 2024, https://arxiv.org/abs/2405.15682.

    Example:
        >>> w = fastnn.Variable([1.0])
        >>> ScheduleFreeAdamW(0.1).apply([np.float32([5.0])], [w]); round(float(w.numpy()[0]), 3)
        0.9
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup_steps=0, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def slot_names(self):
        return (("momentum", "velocity"),)

    def build(self, variables):
        if not self.built:
            super().build(variables)
            for variable in self._trainable_variables:
                self.slot("momentum", variable).assign(variable.numpy())

    def update_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        if self.warmup_steps:
            learning_rate = learning_rate * ops.minimum(1.0, t / float(self.warmup_steps))
        z, v = self.slot("momentum", variable), self.slot("velocity", variable)
        mean = (variable - z * (1.0 - self.beta_1)) / self.beta_1
        v.assign(v * self.beta_2 + ops.square(gradient) * (1.0 - self.beta_2))
        v_hat = v / (1.0 - ops.power(self.beta_2, t))
        z.assign(z - learning_rate * gradient / (ops.sqrt(v_hat) + self.epsilon))
        mean = mean + (z - mean) / t
        variable.assign(z * (1.0 - self.beta_1) + mean * self.beta_1)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "warmup_steps": self.warmup_steps}
        return {**super().get_config(), **own}


document(ScheduleFreeAdamW)
