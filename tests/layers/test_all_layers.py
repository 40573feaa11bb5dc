"""Every layer against its contract and against Keras: the rows of `tests/tables`."""

import keras
import pytest

import fastnn
from fastnn import _api
from fastnn.testing import check_layer
from tests.layers.against_keras import check_against_keras, check_signature
from tests.tables import table

CASES = table("LAYERS")

# These have tests of their own: some are no common layers, others read strings.
APART = {"Input", "InputLayer", "InputSpec", "Lambda", "Layer", "Wrapper"}
STRINGS = {"HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_contract(case):
    check_layer(
        getattr(fastnn.layers, case.name),
        case.arguments_for(fastnn),
        case.inputs,
        call_arguments=case.call,
        gradient=case.gradient,
        config=case.config,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_keras(case):
    check_against_keras(case)


def test_every_layer_is_here():
    """A layer that is published gets a row in a table."""
    classes = {getattr(fastnn.layers, name) for name in _api.table("fastnn.layers")}
    apart = {getattr(fastnn.layers, name) for name in APART | STRINGS}
    assert {getattr(fastnn.layers, case.name) for case in CASES} == {c for c in classes if isinstance(c, type)} - apart


@pytest.mark.parametrize("name", sorted(APART - {"Input"}))
def test_other_signatures(name):
    check_signature(name)


def test_aliases_are_keras_s():
    for name, (_, attribute) in _api.table("fastnn.layers").items():
        assert getattr(keras.layers, name).__name__ == attribute
