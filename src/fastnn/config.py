"""Every setting of fastnn, and every environment variable it reads.

| variable | meaning | default |
| --- | --- | --- |
| `FASTNN_ISA` | kernel table to use: `generic`, `avx2`, `avx512` or `neon`, at most what the CPU has | the highest |
| `OMP_NUM_THREADS` | upper bound of `threads()` | none |
| `FASTNN_WINOGRAD` | `0`: no convolution by Winograd's algorithm, until `set_winograd` | `1` |
| `KERAS_HOME` | folder of `keras.json` and `datasets/` | `~/.keras` |
| `FASTNN_TEST_DATA` | read by the tests alone: a `KERAS_HOME` with real data | `../shared/data` |

Each is read once, at import. `keras.json` gives the defaults of `floatx`, `epsilon` and `image_data_format`, as in
Keras; it is read when one of them is first asked for, and never written.
"""

import functools
import os

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)

FORCED_ISA = os.environ.get("FASTNN_ISA") or None
_WINOGRAD = os.environ.get("FASTNN_WINOGRAD", "1")
_OMP_NUM_THREADS = os.environ.get("OMP_NUM_THREADS", "")
_KERAS_HOME = os.environ.get("KERAS_HOME")

_FLOATS = ("float32", "float64", "float16", "bfloat16")
_IMAGE_DATA_FORMATS = ("channels_last", "channels_first")

# What `set_*` changed; everything else is a default.
choices: dict = {}


def keras_home() -> str:
    """The folder of `keras.json` and `datasets/`: the environment variable `KERAS_HOME`, or `~/.keras`.

    Where the home directory cannot be written to it is `/tmp/.keras`, as in Keras.

    Example:
        >>> isinstance(fastnn.config.keras_home(), str)
        True
    """
    if _KERAS_HOME:
        return os.path.expanduser(_KERAS_HOME)
    home = os.path.expanduser("~")
    return os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")


@functools.cache
def _keras_json() -> dict:
    path = os.path.join(keras_home(), "keras.json")
    try:
        with open(path, encoding="utf-8") as file:
            import json  # here, as few have the file: a millisecond of the first step

            settings = json.load(file)
    except OSError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}. Mend it or delete it.") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} should hold a JSON object such as {{}}, but it holds {settings!r}.")
    return {
        "floatx": _one_of("floatx", settings.get("floatx", "float32"), _FLOATS, path),
        "epsilon": _positive("epsilon", settings.get("epsilon", 1e-7), path),
        "image_data_format": _one_of(
            "image_data_format", settings.get("image_data_format", "channels_last"), _IMAGE_DATA_FORMATS, path
        ),
    }


def _one_of(name, value, allowed, where=None):
    if value not in allowed:
        raise ValueError(f"{name} should be one of {allowed}, but got {value!r}{f' in {where}' if where else ''}.")
    return value


def _positive(name, value, where=None):
    value = float(value)
    if not value > 0:
        raise ValueError(f"{name} should be positive, but got {value!r}{f' in {where}' if where else ''}.")
    return value


def _setting(name, default):
    return choices[name] if name in choices else _keras_json().get(name, default)


def chosen(name: str):
    """What was set for `name`; None when nothing was."""
    return choices.get(name)


def choose(name: str, value) -> None:
    """Sets `name`, for modules whose settings are objects that this one does not know."""
    choices[name] = value


def backend() -> str:
    """The name of what computes: always `"fastnn"` (see `docs/differences.md`).

    Example:
        >>> fastnn.config.backend()
        'fastnn'
    """
    return "fastnn"


def floatx() -> str:
    """The dtype that weights and inputs have by default: `"float32"` unless changed.

    Example:
        >>> fastnn.config.floatx()
        'float32'
    """
    return _setting("floatx", "float32")


def set_floatx(value: str) -> None:
    """Sets the default float dtype of what is made from now on.

    Args:
        value: `"float32"`, `"float64"`, `"float16"` or `"bfloat16"`.

    Raises:
        ValueError: for any other value.

    Example:
        >>> fastnn.config.set_floatx("float64"); fastnn.config.floatx()
        'float64'
        >>> fastnn.config.set_floatx("float32")
    """
    choices["floatx"] = _one_of("floatx", value, _FLOATS)


def epsilon() -> float:
    """The small number that keeps logarithms and divisions finite: 1e-7 unless changed.

    Example:
        >>> fastnn.config.epsilon()
        1e-07
    """
    return _setting("epsilon", 1e-7)


def set_epsilon(value: float) -> None:
    """Sets `epsilon()`.

    Args:
        value: a positive number.

    Raises:
        ValueError: if it is not positive.

    Example:
        >>> fastnn.config.set_epsilon(1e-5); fastnn.config.epsilon()
        1e-05
        >>> fastnn.config.set_epsilon(1e-7)
    """
    choices["epsilon"] = _positive("epsilon", value)


