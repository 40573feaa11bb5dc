"""Rules that scale each element by its own history. Shapes: gradient, variable and slots are all alike.

g is the gradient, w the variable, t the number of this update (1 is the first), lr the learning rate.
"""

from fastnn import ops
from fastnn.optimizers.optimizer import Optimizer, document


class RMSprop(Optimizer):
    """v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        rho: 0.9.
        momentum: of the steps; 0.
        epsilon: 1e-7.
        centered: whether v is the variance: the square of the mean gradient is subtracted.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); RMSprop(0.1).apply([np.float32([1.0])], [w]); round(float(w.numpy()[0]), 3)
        0.684
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def slot_names(self):
        names = [("velocity",)]
        names += [("momentum",)] if self.momentum > 0 else []
        names += [("average_gradient",)] if self.centered else []
        return tuple(names)

    def update_step(self, gradient, variable, learning_rate):
        v = self.slot("velocity", variable)
        v.assign(v * self.rho + ops.square(gradient) * (1.0 - self.rho))
        variance = v.value
        if self.centered:
            mean = self.slot("average_gradient", variable)
            mean.assign(mean * self.rho + gradient * (1.0 - self.rho))
            variance = variance - ops.square(mean)
        step = learning_rate * gradient / ops.sqrt(variance + self.epsilon)
        if self.momentum > 0:
            velocity = self.slot("momentum", variable)
            velocity.assign(velocity * self.momentum + step)
            step = velocity.value
        variable.assign(variable - step)

    def get_config(self):
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}


class Adamax(Optimizer):
    """m is the moving average of g, u = max(beta_2 u, |g|); w -= lr / (1 - beta_1^t) m / (u + epsilon).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        beta_1: 0.9.
        beta_2: 0.999.
        epsilon: 1e-7.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); Adamax(0.1).apply([np.float32([5.0])], [w]); round(float(w.numpy()[0]), 3)
        0.9
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
        loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def slot_names(self):
        return (("momentum", "norm"),)

    def update_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        m, u = self.slot("momentum", variable), self.slot("norm", variable)
        m.assign(m + (gradient - m) * (1.0 - self.beta_1))
        u.assign(ops.maximum(u * self.beta_2, ops.abs(gradient)))
        alpha = learning_rate / (1.0 - ops.power(self.beta_1, t))
        variable.assign(variable - m * alpha / (u + self.epsilon))

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Nadam(Optimizer):
    """Adam with Nesterov momentum (Dozat, 2015), whose momentum warms up as beta_1 (1 - 0.96^t / 2).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        beta_1: 0.9.
        beta_2: 0.999.
        epsilon: 1e-7.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); Nadam(0.1).apply([np.float32([5.0])], [w]); float(w.numpy()[0]) < 1
        True
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
        loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def slot_names(self):
        return (("momentum", "velocity"),)

    def build(self, variables):
        if not self.built:
            super().build(variables)
            dtype = self._trainable_variables[0].dtype if self._trainable_variables else None
            self._u_product = self.add_variable((), "ones", dtype, name="u_product")

    def _momentum(self, t):
        return self.beta_1 * (1.0 - 0.5 * ops.power(0.96, t))

    def begin_step(self):
        t = ops.cast(self.iterations + 1, self._u_product.dtype)
        self._u_product.assign(self._u_product * self._momentum(t))

    def update_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        now, following = self._momentum(t), self._momentum(t + 1.0)
        product = ops.cast(self._u_product, variable.dtype)
        m, v = self.slot("momentum", variable), self.slot("velocity", variable)
        m.assign(m + (gradient - m) * (1.0 - self.beta_1))
        v.assign(v + (ops.square(gradient) - v) * (1.0 - self.beta_2))
        m_hat = m * (following / (1.0 - product * following)) + gradient * ((1.0 - now) / (1.0 - product))
        v_hat = v / (1.0 - ops.power(self.beta_2, t))
        variable.assign(variable - m_hat * learning_rate / (ops.sqrt(v_hat) + self.epsilon))

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Adagrad(Optimizer):
    """a += g^2; w -= lr g / sqrt(a + epsilon) (Duchi et al., 2011).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        initial_accumulator_value: of a; 0.1.
        epsilon: 1e-7.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); Adagrad(0.1, 0.0).apply([np.float32([5.0])], [w]); round(float(w.numpy()[0]), 3)
        0.9
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
        loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def slot_names(self):
        return (("accumulator",),)

    def initial_slot_value(self, slot):
        return self.initial_accumulator_value

    def update_step(self, gradient, variable, learning_rate):
        total = self.slot("accumulator", variable)
        total.assign(total + ops.square(gradient))
        variable.assign(variable - learning_rate * gradient / ops.sqrt(total + self.epsilon))

    def get_config(self):
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Adadelta(Optimizer):
    """Steps scaled by the ratio of the root mean squares of past steps and past gradients (Zeiler, 2012).

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        rho: 0.95.
        epsilon: 1e-7.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); Adadelta(1.0).apply([np.float32([5.0])], [w]); float(w.numpy()[0]) < 1
        True
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.rho, self.epsilon = rho, epsilon

    def slot_names(self):
        return (("accumulated_grad", "accumulated_delta_var"),)

    def update_step(self, gradient, variable, learning_rate):
        gradients = self.slot("accumulated_grad", variable)
        steps = self.slot("accumulated_delta_var", variable)
        gradients.assign(gradients * self.rho + ops.square(gradient) * (1.0 - self.rho))
        step = ops.sqrt(steps + self.epsilon) * gradient / ops.sqrt(gradients + self.epsilon)
        steps.assign(steps * self.rho + ops.square(step) * (1.0 - self.rho))
        variable.assign(variable - learning_rate * step)

    def get_config(self):
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


class Ftrl(Optimizer):
    """Follow the regularised leader (McMahan et al., 2013), with Keras's shrinkage and beta.

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        learning_rate_power: at most 0; -0.5.
        initial_accumulator_value: at least 0; 0.1.
        l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength: at least 0; 0.
        beta: 0.
        {common}

    Raises:
        ValueError: for numbers out of range.

    Example:
        >>> w = fastnn.Variable([1.0]); Ftrl(0.1).apply([np.float32([5.0])], [w]); float(w.numpy()[0]) < 1
        True
    """

    is_elementwise = True

    def __init__(
        self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
        l1_regularization_strength=0.0, l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0,
        beta=0.0, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
        ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        _check_ftrl("initial_accumulator_value", initial_accumulator_value)
        _check_ftrl("l1_regularization_strength", l1_regularization_strength)
        _check_ftrl("l2_regularization_strength", l2_regularization_strength)
        _check_ftrl("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        if learning_rate_power > 0.0:
            raise ValueError(
                "`learning_rate_power` needs to be negative or zero. Received: "
                f"learning_rate_power={learning_rate_power}."
            )
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def slot_names(self):
        return (("accumulator", "linear"),)

    def initial_slot_value(self, slot):
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def update_step(self, gradient, variable, learning_rate):
        n, z = self.slot("accumulator", variable), self.slot("linear", variable)
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + (2.0 * self.l2_shrinkage_regularization_strength) * variable
        total = n + ops.square(gradient)
        old_rate, new_rate = (ops.power(x, -self.learning_rate_power) for x in (n.value, total))
        z.assign(z + (shrunk - (new_rate - old_rate) / learning_rate * variable))
        curvature = new_rate / learning_rate + 2.0 * l2
        l1 = self.l1_regularization_strength
        variable.assign((ops.clip(z, -l1, l1) - z) / curvature)
        n.assign(total)

    def get_config(self):
        own = {
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
        return {**super().get_config(), **own}


class Lamb(Optimizer):
    """Adam whose step has, for each variable, the norm of the variable (You et al., 2020); not elementwise.

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        beta_1: 0.9.
        beta_2: 0.999.
        epsilon: 1e-7.
        {common}

    Example:
        >>> w = fastnn.Variable([1.0]); Lamb(0.1).apply([np.float32([5.0])], [w]); round(float(w.numpy()[0]), 3)
        0.9
    """

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
        loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def slot_names(self):
        return (("momentum", "velocity"),)

    def update_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        m, v = self.slot("momentum", variable), self.slot("velocity", variable)
        m.assign(m + (gradient - m) * (1.0 - self.beta_1))
        v.assign(v + (ops.square(gradient) - v) * (1.0 - self.beta_2))
        m_hat = m / (1.0 - ops.power(self.beta_1, t))
        v_hat = v / (1.0 - ops.power(self.beta_2, t))
        step = m_hat / (ops.sqrt(v_hat) + self.epsilon)
        size = ops.sqrt(ops.sum(ops.square(variable)))
        step_size = ops.sqrt(ops.sum(ops.square(step)))
        has_both = ops.logical_and(ops.greater(size, 0.0), ops.greater(step_size, 0.0))
        ratio = ops.where(has_both, ops.divide_no_nan(size, step_size), ops.ones_like(size))
        variable.assign(variable - ratio * step * learning_rate)

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


def _check_ftrl(name: str, value) -> None:
    if value < 0.0:
        raise ValueError(f"`{name}` needs to be positive or zero. Received: {name}={value}.")


document(RMSprop, Adamax, Nadam, Adagrad, Adadelta, Ftrl, Lamb)
