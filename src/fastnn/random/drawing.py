"""What every random function does with its seed."""

import numpy as np

from fastnn.ops.record import dtype_of
from fastnn.random.seed_generator import SeedGenerator, global_seed_generator


def draw(op, seed, *inputs, **params):
    """The numbers of `op` under `seed`; a generator is advanced."""
    if seed is None:
        seed = global_seed_generator()
    if isinstance(seed, SeedGenerator):
        values, state = op(seed.state, *inputs, **params)
        seed.state.assign(state)
        return values
    if isinstance(seed, (int, np.integer)):
        return op(np.array([seed, 0], np.uint32), *inputs, **params)[0]
    if getattr(seed, "shape", None) == (2,) and dtype_of(seed) == "uint32":  # what SeedGenerator.next() gave
        return op(seed, *inputs, **params)[0]
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
        f"Received: seed={seed} (of type {type(seed)})"
    )
