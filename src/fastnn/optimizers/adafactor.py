"""Adafactor: second moments of a matrix kept as the means of its rows and of its columns."""

from fastnn import ops
from fastnn.optimizers.optimizer import Optimizer, document


class Adafactor(Optimizer):
    """Steps scaled by the root mean square of past gradients, of which a matrix keeps only row and column means.

    With beta = 1 - t^beta_2_decay, the variable w (..., m, n) has r (..., m) and c (..., n), the moving averages of the
    means of g^2 + epsilon_1 over its last axis and over the one before; v = r c / mean(r). With fewer axes v is the
    moving average itself. The step u = g / sqrt(v) is divided by max(1, rms(u) / clip_threshold), and
    w -= max(epsilon_2, rms(w)) rho u, where rho is the learning rate, or 1 / sqrt(t) if that is less.

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        beta_2_decay: -0.8.
        epsilon_1: added to squared gradients; 1e-30.
        epsilon_2: the least size of a variable that steps are scaled by; 1e-3.
        clip_threshold: the largest root mean square of u; 1.0.
        relative_step: without effect, as in Keras: rho is bounded by 1 / sqrt(t) in any case.
        {common}

    Reference: Shazeer and Stern, 2018, https://arxiv.org/abs/1804.04235.

    Example:
        >>> w = fastnn.Variable([1.0]); Adafactor(0.1).apply([np.float32([5.0])], [w]); round(float(w.numpy()[0]), 3)
        0.9
    """

    def __init__(
        self, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0,
        relative_step=True, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
        ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        for variable in self._trainable_variables:
            shape = variable.shape
            if _is_factored(variable):
                rows, columns = (self.add_variable(s, "zeros", variable.dtype, name=variable.name)
                                 for s in (shape[:-1], shape[:-2] + shape[-1:]))  # fmt: skip
            else:  # Keras writes two integers in their place, which files then have
                rows, columns = (self.add_variable((), "zeros", "int32", name=variable.name) for _ in range(2))
            self._slots["rows", id(variable)], self._slots["columns", id(variable)] = rows, columns
            self._slots["velocity", id(variable)] = self.add_variable_from_reference(variable, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        rho = ops.minimum(learning_rate, 1.0 / ops.sqrt(t))
        keep = 1.0 - ops.power(t, self.beta_2_decay)
        square = ops.square(gradient) + self.epsilon_1
        velocity = self.slot("velocity", variable)
        if _is_factored(variable):
            rows, columns = self.slot("rows", variable), self.slot("columns", variable)
            rows.assign(rows * keep + ops.mean(square, axis=-1) * (1.0 - keep))
            columns.assign(columns * keep + ops.mean(square, axis=-2) * (1.0 - keep))
            share = rows / ops.mean(rows, axis=-1, keepdims=True)
            velocity.assign(ops.expand_dims(share, -1) * ops.expand_dims(columns, -2))
        else:
            velocity.assign(velocity * keep + square * (1.0 - keep))
        step = gradient / ops.sqrt(velocity)
        step = step / ops.maximum(1.0, _rms(step) / self.clip_threshold)
        size = ops.maximum(self.epsilon_2, _rms(variable))
        variable.assign(variable - size * rho * step)

    def get_config(self):
        own = {
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }
        return {**super().get_config(), **own}


def _is_factored(variable) -> bool:
    return len(variable.shape) >= 2


def _rms(x):
    return ops.sqrt(ops.mean(ops.square(x)))


document(Adafactor)
