"""LossScaleOptimizer and MultiOptimizer: optimizers around optimizers, against the released Keras."""

import copy
import pickle

import keras
import numpy as np
import pytest

import fastnn
from tests.optimizers.test_optimizers import MORE_SHAPES, close, gradients, ours, theirs, weights


def scaled(k, **inner):
    return k.optimizers.LossScaleOptimizer(
        k.optimizers.Adam(0.05, name="adam", **inner), 8.0, dynamic_growth_steps=2, name="scaled"
    )


def split(k, **arguments):
    map = k.optimizers.OptimizerMap(
        k.optimizers.SGD(0.1, momentum=0.9, name="sgd"),
        {"layer/.*": k.optimizers.Adam(0.05, name="adam"), ".*embeddings": k.optimizers.Lamb(0.05, name="lamb")},
    )
    return k.optimizers.MultiOptimizer(map, name="split", **arguments)


def steps_with_overflow():
    for k, step in enumerate(gradients(MORE_SHAPES)):
        if k in (3, 6):
            step[1] = step[1].copy()
            step[1][0] = (np.inf, np.nan)[k % 2]
        yield step


CASES = {
    "scaled": (scaled, {}, steps_with_overflow),
    "scaled, with average": (scaled, {"use_ema": True, "ema_overwrite_frequency": 3}, steps_with_overflow),
    "scaled, accumulating": (scaled, {"gradient_accumulation_steps": 2}, lambda: gradients(MORE_SHAPES)),
    "split": (split, {}, lambda: gradients(MORE_SHAPES)),
    "split, scaled": (split, {"loss_scale_factor": 8.0}, lambda: gradients(MORE_SHAPES)),
}


@pytest.mark.parametrize("is_compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_steps(case, is_compiled):
    make, arguments, steps = CASES[case]
    optimizer, judge = make(fastnn, **arguments), make(keras, **arguments)
    ours_w, theirs_w = weights(ours, MORE_SHAPES), weights(theirs, MORE_SHAPES)
    optimizer.build(ours_w)
    judge.build(theirs_w)
    apply = fastnn.jit(lambda g: optimizer.apply(g, ours_w)) if is_compiled else lambda g: optimizer.apply(g, ours_w)
    for step in steps():
        apply(step)
        judge.apply(step, theirs_w)
        for a, b in zip(ours_w, theirs_w, strict=True):
            close(a, b.value)
        assert [v.path for v in optimizer.variables] == [v.path for v in judge.variables]
        for a, b in zip(optimizer.variables, judge.variables, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            close(a, b.value)
        assert int(np.asarray(optimizer.iterations)) == int(judge.iterations)
        assert float(optimizer.scale_loss(np.float32(3))) == float(judge.scale_loss(np.float32(3)))


@pytest.mark.parametrize("make", [scaled, split])
def test_configs_both_ways(make):
    optimizer, judge = make(fastnn), make(keras)
    assert optimizer.get_config() == judge.get_config()
    config = fastnn.optimizers.serialize(optimizer)
    assert config == keras.optimizers.serialize(judge)
    assert fastnn.optimizers.deserialize(config).get_config() == config["config"]
    assert keras.optimizers.deserialize(copy.deepcopy(config)).get_config() == config["config"]


def test_learning_rate_of_a_scaled_optimizer_is_the_inner_ones():
    optimizer = scaled(fastnn)
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == float(optimizer.inner_optimizer.learning_rate) == 0.25


@pytest.mark.parametrize("argument", ["clipnorm", "weight_decay", "use_ema", "loss_scale_factor"])
def test_arguments_of_the_inner_optimizer(argument):
    with pytest.raises(ValueError, match=f"set `{argument}` on the `inner_optimizer`"):
        fastnn.optimizers.LossScaleOptimizer(fastnn.optimizers.SGD(), **{argument: 1})
    with pytest.raises(ValueError, match="does not support arguments: `lr`"):
        fastnn.optimizers.LossScaleOptimizer(fastnn.optimizers.SGD(), lr=1)


def test_a_callable_chooses_optimizers():
    def choose(k):
        first, other = k.optimizers.Adam(0.05), k.optimizers.SGD(0.1)
        return k.optimizers.MultiOptimizer(lambda v: first if "layer" in v.path else other)

    optimizer, judge = choose(fastnn), choose(keras)
    ours_w, theirs_w = weights(ours), weights(theirs)
    assert optimizer.optimizers == []
    for step in gradients():
        optimizer.build(ours_w)
        optimizer.apply(step, ours_w)
        judge.build(theirs_w)
        judge.apply(step, theirs_w)
    assert [type(o).__name__ for o in optimizer.optimizers] == [type(o).__name__ for o in judge.optimizers]
    for a, b in zip(ours_w, theirs_w, strict=True):
        close(a, b.value)


def test_a_split_optimizer_has_no_learning_rate():
    optimizer = split(fastnn)
    for use in (lambda: optimizer.learning_rate, lambda: setattr(optimizer, "learning_rate", 1.0)):
        with pytest.raises(AttributeError, match="individual sub-optimizers"):
            use()


def map_of(library):
    return library.optimizers.OptimizerMap(library.optimizers.SGD(), {"em.*": library.optimizers.Adam()})


BAD = {
    "no default": (TypeError, lambda k: k.optimizers.OptimizerMap(None)),
    "no dict": (TypeError, lambda k: k.optimizers.OptimizerMap(k.optimizers.SGD(), 3)),
    "key": (ValueError, lambda k: map_of(k).__setitem__(3, k.optimizers.SGD())),
    "value": (ValueError, lambda k: map_of(k).__setitem__("a", 3)),
    "twice": (ValueError, lambda k: map_of(k).__setitem__("em.*", k.optimizers.SGD())),
    "missing": (KeyError, lambda k: map_of(k).__delitem__("zz")),
    "two match": (ValueError, lambda k: [m := map_of(k), m.__setitem__("e.*", k.optimizers.SGD()), m["emb"]]),
    "no optimizer": (ValueError, lambda k: k.optimizers.MultiOptimizer(lambda v: 3).build([k.Variable([1.0])])),
    "legacy": (ImportError, lambda k: k.optimizers.legacy.SGD()),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case):
    kind, make = BAD[case]
    for library in (fastnn, keras):
        with pytest.raises(kind):
            make(library)


def test_map_is_a_mapping():
    for library in (fastnn, keras):
        map = map_of(library)
        map["x"] = library.optimizers.Lion()
        del map["em.*"]
        assert (len(map), list(map)) == (1, ["x"])
        assert [type(map[path]).__name__ for path in ("x", "xy", "ax")] == ["Lion", "SGD", "SGD"]


@pytest.mark.parametrize("make", [scaled, split])
def test_models_train_and_copies_go_on(make):
    model = fastnn.Sequential(
        [
            fastnn.Input((4,)),
            fastnn.layers.Dense(3, kernel_initializer="ones"),
            fastnn.layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    model.compile(make(fastnn), "mse")
    x, y = np.full((8, 4), 0.1, "float32"), np.ones((8, 1), "float32")
    history = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert min(history) < 0.1 * history[0]
    w, optimizer = weights(ours), make(fastnn)
    optimizer.build(w)
    optimizer.apply(gradients()[0], w)
    other_w, other = pickle.loads(pickle.dumps((w, optimizer)))
    optimizer.apply(gradients()[1], w)
    other.apply(gradients()[1], other_w)
    for a, b in zip([*w, *optimizer.variables], [*other_w, *other.variables], strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
