"""Configurable: a layer's config, from its arguments and back."""

from __future__ import annotations

import inspect

from fastnn import dtype_policy, regularizers, tree
from fastnn.layers.shapes import as_shapes


class Configurable:
    """The part of a layer that is written into configs. The subclass has name, trainable, dtype_policy and `_state`."""

    def get_config(self) -> dict:
        """What `from_config` makes such a layer from, without its weights.

        Raises:
            NotImplementedError: for a subclass with arguments of its own that are not plain values and without a
                `get_config` of its own.
        """
        self._check_super_called()
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policy.serialize(self.dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Configurable.get_config and not _is_base_init(type(self)):
            config = self._automatic_config(config)
        return config

    def _automatic_config(self, base: dict) -> dict:
        """The arguments of __init__, when all of them are plain values, and what it takes of `base`."""
        args, kwargs = self._state.init_arguments
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        parameters = bound.signature.parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        config = {name: value for name, value in base.items() if takes_any or name in parameters}
        for name, value in list(bound.arguments.items())[1:]:
            config |= value if parameters[name].kind is inspect.Parameter.VAR_KEYWORD else {name: value}
        config |= {name: base[name] for name in ("name", "dtype") if name in config}
        if all(isinstance(leaf, (bool, int, float, str, type(None))) for leaf in tree.flatten(list(config.values()))):
            return config
        name = type(self).__name__
        raise NotImplementedError(
            f"Object {name} was created by passing non-serializable argument values in `__init__()`, and therefore the "
            f"object must override `get_config()` in order to be serializable: add each argument of {name}.__init__ to "
            "the dictionary of `super().get_config()`."
        )

    @classmethod
    def from_config(cls, config: dict) -> Configurable:
        """A new layer with the arguments of `config`.

        Raises:
            TypeError: when they are not the arguments of this class.
        """
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = dtype_policy.get(config["dtype"])
        try:
            return cls(**config)
        except Exception as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    def get_build_config(self) -> dict | None:
        """The shapes it was built with."""
        shapes = self._state.build_shapes
        if shapes is None:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}

    def build_from_config(self, config: dict) -> None:
        """Builds it for the shapes of `get_build_config`."""
        if not config:
            return
        if "input_shape" in config:
            self.build(as_shapes(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{name: as_shapes(shape) for name, shape in config["shapes_dict"].items()})


def _is_base_init(cls) -> bool:
    """Whether the arguments of `cls` are those of Layer and no more."""
    return next(base for base in cls.__mro__ if "__init__" in base.__dict__).__module__ == "fastnn.layers.layer"
