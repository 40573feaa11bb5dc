"""Muon: momentum made orthogonal for the matrices of hidden layers, AdamW for everything else."""

import re

from fastnn import ops
from fastnn.optimizers.optimizer import Optimizer, document


class Muon(Optimizer):
    """Steps along the orthogonal matrix that is nearest to the momentum, for variables with two axes.

    m = momentum m + g; the step is the result of `ns_steps` Newton-Schulz iterations from m / |m| (from
    (g + momentum m) / |g + momentum m| with `nesterov`): X -> a X + (b A + c A^2) X with A = X X^T. A variable of
    another rank, an embedding, or one that `exclude_layers` matches, is updated by AdamW.

    Args:
        learning_rate: a float, a schedule or a callable; 0.001.
        adam_beta_1, adam_beta_2, epsilon: of AdamW; 0.9, 0.999 and 1e-7.
        adam_weight_decay: the weight decay of the variables that AdamW updates; 0.004.
        weight_decay: that of the others; 0.004.
        {common}
        exclude_layers: regular expressions that are looked for in paths; those variables are AdamW's.
        exclude_embeddings: whether embeddings are.
        muon_a, muon_b, muon_c: a, b and c; 3.4445, -4.775 and 2.0315.
        adam_lr_ratio: AdamW's learning rate over Muon's; 1.
        momentum: 0.95.
        ns_steps: 5.
        nesterov: whether the momentum looks ahead.
        rms_rate: orthogonal steps are scaled by this and the square root of the longer side, so that their root mean
            square is near it, as that of AdamW's steps is; 0.2. None: they are not scaled.

    References: Jordan et al., https://github.com/KellerJordan/Muon; Liu et al., 2025,
    https://arxiv.org/abs/2502.16982.

    Example:
        >>> w = fastnn.Variable(np.eye(2, dtype="float32")); Muon(0.1, rms_rate=None).apply([w.numpy()], [w])
        >>> bool(w.numpy()[0, 0] < 1)
        True
    """

    def __init__(
        self, learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004, epsilon=1e-7,
        weight_decay=0.004, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
        exclude_layers=None, exclude_embeddings=True, muon_a=3.4445, muon_b=-4.7750, muon_c=2.0315, adam_lr_ratio=1,
        momentum=0.95, ns_steps=5, nesterov=True, rms_rate=0.2, **kwargs,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = exclude_layers or [], exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c, self.ns_steps = muon_a, muon_b, muon_c, ns_steps
        self.momentum, self.nesterov, self.rms_rate = momentum, nesterov, rms_rate

    def _is_adams(self, variable) -> bool:
        return (
            len(variable.shape) != 2
            or (self.exclude_embeddings and "embedding" in variable.path.lower())
            or any(re.search(pattern, variable.path) for pattern in self.exclude_layers)
        )

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        for variable in self._trainable_variables:
            for name in ("momentum", "velocity") if self._is_adams(variable) else ("momentum",):
                self._slots[name, id(variable)] = self.add_variable_from_reference(variable, name)

    def weight_decay_of(self, variable):
        return self.adam_weight_decay if self._is_adams(variable) else self.weight_decay

    def update_step(self, gradient, variable, learning_rate):
        if self._is_adams(variable):
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio)
            return
        m = self.slot("momentum", variable)
        m.assign(m * self.momentum + gradient)
        step = self._orthogonal(gradient + m * self.momentum if self.nesterov else m.value)
        scale = 1.0 if self.rms_rate is None else self.rms_rate * max(variable.shape) ** 0.5
        variable.assign(variable - learning_rate * scale * step)

    def _orthogonal(self, x):
        """The matrix with the singular vectors of `x`, and singular values near 1."""
        is_tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if is_tall else x
        x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            a = ops.matmul(x, ops.transpose(x))
            x = x * self.muon_a + ops.matmul(a * self.muon_b + ops.matmul(a, a) * self.muon_c, x)
        return ops.transpose(x) if is_tall else x

    def _adam_step(self, gradient, variable, learning_rate):
        t = ops.cast(self.iterations + 1, variable.dtype)
        m, v = self.slot("momentum", variable), self.slot("velocity", variable)
        m.assign(m + (gradient - m) * (1.0 - self.adam_beta_1))
        v.assign(v + (ops.square(gradient) - v) * (1.0 - self.adam_beta_2))
        alpha = learning_rate * ops.sqrt(1.0 - ops.power(self.adam_beta_2, t)) / (1.0 - ops.power(self.adam_beta_1, t))
        variable.assign(variable - m * alpha / (ops.sqrt(v) + self.epsilon))

    def get_config(self):
        own = {
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "exclude_embeddings": self.exclude_embeddings,
            "adam_weight_decay": self.adam_weight_decay,
            "rms_rate": self.rms_rate,
        }
        return {**super().get_config(), **own}


document(Muon)
