"""install_as_keras: `import keras` means this library for the rest of the process."""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types

from fastnn import _api
from fastnn._api import KERAS_VERSION

# Private addresses that packages written for Keras import from.
_PRIVATE = {
    "keras.api": "fastnn",
    "keras.src": "fastnn",
    "keras.src.saving.saving_lib": "fastnn.saving.model_file",
}


class _Keras(types.ModuleType):
    """The top module: all of fastnn, but with the version of the Keras whose API it is, which packages compare."""

    def __getattr__(self, name):
        return getattr(sys.modules["fastnn"], name)

    def __dir__(self):
        return dir(sys.modules["fastnn"])

    @staticmethod
    def version() -> str:
        return KERAS_VERSION

    __version__ = KERAS_VERSION


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers imports of `keras` and of what is below it with the modules of `fastnn`."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if _ours(name) else None

    def create_module(self, spec):
        return _Keras(spec.name) if spec.name == "keras" else None

    def exec_module(self, module):
        if module.__name__ != "keras":
            # The import system takes what stands in sys.modules when this returns.
            sys.modules[module.__name__] = importlib.import_module(_ours(module.__name__))


def _ours(name: str) -> str | None:
    """The module of fastnn that `name` stands for; None when it is not Keras's or there is none."""
    if name != "keras" and not name.startswith("keras."):
        return None
    if name in _PRIVATE:
        return _PRIVATE[name]
    below = name.removeprefix("keras").removeprefix(".src").removeprefix(".api").lstrip(".")
    return f"fastnn.{below}".rstrip(".") if below in ("", *_api.MODULES) else None


def install_as_keras() -> None:
    """Makes `import keras`, and imports of its submodules, give this library for the rest of the process.

    Packages that are written for Keras then run on fastnn, unchanged. Call it before they are imported: what has
    imported the other `keras` already keeps what it has.

    Example:
        >>> fastnn.install_as_keras()
        >>> import keras
        >>> from keras.layers import Dense
        >>> Dense is fastnn.layers.Dense, keras.__version__.startswith("3.")
        (True, True)
    """
    for name in [name for name in sys.modules if name == "keras" or name.startswith("keras.")]:
        del sys.modules[name]
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
