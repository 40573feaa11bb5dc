"""What this installation is: version, CPU, kernel table in use, threads and compiler."""

from fastnn import config
from fastnn._kernels import _engine

__version__ = _engine.build_info()["version"]


def version() -> str:
    """The version of fastnn, such as `"0.1.0"`.

    Example:
        >>> fastnn.version() == fastnn.__version__
        True
    """
    return __version__


def show_config() -> None:
    """Prints version, CPU features, kernel tables, the one in use, threads and compiler, one a line.

    The environment variable `FASTNN_ISA` chooses a lower table; `fastnn.config.set_threads` changes the threads.

    Example:
        >>> fastnn.show_config()  # doctest: +ELLIPSIS
        fastnn ...
    """
    print(report())


def report() -> str:
    """The text that `show_config` and `fastnn info` print."""
    import numpy as np

    from fastnn import _kernels

    build = _engine.build_info()
    forced = " (forced by FASTNN_ISA)" if config.FORCED_ISA else ""
    rows = {
        "fastnn": build["version"],
        "NumPy": np.__version__,
        "CPU features": build["cpu_features"],
        "kernel tables built": ", ".join(_engine.built_isas()),
        "kernel tables usable": ", ".join(_engine.isas()),
        "kernel table in use": f"{_kernels.isa()}{forced}",
        "kernels": len(_kernels.kernels()),
        "threads": config.threads(),
        "winograd": config.winograd(),
        "compiler": build["compiler"],
        "kernel flags": build["flags"],
        "floatx": config.floatx(),
        "KERAS_HOME": config.keras_home(),
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
