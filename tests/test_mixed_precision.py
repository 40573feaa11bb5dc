"""Policies of dtypes against Keras's, and networks that compute in half precision.

The numbers of a half-precision network are compared with Keras on JAX in `tests/parity/test_mixed_precision.py`.
"""

import inspect

import keras
import numpy as np
import pytest

import fastnn
from fastnn import layers

NAMES = [
    "float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "int8_from_float32",
    "int8_from_mixed_bfloat16", "float8_from_float32", "float8_from_mixed_float16", "int4_from_float32",
    "int4/128_from_float32", "int4/-1_from_float32", "gptq/4/128_from_float32", "awq/4/128_from_mixed_bfloat16", "bool",
    "uint8", None,
]  # fmt: skip


@pytest.fixture(autouse=True)
def policies_as_they_were():
    yield
    for k in (fastnn, keras):
        k.config.set_dtype_policy("float32")
        k.config.set_floatx("float32")


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_policy(name):
    ours, theirs = fastnn.dtype_policies.get(name), keras.dtype_policies.get(name)
    assert type(ours).__name__ == type(theirs).__name__ and repr(ours) == repr(theirs)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    config = fastnn.dtype_policies.serialize(ours)
    assert config == keras.dtype_policies.serialize(theirs)
    assert fastnn.dtype_policies.deserialize(config) == ours and fastnn.dtype_policies.get(config) == ours
    assert keras.dtype_policies.deserialize(config) == theirs
    assert ours == fastnn.dtype_policies.get(name) and hash(ours) == hash(fastnn.dtype_policies.get(name))
    assert ours != fastnn.dtype_policies.get("float64" if name != "float64" else "float32")


BAD = {
    "mixed_float64": lambda k: k.dtype_policies.get("mixed_float64"),
    "unknown": lambda k: k.DTypePolicy("foo"),
    "number": lambda k: k.DTypePolicy(3),
    "get number": lambda k: k.dtype_policies.get(3),
    "half a quantized name": lambda k: k.dtype_policies.get("float8"),
    "unknown source": lambda k: k.dtype_policies.get("int8_from_foo"),
    "mode": lambda k: k.dtype_policies.QuantizedDTypePolicy("foo", "float32"),
    "int8 of float16": lambda k: k.dtype_policies.QuantizedFloat8DTypePolicy("int8", "mixed_float16"),
    "length": lambda k: k.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length="a"),
    "int4": lambda k: k.dtype_policies.Int4DTypePolicy("int4/x", "float32"),
    "gptq": lambda k: k.dtype_policies.GPTQDTypePolicy("gptq/5/128", "float32"),
    "awq": lambda k: k.dtype_policies.AWQDTypePolicy("awq/8/128", "float32"),
    "set": lambda k: k.config.set_dtype_policy(3),
    "map": lambda k: k.dtype_policies.DTypePolicyMap("float32", 3),
    "map value": lambda k: map_of(k).__setitem__("c", 3),
    "map twice": lambda k: map_of(k).__setitem__("b", k.DTypePolicy("float16")),
    "map delete": lambda k: map_of(k).__delitem__("zz"),
    "map ambiguous": lambda k: [m := map_of(k), m.__setitem__("a/x.*", "float16"), m["a/xx"]],
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case):
    with pytest.raises(Exception) as theirs:
        BAD[case](keras)
    with pytest.raises(theirs.type):
        BAD[case](fastnn)


def map_of(k):
    return k.dtype_policies.DTypePolicyMap(
        policy_map={"a/.*": k.DTypePolicy("float16"), "b": k.dtype_policies.QuantizedDTypePolicy("int8", "float32")}
    )


def test_policy_map():
    ours, theirs = map_of(fastnn), map_of(keras)
    for map in (ours, theirs):
        assert [map[path].name for path in ("a/x", "b", "b/x", "xa/x")] == [
            "float16", "int8_from_float32", "float32", "float32",
        ]  # fmt: skip
        assert (len(map), list(map), map.name, map.compute_dtype) == (2, ["a/.*", "b"], "map_float32", "float32")
    config = fastnn.dtype_policies.serialize(ours)
    assert config == keras.dtype_policies.serialize(theirs)
    again = fastnn.dtype_policies.deserialize(config)
    assert [again[path].name for path in ("a/x", "b")] == ["float32", "int8_from_float32"]


@pytest.mark.parametrize("module", ["dtype_policies", "mixed_precision"])
def test_same_names_and_signatures(module):
    ours, theirs = getattr(fastnn, module), getattr(keras, module)
    for name in (n for n in dir(theirs) if not n.startswith("_")):
        a, b = (inspect.signature(getattr(m, name)) for m in (ours, theirs))
        assert [(p.name, p.default) for p in a.parameters.values()] == [
            (p.name, p.default) for p in b.parameters.values()
        ]


def test_global_policy():
    assert fastnn.config.dtype_policy().name == "float32"
    fastnn.mixed_precision.set_global_policy("mixed_float16")
    assert fastnn.mixed_precision.global_policy() == fastnn.DTypePolicy("mixed_float16")
    layer = layers.Dense(2)
    assert (layer.dtype_policy.name, layer.compute_dtype, layer.variable_dtype) == (
        "mixed_float16",
        "float16",
        "float32",
    )
    assert layer.get_config()["dtype"] == keras.dtype_policies.serialize(keras.DTypePolicy("mixed_float16"))
    assert layers.Dense(2, dtype="float32").compute_dtype == "float32"
    fastnn.config.set_dtype_policy(fastnn.DTypePolicy("float64"))
    assert layers.Dense(2).variable_dtype == "float64"