def image_data_format() -> str:
    """`"channels_last"` (n, h, w, c), the default and the native layout, or `"channels_first"` (n, c, h, w).

    Example:
        >>> fastnn.config.image_data_format()
        'channels_last'
    """
    return _setting("image_data_format", "channels_last")


def set_image_data_format(data_format: str) -> None:
    """Sets the layout that image layers assume when they are not told.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: for any other value.

    Example:
        >>> fastnn.config.set_image_data_format("channels_last")
    """
    choices["image_data_format"] = _one_of("image_data_format", data_format, _IMAGE_DATA_FORMATS)


def enable_interactive_logging() -> None:
    """Progress goes to standard output (the default).

    Example:
        >>> fastnn.config.enable_interactive_logging()
    """
    choices["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Progress goes to the logger `"fastnn"` at level INFO instead of standard output.

    Example:
        >>> fastnn.config.disable_interactive_logging()
        >>> fastnn.config.is_interactive_logging_enabled()
        False
        >>> fastnn.config.enable_interactive_logging()
    """
    choices["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to standard output.

    Example:
        >>> fastnn.config.is_interactive_logging_enabled()
        True
    """
    return choices.get("interactive_logging", True)


def enable_flash_attention() -> None:
    """Takes `disable_flash_attention` back.

    Example:
        >>> fastnn.config.enable_flash_attention()
        >>> fastnn.config.is_flash_attention_enabled() is None
        True
    """
    choices["flash_attention"] = None


def disable_flash_attention() -> None:
    """Notes that attention by blocks is not wanted. It has no effect: attention without scores to return or to drop is
    always computed by blocks here, and gives the same numbers.

    Example:
        >>> fastnn.config.disable_flash_attention()
        >>> fastnn.config.is_flash_attention_enabled()
        False
        >>> fastnn.config.enable_flash_attention()
    """
    choices["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`, otherwise None: attention is computed by blocks where it can be.

    Example:
        >>> fastnn.config.is_flash_attention_enabled() is None
        True
    """
    return choices.get("flash_attention")


def set_backend(backend: str) -> None:
    """Accepts `"fastnn"`, the only backend.

    Args:
        backend: `"fastnn"`.

    Raises:
        ValueError: for any other name.

    Example:
        >>> fastnn.config.set_backend("fastnn")
    """
    if backend != "fastnn":
        raise ValueError(f"Unable to import backend : {backend}. fastnn has one backend, 'fastnn'.")


def max_epochs() -> int | None:
    """The largest number of epochs of any `fit`; None: no limit.

    Example:
        >>> fastnn.config.max_epochs()
    """
    return choices.get("max_epochs")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limits the epochs of every `fit`, to try a long script quickly.

    Args:
        max_epochs: an int, or None for no limit.

    Example:
        >>> fastnn.config.set_max_epochs(1); fastnn.config.max_epochs()
        1
        >>> fastnn.config.set_max_epochs(None)
    """
    choices["max_epochs"] = max_epochs


def max_steps_per_epoch() -> int | None:
    """The largest number of batches of an epoch, evaluation or prediction; None: no limit.

    Example:
        >>> fastnn.config.max_steps_per_epoch()
    """
    return choices.get("max_steps_per_epoch")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limits the batches of every epoch, evaluation and prediction, to try a long script quickly.

    Args:
        max_steps_per_epoch: an int, or None for no limit.

    Example:
        >>> fastnn.config.set_max_steps_per_epoch(2); fastnn.config.max_steps_per_epoch()
        2
        >>> fastnn.config.set_max_steps_per_epoch(None)
    """
    choices["max_steps_per_epoch"] = max_steps_per_epoch


def enable_traceback_filtering() -> None:
    """Kept for scripts: nothing is ever taken out of tracebacks here.

    Example:
        >>> fastnn.config.enable_traceback_filtering(); fastnn.config.is_traceback_filtering_enabled()
        True
    """
    choices["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Kept for scripts: nothing is ever taken out of tracebacks here.

    Example:
        >>> fastnn.config.disable_traceback_filtering(); fastnn.config.is_traceback_filtering_enabled()
        False
        >>> fastnn.config.enable_traceback_filtering()
    """
    choices["traceback_filtering"] = False


def is_traceback_filtering_enabled() -> bool:
    """What `enable_traceback_filtering` or its opposite set; True by default.

    Example:
        >>> fastnn.config.is_traceback_filtering_enabled()
        True
    """
    return choices.get("traceback_filtering", True)


def is_nnx_enabled() -> bool:
    """False: there is no Flax here.

    Example:
        >>> fastnn.config.is_nnx_enabled()
        False
    """
    return False


def enable_unsafe_deserialization() -> None:
    """Kept for scripts; code inside a file of a model is never run, whatever is set.

    Example:
        >>> fastnn.config.enable_unsafe_deserialization()
    """


def profile(enabled: bool = True) -> None:
    """Whether plans time each of their steps from now on; `model.explain()` shows the times.

    Args:
        enabled: timing costs about 50 nanoseconds a kernel call, so it is off by default.

    Example:
        >>> fastnn.config.profile(True); fastnn.config.is_profiling()
        True
        >>> fastnn.config.profile(False)
    """
    choices["profile"] = bool(enabled)


def is_profiling() -> bool:
    """Whether plans time each of their steps.

    Example:
        >>> fastnn.config.is_profiling()
        False
    """
    return choices.get("profile", False)


def threads() -> int:
    """How many threads a plan may use.

    What `set_threads` set; otherwise the least of the CPUs that this process may run on, the CPU quota of its
    container (rounded up), and `OMP_NUM_THREADS`. The results do not depend on it: with a seed, the bits are the same
    for any number.

    Example:
        >>> fastnn.config.threads() >= 1
        True
    """
    return choices.get("threads") or _default_threads()


def set_threads(count: int | None) -> None:
    """Sets how many threads plans may use; `None` goes back to the default.

    Args:
        count: at least 1. More than the CPUs at hand is obeyed, and slow.

    Raises:
        ValueError: if `count` is below 1.

    Example:
        >>> fastnn.config.set_threads(1); fastnn.config.threads()
        1
        >>> fastnn.config.set_threads(None)
    """
    if count is not None and count < 1:
        raise ValueError(f"the thread count should be at least 1, but got {count!r}.")
    choices["threads"] = None if count is None else int(count)


def winograd() -> bool:
    """Whether convolutions may be computed by Winograd's algorithm: what `set_winograd` set, else whether the
    environment variable `FASTNN_WINOGRAD` is not `0`.

    Example:
        >>> fastnn.config.winograd()
        True
    """
    return choices.get("winograd", _WINOGRAD != "0")


def set_winograd(enabled: bool) -> None:
    """Allows or forbids Winograd's algorithm for float32 convolutions with stride 1 and a kernel of 3 by 3, 5 by 5, or
    one row or column of 2 to 5 taps, as of `Conv1D`; the last with any dilation.

    It is used where it is expected to be faster, with its gradients. It does a quarter of the multiplications of 3 by 3
    kernels, 36 of 100 of 5 by 5 ones, and 6 of k (7 - k) of k taps in a line. Its rounding errors are two to three
    times those of plain sums of products, three to five in the kernel's gradient, whose largest, of 5 by 5 kernels, may
    be thirteen times the plain one; of lines up to twice. One number that is not finite makes up to 16 results around
    it not finite. `model.explain` shows which convolutions use it. Plans that are compiled already stay as they are:
    call this before the first `fit` or `predict`.

    Args:
        enabled: a bool.

    Example:
        >>> fastnn.config.set_winograd(False); fastnn.config.winograd()
        False
        >>> fastnn.config.set_winograd(True)
    """
    choices["winograd"] = bool(enabled)


@functools.cache
def _default_threads() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    limits = [len(affinity(0)) if affinity else os.cpu_count() or 1]
    quota = _cgroup_cpus()
    if quota is not None:
        limits.append(quota)
    # OpenMP allows one number per nesting level, "4,2"; the first is ours.
    wanted = _OMP_NUM_THREADS.split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) >= 1:
        limits.append(int(wanted))
    return min(limits)


def _cgroup_cpus(root: str = "/sys/fs/cgroup", membership: str = "/proc/self/cgroup") -> int | None:
    """The CPU quota of this process's control groups, rounded up to whole CPUs; None where there is none.

    A quota binds every group below it, so the least of the group and its ancestors counts. Version 2 writes
    "quota period" to cpu.max; version 1 has one file for each, under the mount of the cpu controller.
    """
    try:
        with open(membership, encoding="utf-8", errors="replace") as file:
            lines = [line.strip().split(":", 2) for line in file]
    except OSError:
        return None
    cpus = []
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers == "":
            mount = root
        elif "cpu" in controllers.split(","):
            mount = next((m for m in (f"{root}/{controllers}", f"{root}/cpu") if os.path.isdir(m)), None)
        else:
            continue
        while mount:
            quota, period = _cgroup_quota(f"{mount}/{path.strip('/')}".rstrip("/"))
            if quota > 0 and period > 0:
                cpus.append(max(1, -(-quota // period)))
            if not path.strip("/"):
                break
            path = os.path.dirname(path)
    return min(cpus, default=None)


def _cgroup_quota(folder: str) -> tuple[int, int]:
    """(quota, period) in microseconds of one control group; (0, 0) where it has none."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = []
            for name in names:
                with open(f"{folder}/{name}", encoding="utf-8") as file:
                    words += file.read().split()
            return (int(words[0]), int(words[1])) if words[0] not in ("max", "-1") else (0, 0)
        except (OSError, ValueError, IndexError):
            continue
    return 0, 0
