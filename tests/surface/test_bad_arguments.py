"""Bad arguments raise what Keras raises, with a message that names what is wrong: the rows of `BAD`."""

import keras
import pytest

import fastnn
from tests.tables import table


@pytest.mark.parametrize("case", table("BAD"), ids=str)
def test_bad_argument(case):
    raises = case.raises
    if raises is None:
        with pytest.raises(Exception) as theirs:
            case.call(keras)
        raises = type(theirs.value)
    with pytest.raises(raises) as ours:
        case.call(fastnn)
    assert case.mentions in str(ours.value)
