"""QuantileSummary: the quantiles of numbers that come in batches, in little memory."""

import numpy as np


class QuantileSummary:
    """Some of the numbers seen, in order, each with how many it stands for.

    Args:
        epsilon: at which share of the numbers the next one is kept: 0.01 keeps about a hundred.
    """

    def __init__(self, epsilon: float):
        self.epsilon = epsilon
        self.values = self.weights = np.empty(0, np.float32)

    def add(self, numbers: np.ndarray) -> None:
        """Takes a batch of numbers of any shape into account."""
        step = max(numbers.size * self.epsilon, 1)
        kept = np.sort(numbers, axis=None).astype(np.float32)[int(step - 1) :: int(step)]
        values = np.concatenate([kept, self.values])
        weights = np.concatenate([np.full(kept.shape, step, np.float32), self.weights])
        order = np.argsort(values)
        self.values, self.weights = _thinned(values[order], weights[order], self.epsilon)

    def boundaries(self, bins: int) -> list[float]:
        """What parts the numbers into so many bins of about one size."""
        return _thinned(self.values, self.weights, 1 / bins)[0][:-1].tolist()


def _thinned(values, weights, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The values at each `share` of the whole weight, between which lie equal weights."""
    if len(values) * share < 1:
        return values, weights
    below = np.cumsum(weights)
    at = share + np.arange(0, 1, share)
    kept, kept_below = (np.interp(at, below / below[-1], y) for y in (values, below))
    return kept.astype(np.float32), np.diff(kept_below, prepend=0).astype(np.float32)