def network(policy):
    fastnn.config.set_dtype_policy(policy)
    return fastnn.Sequential(
        [
            fastnn.Input((8,)), layers.Dense(16, activation="relu"), layers.LayerNormalization(), layers.Dropout(0.1),
            layers.Dense(3), layers.Activation("softmax", dtype="float32"),
        ]
    )  # fmt: skip


rng = np.random.default_rng(0)
X = rng.normal(size=(128, 8)).astype("float32")
Y = (X[:, 0] > 0).astype("int32") + (X[:, 1] > 0)
POLICIES = ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"]


@pytest.mark.parametrize("policy", POLICIES)
def test_dtypes_and_rounding(policy):
    """Weights and outputs have their dtypes, and numbers are those of float32 rounded after each operation."""
    if "bfloat16" in policy:
        pytest.importorskip("ml_dtypes")
    model = network(policy)
    dense = model.layers[0]
    half = policy.removeprefix("mixed_")
    assert dense.kernel.dtype == ("float32" if policy.startswith("mixed") else half)
    hidden = dense(X)
    assert hidden.dtype.name == half and model.layers[3](hidden).dtype.name == half
    x, w, b = (np.asarray(v).astype(half).astype("float32") for v in (X, dense.kernel, dense.bias))
    product = (x @ w).astype(half).astype("float32")
    # Float32 sums differ by their order, which may round the other way: one unit in the last place.
    np.testing.assert_allclose(
        hidden.astype("float32"), np.maximum((product + b).astype(half).astype("float32"), 0),
        rtol=2.0 ** (-10 if half == "float16" else -7), atol=1e-6,
    )  # fmt: skip
    assert model(X).dtype == model.predict(X, verbose=0).dtype == "float32"
    np.testing.assert_array_equal(model(X), model.predict(X, verbose=0, batch_size=128))


@pytest.mark.parametrize("run_eagerly", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("policy", POLICIES)
def test_training(policy, run_eagerly):
    if "bfloat16" in policy:
        pytest.importorskip("ml_dtypes")
    fastnn.utils.set_random_seed(0)
    model = network(policy)
    model.compile(
        fastnn.optimizers.SGD(0.3), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=run_eagerly
    )
    assert isinstance(model.optimizer, fastnn.optimizers.LossScaleOptimizer) == (policy == "mixed_float16")
    history = model.fit(X, Y, batch_size=32, epochs=10 if not run_eagerly else 3, verbose=0).history
    assert history["loss"][-1] < (0.5 if not run_eagerly else 0.9) * history["loss"][0]
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_loss_scaling_is_automatic_as_in_keras():
    for k in (fastnn, keras):
        k.config.set_dtype_policy("mixed_float16")
        model = k.Sequential([k.Input((3,)), k.layers.Dense(2)])
        inner = k.optimizers.Adam()
        model.compile(inner, "mse")
        assert type(model.optimizer).__name__ == "LossScaleOptimizer" and model.optimizer.inner_optimizer is inner
        assert model.get_compile_config()["optimizer"]["class_name"] == "Adam"
        model.compile(inner, "mse", auto_scale_loss=False)
        assert model.optimizer is inner
        own = k.optimizers.LossScaleOptimizer(k.optimizers.Adam())
        model.compile(own, "mse")
        assert model.optimizer is own


def test_an_overflow_skips_the_step_and_halves_the_scale():
    fastnn.config.set_dtype_policy("mixed_float16")
    model = fastnn.Sequential([fastnn.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(fastnn.optimizers.SGD(0.1), "mse")
    before = model.get_weights()
    model.train_on_batch(np.full((1, 1), 60000.0, "float32"), np.zeros((1, 1), "float32"))
    assert float(model.optimizer.dynamic_scale.numpy()) == 2.0**14
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_float_layers_inside_half_models_keep_their_precision():
    fastnn.config.set_dtype_policy("mixed_float16")
    inner = layers.Dense(1, dtype="float32", kernel_initializer=fastnn.initializers.Constant(1.0001), use_bias=False)
    model = fastnn.Sequential([fastnn.Input((1,)), inner])
    assert float(model(np.ones((1, 1), "float32"))[0, 0]) == np.float32(1.0001)


def test_half_precision_promotes_as_in_keras():
    pytest.importorskip("ml_dtypes")
    a, b = np.ones(2).astype("float16"), np.ones(2).astype(fastnn.backend.standardize_dtype("bfloat16"))
    for x, y in [(a, b), (a, np.ones(2, "float32")), (b, np.ones(2, "int32")), (b, 2.5), (a, 2), (b, True)]:
        ours, theirs = fastnn.ops.add(x, y), keras.ops.add(x, y)
        assert ours.dtype.name == keras.backend.standardize_dtype(theirs.dtype)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_plan_rounds_in_float32_without_casts(policy):
    model = fastnn.Sequential([fastnn.Input((8,)), fastnn.layers.Dense(16, "relu", dtype=policy)])
    model.add(fastnn.layers.Dense(1, dtype="float32"))
    model.compile("adam", "mse")
    kernels = [step.kernel for step in model.explain(batch_size=4, mode="train").steps]
    assert not [kernel for kernel in kernels if kernel.startswith("reference")]
