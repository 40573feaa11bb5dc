"""Arguments of `call`: bound as `inspect` binds them, but sooner."""

import inspect
import itertools

import pytest

from fastnn.layers.call_signature import CallSignature

CALLS = [
    lambda inputs: None,
    lambda inputs, training=None, mask=None: None,
    lambda query, value, key=None, *, use_causal_mask=False: None,
    lambda inputs, *, states: None,
    lambda *args, training=False: None,
    lambda inputs, **kwargs: None,
    lambda inputs, /, training=None: None,
    lambda: None,
]
ARGUMENTS = [
    (args, kwargs)
    for args in ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))
    for count in range(3)
    for names in itertools.combinations(("inputs", "key", "mask", "states", "use_causal_mask", "value"), count)
    for kwargs in [dict(zip(names[::-1], "ab", strict=False))]
]


def test_a_method_without_itself():
    class Layer:
        def call(self, inputs, *, scale, training=None, mode="fan"):
            pass

    signature = CallSignature.of(Layer().call)
    assert signature.parameters.keys() == {"inputs", "scale", "training", "mode"}
    assert [signature.has(name) for name in ("self", "inputs", "scale", "mode")] == [False, True, True, True]
    assert [signature.default(name) for name in ("inputs", "scale", "training", "mode")] == [None, None, None, "fan"]
    assert signature.bind((1,), {"scale": 2}).arguments == {"inputs": 1, "scale": 2}
    with pytest.raises(TypeError, match="scale"):
        signature.bind((1,), {})


@pytest.mark.parametrize("call", CALLS, ids=lambda call: str(inspect.signature(call)))
def test_arguments_are_bound_as_by_inspect(call):
    ours, theirs = CallSignature.of(call), inspect.signature(call)
    for args, kwargs in ARGUMENTS:
        try:
            wanted = theirs.bind(*args, **kwargs)
        except TypeError as error:
            with pytest.raises(TypeError) as caught:
                ours.bind(args, kwargs)
            assert str(caught.value) == str(error)
            continue
        found = ours.bind(args, kwargs)
        assert list(found.arguments.items()) == list(wanted.arguments.items())
        for name in {"mask", "training"} & theirs.parameters.keys():  # what a layer fills in stands last
            found.arguments.setdefault(name, "filled")
            wanted.arguments.setdefault(name, "filled")
        positional, named = ours.split(found)
        assert (tuple(positional), named) == (wanted.args, wanted.kwargs)
