"""Serialization as in Keras 2, against Keras's."""

import keras
import pytest

import fastnn


class Box:
    def __init__(self, content):
        self.content = content

    def get_config(self):
        return {"content": self.content}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Knowing(Box):
    @classmethod
    def from_config(cls, config, custom_objects=None):
        return custom_objects["Box"], config


def double(x):
    return 2 * x


NAMES = {"Box": Box, "Knowing": Knowing, "double": double, "call": lambda x=5: x + 1}
CASES = {
    "none": lambda k, ser, de: [ser(None), de(None)],
    "layer": lambda k, ser, de: ser(k.layers.Dense(2, name="d", activation="relu")),
    "function": lambda k, ser, de: [ser(k.activations.relu), ser(double)],
    "members": lambda k, ser, de: ser(Box(k.regularizers.L2(0.5))),
    "a function as member": lambda k, ser, de: ser(Box(double)),
    "back": lambda k, ser, de: de(ser(Box(3)), NAMES).content,
    "back, a function named in it": lambda k, ser, de: de(ser(Box(double)), NAMES).content is double,
    "a function as a class": lambda k, ser, de: de({"class_name": "call", "config": {"x": 2}}, NAMES),
    "custom": lambda k, ser, de: de({"class_name": "A", "config": {"content": 1}}, custom_objects={"A": Box}).content,
    "custom, a name": lambda k, ser, de: de("twice", custom_objects={"twice": double}) is double,
    "custom, handed on": lambda k, ser, de: de(
        {"class_name": "Knowing", "config": {"content": 1}}, NAMES, custom_objects={"Box": Box}
    ),
    "an object": lambda k, ser, de: de(double) is double,
    "text": lambda k, ser, de: ser("text"),
    "number": lambda k, ser, de: de(3, NAMES),
    "unknown": lambda k, ser, de: de({"class_name": "Nope", "config": {}}, NAMES),
    "no config": lambda k, ser, de: de({"class_name": "Box"}, NAMES),
    "another argument": lambda k, ser, de: de({"class_name": "Box", "config": {"lid": 1}}, NAMES),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    def result(k):
        module = k.utils.legacy
        try:
            return CASES[name](k, module.serialize_keras_object, module.deserialize_keras_object)
        except Exception as error:
            return type(error)

    assert result(fastnn) == result(keras)


def test_names_are_looked_up():
    """Keras 3.15 fails to, with an AttributeError of its own."""
    deserialize = fastnn.legacy.saving.deserialize_keras_object
    assert deserialize("double", NAMES) is double
    with fastnn.saving.custom_object_scope({"other": double}):
        assert deserialize("other") is double
    with pytest.raises(ValueError, match="Unknown activation: 'nope'"):
        deserialize("nope", NAMES, printable_module_name="activation")
