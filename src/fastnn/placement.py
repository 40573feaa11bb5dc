"""device: where arrays live. There is one place, the CPU."""

import re


class device:
    """Inside, everything is on the CPU, as it is outside.

    Args:
        device_name: "cpu", or "cpu:0".

    Raises:
        ValueError: for any other device.

    Example:
        >>> with fastnn.device("cpu:0"):
        ...     x = fastnn.ops.ones((2,))
        >>> x
        array([1., 1.], dtype=float32)
    """

    def __init__(self, device_name):
        if not isinstance(device_name, str) or not re.fullmatch(r"cpu(:0)?", device_name.lower()):
            raise ValueError(
                "Invalid value for argument `device_name`. fastnn runs on the CPU: expected 'cpu' or 'cpu:0'. "
                f"Received: device_name={device_name!r}"
            )
        self.device_name = device_name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
