"""LossScaleOptimizer: a scale of the loss that keeps float16 gradients within their range."""

import numpy as np

from fastnn import ops
from fastnn.graph import trace
from fastnn.optimizers.optimizer import Optimizer, only_if
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_OF_THE_INNER = (
    "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency",
    "loss_scale_factor", "gradient_accumulation_steps",
)  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Another optimizer, with the loss multiplied by a scale and the gradients divided by it.

    A step with a gradient that is not finite changes no variable and halves the scale. After `dynamic_growth_steps`
    steps with finite gradients the scale doubles.

    Args:
        inner_optimizer: the `Optimizer` that updates the variables.
        initial_scale: a float; 32768.
        dynamic_growth_steps: 2000.
        name: "loss_scale_optimizer" by default.

    Raises:
        ValueError: for other arguments: weight decay, clipping and their like are the inner optimizer's.

    Reference: Micikevicius et al., 2018, https://arxiv.org/abs/1710.03740.

    Example:
        >>> optimizer = fastnn.optimizers.LossScaleOptimizer(fastnn.optimizers.SGD(0.5), initial_scale=8.0)
        >>> w = fastnn.Variable([1.0])
        >>> optimizer.apply([np.float32([8.0])], [w]); float(w.numpy()[0])
        0.5
        >>> optimizer.apply([np.float32([np.inf])], [w]); float(w.numpy()[0]), float(optimizer.scale_loss(1.0))
        (0.5, 4.0)
    """

    def __init__(self, inner_optimizer, initial_scale=2.0**15, dynamic_growth_steps=2000, name=None, **kwargs):
        for argument in kwargs:
            if argument in _OF_THE_INNER:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{argument}`. Instead, set `{argument}` on the "
                    "`inner_optimizer`."
                )
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{argument}`.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps

    def build(self, variables):
        if self.built:
            return
        self.step_counter = self._own_variable(np.zeros((), "int32"), "step_counter")
        self.dynamic_scale = self._own_variable(np.asarray(self.initial_scale, "float32"), "dynamic_scale")
        self.inner_optimizer._is_checked = True
        self.inner_optimizer.build(variables)
        self._trainable_variables = list(variables)
        self.built = True

    @property
    def variables(self):
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def version(self):
        return self.inner_optimizer.version

    @version.setter
    def version(self, value):
        """Nothing in this optimizer itself changes what a step computes."""

    @property
    def learning_rate(self):
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self):
        return self.inner_optimizer.iterations

    def scale_loss(self, loss):
        """The loss times the scale; `apply` divides the gradients by it."""
        return loss * ops.cast(self.dynamic_scale if self.built else self.initial_scale, getattr(loss, "dtype", None))

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        if not self.built:
            with trace.eager():
                self.build(list(trainable_variables))
        is_finite = ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in grads if g is not None]))
        scale = self.dynamic_scale.value
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        unscaled = [
            g if g is None or v.overwrite_with_gradient else g / ops.cast(scale, g.dtype)
            for g, v in zip(grads, variables, strict=True)
        ]
        only_if(is_finite, lambda: self.inner_optimizer.apply(unscaled, trainable_variables))
        is_growing = ops.greater_equal(self.step_counter + 1, self.dynamic_growth_steps)
        self.step_counter.assign(
            ops.where(ops.logical_and(is_finite, ops.logical_not(is_growing)), self.step_counter + 1, 0)
        )
        grown = ops.where(is_growing, scale * 2.0, scale)
        self.dynamic_scale.assign(ops.where(is_finite, grown, scale * 0.5))

    def finalize_variable_values(self, var_list):
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def get_config(self):
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        inner = deserialize_keras_object(config["inner_optimizer"], custom_objects)
        return cls(**{**config, "inner_optimizer": inner})
