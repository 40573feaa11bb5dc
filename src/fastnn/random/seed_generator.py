"""SeedGenerator: the state that random functions draw from and advance, and the one behind `seed=None`."""

import random as python_random

import numpy as np

from fastnn.graph.variable import Variable
from fastnn.utils import seeding


def make_default_seed() -> int:
    """A seed from Python's `random`, so that seeding that seeds everything made after it."""
    return python_random.randint(1, int(1e9))


class SeedGenerator:
    """A seed, and how often it was used.

    A random function that is given the generator reads its state and advances it, so that each call draws other
    numbers, also inside a compiled step.

    Args:
        seed: integer in [0, 2**32), or None for one from Python's `random`.
        name: name of the generator.

    Attributes:
        state: Variable of shape (2,), uint32: the seed and the number of draws.

    Raises:
        ValueError: when `seed` is no integer.

    Example:
        >>> generator = fastnn.random.SeedGenerator(1)
        >>> a, b = (fastnn.random.normal((2,), seed=generator) for _ in range(2))
        >>> bool((a == b).any())
        False
    """

    def __init__(self, seed=None, name=None, **kwargs):
        if kwargs.pop("backend", None) or kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        self._initial_seed = seed
        if seed is None:
            seed = make_default_seed()
        if not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self.name = name or "seed_generator"
        self.state = Variable(
            np.array([seed, 0], np.uint32), dtype="uint32", trainable=False, name="seed_generator_state"
        )
        self.state.path = f"{self.name}/{self.state.name}"

    def next(self, ordered=True):
        """The state, which is advanced: a seed for one random function.

        Args:
            ordered: kept for Keras's signature.

        Returns:
            uint32 of shape (2,).
        """
        # A copy: the view would show the state after the assignment.
        state = self.state.value
        state = state.copy() if isinstance(state, np.ndarray) else state
        self.state.assign(self.state + np.array([0, 1], np.uint32))
        return state

    def get_config(self):
        """The arguments of the constructor."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """The generator of a configuration, with its counter at 0."""
        return cls(**config)


_global: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator of functions that are called without a seed."""
    global _global
    if _global is None:
        _global = SeedGenerator(name="global_seed_generator")
    return _global


def reset_global_seed_generator() -> None:
    """Lets the next call without a seed start from a new seed of Python's `random`."""
    global _global
    _global = None


seeding.listeners.append(reset_global_seed_generator)
