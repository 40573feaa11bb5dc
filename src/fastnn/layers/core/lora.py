"""LoRA: a weight that stays as it is, plus a product of two narrow matrices that is trained."""

import math

import numpy as np

from fastnn import ops
from fastnn.layers import weight_lists


class LoRA:
    """The part of a layer that adapts one weight by a matrix of low rank (Hu et al. 2021).

    The weight W (..., n) is frozen, and W + alpha / rank * A B stands in its place, with trained A (..., rank) and
    B (rank, n). B begins with zeros, so that nothing changes at first. What is saved is the sum, in place of W.

    A subclass says in `_adapted` which weight it is, makes it as the attribute `_weight`, and calls `_set_lora` in
    `__init__` and `_build_lora` at the end of `build`.
    """

    _adapted = "kernel"

    def _set_lora(self, rank, alpha) -> None:
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha
        self.lora_enabled = False

    def _build_lora(self) -> None:
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(self, rank, lora_alpha=None, a_initializer="he_uniform", b_initializer="zeros") -> None:
        """Freezes the weight and adds two narrow ones to train in its place. A compiled model is to be compiled again.

        Args:
            rank: int: how narrow.
            lora_alpha: the product is scaled by `lora_alpha / rank`; `rank` by default.
            a_initializer, b_initializer: of the two.

        Raises:
            ValueError: when the layer is not built, has them already, or constrains the weight.

        Example:
            >>> layer = fastnn.layers.Dense(64); layer.build((None, 128)); layer.enable_lora(4)
            >>> [w.shape for w in layer.trainable_weights]
            [(64,), (128, 4), (4, 64)]
        """
        if getattr(self, f"{self._adapted}_constraint") is not None:
            raise ValueError(
                f"Lora is incompatible with {self._adapted} constraints. In order to enable lora on this layer, remove "
                f"the `{self._adapted}_constraint` argument."
            )
        if self.__dict__.get("_weight") is None:
            raise ValueError("Cannot enable lora on a layer that isn't yet built.")
        if self.lora_enabled:
            raise ValueError("lora is already enabled. This can only be done once per layer.")
        *rows, columns = self._adapted_shape()
        self._lora_a = self._lora_weight("a", (*rows, rank), a_initializer)
        self._lora_b = self._lora_weight("b", (rank, columns), b_initializer)
        self._weight.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def _adapted_shape(self) -> tuple[int, ...]:
        return self._weight.shape

    def _lora_weight(self, part: str, shape, initializer):
        name = f"lora_{self._adapted}_{part}"
        regularizer = getattr(self, f"{self._adapted}_regularizer")
        weight = self.add_weight(shape, initializer, name=name, regularizer=regularizer)
        weight.path = f"{self.path}/{name}"
        return weight

    def _merged_weight(self):
        """The weight as it acts."""
        if not self.lora_enabled:
            return self._weight
        return self._weight + self._lora_scale() * ops.matmul(self._lora_a, self._lora_b)

    def _adds_apart(self, rows: int, training) -> bool:
        """Whether the product of `rows` inputs and the narrow matrices is added to that of the weight, because it costs
        less than the weight as it acts: in training that has a gradient of its own size."""
        inputs, units = math.prod(self._weight.shape[:-1]), self._weight.shape[-1]
        times = 3 if training else 1  # forward, and both gradients
        apart = 2 * times * self.lora_rank * rows * (inputs + units)  # products of few columns take twice as long
        merged = times * self.lora_rank * inputs * units
        return apart < merged + (rows * inputs * units if training else 0)

    def _lora_scale(self) -> float:
        return self.lora_alpha / self.lora_rank

    def save_own_variables(self, store) -> None:
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        store["0"] = np.asarray(self._merged_weight())
        if getattr(self, "bias", None) is not None:
            store["1"] = self.bias.array

    def load_own_variables(self, store) -> None:
        """Reads what a layer with or without LoRA saved; the product starts again from zero."""
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        bias = getattr(self, "bias", None)
        weight_lists.assign_all(self.name, [self._weight] if bias is None else [self._weight, bias], store)
        for weight in (self._lora_a, self._lora_b):
            weight.assign(np.zeros(weight.shape, weight.dtype))

    def _lora_config(self) -> dict:
        return {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else {}
