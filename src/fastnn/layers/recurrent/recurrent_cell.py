"""What the recurrent cells share: weights, dropout whose masks last for a sequence, and their configs."""

import contextlib
import threading

from fastnn import activations, constraints, initializers, ops, random, regularizers
from fastnn.layers.layer import Layer


class _Kept(threading.local):
    masks: dict | None = None


_kept = _Kept()


@contextlib.contextmanager
def keeping_masks():
    """Inside, a cell's dropout masks are drawn once: they are the same at every step of a sequence (Gal and Ghahramani
    2016)."""
    before, _kept.masks = _kept.masks, {}
    try:
        yield
    finally:
        _kept.masks = before


class RecurrentCell(Layer):
    """Base of the cells with a kernel for the inputs, one for the state, and a bias.

    Args:
        dropout, recurrent_dropout: share of the inputs and of the state that is dropped, made to lie in [0, 1].
        seed: int or None: of the dropout.

    The other arguments are those of `LSTMCell`.

    A subclass writes `project(inputs)`, the part that needs no state, for one step or for all of them (batch, time,
    ...), and `step(z, states, training)`, the rest of a step: `(output, new states)`.
    """

    def __init__(
        self, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
        recurrent_dropout, seed, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def add_weights(self, kernel_shape, recurrent_shape, bias_shape, bias_initializer=None):
        """Makes `kernel`, `recurrent_kernel` and, with `use_bias`, `bias`."""
        self.kernel = self.add_weight(
            kernel_shape, self.kernel_initializer, name="kernel", regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            recurrent_shape, self.recurrent_initializer, name="recurrent_kernel",
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                bias_shape, bias_initializer or self.bias_initializer, name="bias", regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )  # fmt: skip

    def get_dropout_mask(self, step_input):
        """What one step's inputs are multiplied by in training; None without dropout."""
        return self._mask("dropout", step_input, self.dropout)

    def get_recurrent_dropout_mask(self, step_input):
        """What the state is multiplied by in training; None without recurrent dropout."""
        return self._mask("recurrent", step_input, self.recurrent_dropout)

    def reset_dropout_mask(self):
        """Lets the next step of a sequence draw a new mask."""
        (_kept.masks or {}).pop((self, "dropout"), None)

    def reset_recurrent_dropout_mask(self):
        """Lets the next step of a sequence draw a new mask for the state."""
        (_kept.masks or {}).pop((self, "recurrent"), None)

    def _mask(self, which: str, like, rate: float):
        if rate == 0:
            return None
        kept, key = _kept.masks, (self, which)
        if kept is not None and key in kept:
            return kept[key]
        mask = random.dropout(ops.ones_like(like), rate, seed=self.seed_generator)
        if kept is not None:
            kept[key] = mask
        return mask

    def dropped(self, inputs, training):
        """`inputs` of a step, with dropout in training."""
        return inputs * self.get_dropout_mask(inputs) if training and self.dropout else inputs

    def dropped_sequences(self, sequences, training):
        """`sequences` (batch, time, ...) with the same dropout mask at every step, in training."""
        if not (training and self.dropout):
            return sequences
        return sequences * ops.expand_dims(self.get_dropout_mask(sequences[:, 0]), 1)

    def dropped_state(self, state, training):
        """`state`, with recurrent dropout in training."""
        return state * self.get_recurrent_dropout_mask(state) if training and self.recurrent_dropout else state

    def call(self, inputs, states, training=False):
        return self.step(self.project(self.dropped(inputs, training)), states, training)

    def get_config(self):
        return {
            **super().get_config(),
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


class UnitsCell(RecurrentCell):
    """Base of the cells whose states are vectors of `units` numbers."""

    def __init__(self, units, *args, **kwargs):
        if units <= 0:
            raise ValueError(
                f"Received an invalid value for argument `units`, expected a positive integer, got {units}."
            )
        kwargs.pop("implementation", None)  # Keras 2 had several ways to compute the same
        super().__init__(*args, **kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def get_initial_state(self, batch_size=None):
        """A list of zeros of shape (batch_size, units), one for each state."""
        count = len(self.state_size) if isinstance(self.state_size, list) else 1
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(count)]

    def has_kernel(self, training) -> bool:
        """Whether `all_steps`, which LSTMCell and GRUCell have, computes what the cell does."""
        return (
            self.activation is activations.tanh
            and self.recurrent_activation is activations.sigmoid
            and not (training and self.recurrent_dropout)
        )

    def get_config(self):
        return {**super().get_config(), "units": self.units}
