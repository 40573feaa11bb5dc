"""Sizes of borders, for padding and cropping: one pair (before, after) for each axis of an image or a sequence."""


def standardize_borders(value, n: int, name: str) -> tuple[tuple[int, int], ...]:
    """`value` as `n` pairs: an int is all of them, `n` ints are one a pair, `n` pairs are themselves.

    Raises:
        ValueError: for anything else.
    """
    wanted = f"`{name}` should have {'two elements' if n == 2 else f'{n} elements'}. Received: {name}={value}."
    pairs = (value,) * n if isinstance(value, int) else value
    if not isinstance(pairs, (tuple, list)) or len(pairs) != n:
        raise ValueError(wanted)
    pairs = tuple((pair, pair) if isinstance(pair, int) else pair for pair in pairs)
    for pair in pairs:
        if (
            not isinstance(pair, (tuple, list))
            or len(pair) != 2
            or not all(isinstance(k, int) and k >= 0 for k in pair)
        ):
            raise ValueError(f"`{name}` should be non-negative ints or pairs of them. Received: {name}={value}.")
    return tuple((pair[0], pair[1]) for pair in pairs)


def pair_of(value, name: str) -> tuple[int, int]:
    """`value` as one pair (before, after): an int is both.

    Raises:
        ValueError: for anything else.
    """
    pair = (value, value) if isinstance(value, int) else value
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(k, int) and k >= 0 for k in pair):
        raise ValueError(f"`{name}` should be a non-negative int or two of them. Received: {name}={value}.")
    return pair[0], pair[1]


def spatial_axes(data_format: str, n: int) -> tuple[int, ...]:
    """The axes of the places of an image or a sequence."""
    return tuple(range(1, n + 1)) if data_format == "channels_last" else tuple(range(2, n + 2))
