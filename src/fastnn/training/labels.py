"""Class labels, checked on the host before anything runs: a kernel must not be asked for class 12 of 10."""

from __future__ import annotations

import numpy as np


class LabelRange:
    """What the labels of one output must be.

    Attributes:
        output: its place among the outputs.
        loss: the name of the loss.
        classes: how many classes the output has.
        ignored: a label that may be anything, or None.
    """

    __slots__ = ("classes", "ignored", "loss", "output")

    def __init__(self, output: int, loss: str, classes: int, ignored: int | None = None):
        self.output = output
        self.loss = loss
        self.classes = classes
        self.ignored = ignored

    def check(self, labels) -> None:
        """Raises ValueError when a label is no class.

        Args:
            labels: array of integers, or of floats that stand for them.
        """
        labels = np.asarray(labels)
        if labels.size == 0 or labels.dtype == bool:
            return
        if self.ignored is not None:
            labels = labels[labels != self.ignored]
            if labels.size == 0:
                return
        low, high = labels.min(), labels.max()
        if not (low >= 0 and high < self.classes):  # also when one is NaN
            raise ValueError(
                f"{self.loss}: the labels range from {low:g} to {high:g}, but the model has {self.classes} classes, so "
                f"labels must be in [0, {self.classes - 1}]."
            )
