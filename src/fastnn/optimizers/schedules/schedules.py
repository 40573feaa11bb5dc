"""Keras's learning-rate schedules. `step` is the number of updates made before this one: an int or a traced value."""

import math

from fastnn import ops
from fastnn.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, as_float


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: a float.
        decay_steps: steps per factor of `decay_rate`; positive.
        decay_rate: the factor.
        staircase: whether step / decay_steps is rounded down.
        name: "ExponentialDecay".

    Raises:
        ValueError: when decay_steps is not positive.

    Example:
        >>> round(float(ExponentialDecay(0.1, 10, 0.5)(10)), 4)
        0.05
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step):
        p = as_float(step) / float(self.decay_steps)
        p = ops.floor(p) if self.staircase else p
        return self.initial_learning_rate * ops.power(float(self.decay_rate), p)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: a float.
        decay_steps: positive.
        decay_rate: a float.
        staircase: whether step / decay_steps is rounded down.
        name: "InverseTimeDecay".

    Raises:
        ValueError: when decay_steps is not positive.

    Example:
        >>> round(float(InverseTimeDecay(0.1, 10, 1.0)(10)), 4)
        0.05
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step):
        p = as_float(step) / float(self.decay_steps)
        p = ops.floor(p) if self.staircase else p
        return self.initial_learning_rate / (1.0 + self.decay_rate * p)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[k] up to and including step boundaries[k], and the last value after them.

    Args:
        boundaries: increasing steps.
        values: one more than boundaries.
        name: "PiecewiseConstant".

    Raises:
        ValueError: when the numbers do not fit.

    Example:
        >>> s = PiecewiseConstantDecay([10], [0.1, 0.01]); round(float(s(10)), 4), round(float(s(11)), 4)
        (0.1, 0.01)
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step):
        step = as_float(step)
        rate = self.values[-1] + 0.0 * step
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = ops.where(ops.less_equal(step, float(boundary)), float(value), rate)
        return rate

    def get_config(self):
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps)^power + end, and `end` after decay_steps.

    Args:
        initial_learning_rate: a float.
        decay_steps: positive.
        end_learning_rate: 0.0001.
        power: 1.0 (linear).
        cycle: whether it starts again from the initial rate, over multiples of decay_steps.
        name: "PolynomialDecay".

    Raises:
        ValueError: when decay_steps is not positive.

    Example:
        >>> round(float(PolynomialDecay(0.1, 10, 0.0)(5)), 4)
        0.05
    """

    def __init__(
        self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False,
        name="PolynomialDecay",
    ):  # fmt: skip
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step):
        step = as_float(step)
        span = float(self.decay_steps)
        if self.cycle:
            span = span * ops.maximum(ops.ceil(step / span), 1.0)
        else:
            step = ops.minimum(step, span)
        left = ops.power(1.0 - step / span, float(self.power))
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate down to `alpha` times it, after an optional linear warm-up.

    Args:
        initial_learning_rate: at the start (of the warm-up, if there is one).
        decay_steps: of the cosine; positive.
        alpha: the last rate, as a share of the first of the cosine; 0.
        name: "CosineDecay".
        warmup_target: the rate at which the warm-up ends and the cosine begins; None: no warm-up.
        warmup_steps: of the warm-up; 0.

    Raises:
        ValueError: when decay_steps is not positive.

    Example:
        >>> round(float(CosineDecay(0.1, 10)(5)), 4)
        0.05
    """

    def __init__(
        self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0
    ):
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = (
            initial_learning_rate, decay_steps, alpha, name,
        )  # fmt: skip
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step):
        step = as_float(step)
        if self.warmup_target is None:
            return self._cosine(step, self.initial_learning_rate)
        share = step / float(max(self.warmup_steps, 1))
        warm = self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * share
        return ops.where(
            ops.less(step, float(self.warmup_steps)), warm, self._cosine(step - self.warmup_steps, self.warmup_target)
        )

    def _cosine(self, step, first):
        share = ops.minimum(step, float(self.decay_steps)) / float(self.decay_steps)
        return first * ((1.0 - self.alpha) * (0.5 * (1.0 + ops.cos(math.pi * share))) + self.alpha)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after another, each `t_mul` times as long and `m_mul` times as high as the one before.

    Args:
        initial_learning_rate: at the start.
        first_decay_steps: the length of the first; positive.
        t_mul: 2.0.
        m_mul: 1.0.
        alpha: the lowest rate, as a share of the initial one; 0.
        name: "SGDRDecay".

    Raises:
        ValueError: when first_decay_steps is not positive.

    Example:
        >>> s = CosineDecayRestarts(0.1, 10); round(float(s(5)), 4), round(float(s(10)), 4)
        (0.05, 0.1)
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self._t_mul, self._m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name
        _check_steps("first_decay_steps", first_decay_steps)

    def __call__(self, step):
        completed = as_float(step) / float(self.first_decay_steps)
        if self._t_mul == 1.0:
            restart = ops.floor(completed)
            share = completed - restart
        else:
            # The first r cosines take (1 - t_mul^r) / (1 - t_mul) first lengths: solve for r.
            restart = ops.floor(ops.log(1.0 - completed * (1.0 - self._t_mul)) / math.log(self._t_mul))
            length = ops.power(float(self._t_mul), restart)
            share = (completed - (1.0 - length) / (1.0 - self._t_mul)) / length
        height = ops.power(float(self._m_mul), restart)
        cosine = 0.5 * height * (1.0 + ops.cos(math.pi * share))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


def _check_steps(name: str, steps) -> None:
    if steps <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={steps}")
