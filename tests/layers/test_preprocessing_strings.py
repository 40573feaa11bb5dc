"""The layers of strings and tables, against what Keras on TensorFlow answers (see `string_cases`)."""

import json

import numpy as np
import pytest

import fastnn
from tests.layers.against_keras import check_signature
from tests.layers.string_cases import ANSWERS, CASES, answer

EXPECTED = json.loads(ANSWERS.read_text())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_keras_s(case):
    expected, result = EXPECTED[str(case)], answer(fastnn.layers, case)
    for part in ("shape", "dtype", "config", "vocabulary"):
        assert result[part] == expected[part], part
    if expected["dtype"].startswith("float"):
        np.testing.assert_allclose(result["outputs"], expected["outputs"], rtol=1e-6)
    else:
        assert result["outputs"] == expected["outputs"]


@pytest.mark.parametrize("name", sorted({case.layer for case in CASES}))
def test_signatures(name):
    check_signature(name)
