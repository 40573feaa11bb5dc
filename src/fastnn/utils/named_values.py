"""Config: named values, as attributes and as items."""

import json


class Config:
    """A dict whose values are attributes too, and that can be frozen.

    Args:
        kwargs: the first values.

    Raises:
        AttributeError, KeyError: for a value that is not there, read as an attribute or as an item.
        ValueError: for a change while it is frozen.

    Example:
        >>> config = fastnn.utils.Config(learning_rate=0.1)
        >>> config.seed = 123
        >>> config.freeze()
        >>> config["seed"], config.to_json()
        (123, '{"learning_rate": 0.1, "seed": 123}')
    """

    def __init__(self, **kwargs):
        self.__dict__.update(_values=kwargs, _frozen=False)

    @property
    def frozen(self) -> bool:
        """Whether it refuses changes."""
        return self._frozen

    def freeze(self) -> None:
        """Refuses changes from here on."""
        self.__dict__["_frozen"] = True

    def unfreeze(self) -> None:
        """Takes changes again."""
        self.__dict__["_frozen"] = False

    def _changeable(self) -> dict:
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen.")
        return self._values

    def as_dict(self) -> dict:
        """The values, as a new dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """The values, as JSON."""
        return json.dumps(self._values)

    def keys(self):
        """The names."""
        return self._values.keys()

    def values(self):
        """The values."""
        return self._values.values()

    def items(self):
        """Names and values."""
        return self._values.items()

    def get(self, keyname, value=None):
        """The value of a name, or `value` where there is none."""
        return self._values.get(keyname, value)

    def pop(self, *args):
        """Takes a name out and returns its value, as `dict.pop`."""
        return self._changeable().pop(*args)

    def update(self, *args, **kwargs) -> None:
        """Sets several values, as `dict.update`."""
        self._changeable().update(*args, **kwargs)

    def __getattr__(self, name):
        if name in self.__dict__.get("_values", ()):
            return self._values[name]
        raise AttributeError(f"Unknown attribute: '{name}'.")

    def __setattr__(self, name, value):
        self._changeable()[name] = value

    def __getitem__(self, key):
        return self._values[key]

    def __setitem__(self, key, value):
        self._changeable()[key] = value

    def __delitem__(self, key):
        del self._changeable()[key]

    def __contains__(self, key) -> bool:
        return key in self._values

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getstate__(self) -> dict:
        return self.__dict__.copy()

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
