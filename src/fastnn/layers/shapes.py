"""Structures of shapes: a shape is a tuple or list of sizes, None where unknown."""

import numpy as np


def is_shape(x) -> bool:
    return isinstance(x, (tuple, list)) and all(size is None or isinstance(size, (int, np.integer)) for size in x)


def map_shapes(function, structure):
    """`function` of every shape in `structure`."""
    if is_shape(structure) and not (isinstance(structure, tuple) and structure == ()):
        return function(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_shapes(function, value) for key, value in structure.items()}
    if isinstance(structure, (tuple, list)):
        return type(structure)(map_shapes(function, item) for item in structure)
    return structure


def as_shapes(structure):
    """`structure` with every shape a tuple of ints and None."""
    return map_shapes(lambda shape: tuple(None if size is None else int(size) for size in shape), structure)
