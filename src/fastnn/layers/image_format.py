"""The `data_format` argument and integer tuples of image layers."""

import numpy as np

from fastnn import config


def standardize_data_format(data_format) -> str:
    """`data_format`, or the global one for None.

    Raises:
        ValueError: for any other value.
    """
    if data_format is None:
        return config.image_data_format()
    data_format = str(data_format).lower()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. Received: "
            f"data_format={data_format}"
        )
    return data_format


def standardize_tuple(value, n: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """`value` as a tuple of `n` positive ints; an int stands for all of them.

    Raises:
        ValueError: for anything else.
    """
    wanted = f"The `{name}` argument must be a tuple of {n} integers. Received {name}={value}"
    sizes = (value,) * n if isinstance(value, (int, np.integer)) else value
    try:
        sizes = tuple(int(size) for size in sizes)
    except (TypeError, ValueError):
        raise ValueError(wanted) from None
    if len(sizes) != n:
        raise ValueError(wanted)
    least = 0 if allow_zero else 1
    if min(sizes, default=least) < least:
        raise ValueError(f"{wanted}, including values that are below {least}")
    return sizes


def standardize_padding(value, allow_causal: bool = False) -> str:
    """`value` in lower case when it is a way of padding.

    Raises:
        ValueError: when it is not.
    """
    allowed = ("valid", "same", "causal") if allow_causal else ("valid", "same")
    padding = str(value).lower()
    if padding not in allowed:
        raise ValueError(f"The `padding` argument must be one of {allowed}. Received: padding={value}")
    return padding
