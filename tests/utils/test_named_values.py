"""Config, against Keras's."""

import copy

import keras
import pytest

import fastnn


def changed(config):
    config.z = [1]
    config["q"] = 3
    config.update({"m": 1}, n=2)
    del config["q"]
    return config.pop("b"), config.pop("none", 7), config.as_dict()


def frozen(config):
    config.freeze()
    config.unfreeze()
    config.freeze()
    return config.a, config.frozen, config.get("a"), list(config)


RESULTS = {
    "text": str,
    "read": lambda c: (c.a, c["b"], c.get("none"), c.get("none", 4), c.get("a", 4)),
    "like a dict": lambda c: (dict(c.items()), list(c.keys()), list(c.values()), list(c), len(c), "a" in c, {**c}),
    "json": lambda c: c.to_json(),
    "changed": changed,
    "frozen": frozen,
    "hasattr": lambda c: (hasattr(c, "none"), c.frozen),
    "attribute": lambda c: c.none,
    "item": lambda c: c["none"],
    "popped": lambda c: c.pop("none"),
    "deleted": lambda c: c.__delitem__("none"),
    "no json": lambda c: type(c)(x=object()).to_json(),
    **{
        f"frozen {name}": lambda c, change=change: (c.freeze(), change(c))
        for name, change in {
            "attribute": lambda c: setattr(c, "a", 2),
            "item": lambda c: c.__setitem__("new", 2),
            "del": lambda c: c.__delitem__("a"),
            "pop": lambda c: c.pop("a"),
            "update": lambda c: c.update(a=2),
        }.items()
    },
}


@pytest.mark.parametrize("name", RESULTS)
def test_result(name):
    def result(k):
        config = k.utils.Config(a=1, b="x")
        try:
            return RESULTS[name](config)
        except Exception as error:
            return type(error), config.as_dict()

    assert result(fastnn) == result(keras)


def test_a_copy_is_another_config():
    config = fastnn.utils.Config(a=[1])
    other = copy.deepcopy(config)
    other.a.append(2)
    assert config.a == [1] and other.a == [1, 2]
