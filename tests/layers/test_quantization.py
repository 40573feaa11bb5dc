"""Quantized layers against Keras's: what is kept, what is computed, configs, and stores that go both ways."""

import keras
import numpy as np
import pytest

import fastnn
from tests.layers.against_keras import check_config
from tests.tables import close, rows

INDICES = np.array([[0, 3, 1], [6, 2, 0]])
LAYERS = [
    ("Dense", {"units": 3}, rows(4, 5), {}),
    ("Dense", {"units": 4, "activation": "relu", "use_bias": False}, rows(2, 3, 6), {}),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 4), "bias_axes": "de"}, rows(2, 3, 5), {}),
    ("EinsumDense", {"equation": "abc,cde->abed", "output_shape": (None, 4, 2), "bias_axes": "d"}, rows(2, 3, 5), {}),
    ("EinsumDense", {"equation": "abc,dec->abde", "output_shape": (None, 2, 4)}, rows(2, 3, 5), {}),
    ("EinsumDense", {"equation": "btnh,nhd->btd", "output_shape": (None, 3), "bias_axes": "d"}, rows(2, 4, 5, 3), {}),
    ("EinsumDense", {"equation": "abc,bcd->abd", "output_shape": (3, 2)}, rows(2, 3, 5), {}),
    ("EinsumDense", {"equation": "abc,bd->adc", "output_shape": (3, None)}, rows(2, 4, 5), {}),
    ("Embedding", {"input_dim": 7, "output_dim": 5, "mask_zero": True}, INDICES, {}),
    ("ReversibleEmbedding", {"input_dim": 7, "output_dim": 5}, INDICES, {}),
    ("ReversibleEmbedding", {"input_dim": 7, "output_dim": 5}, rows(2, 3, 5), {"reverse": True}),
    (
        "ReversibleEmbedding",
        {"input_dim": 7, "output_dim": 5, "tie_weights": False, "logit_soft_cap": 0.5},
        rows(2, 3, 5),
        {"reverse": True},
    ),
]  # fmt: skip


def _config(name, **arguments):
    return lambda k, axis: getattr(k.quantizers, name)(**arguments)


FLOAT8 = _config("Float8QuantizationConfig")
CONFIGS = {
    "int8": _config("Int8QuantizationConfig"),
    "int8, weights alone": _config("Int8QuantizationConfig", activation_quantizer=None),
    "int4": _config("Int4QuantizationConfig"),
    "int4, blocks of 2": _config("Int4QuantizationConfig", block_size=2),
    "int4, one block": _config("Int4QuantizationConfig", block_size=None),
    "int4, inputs too": lambda k, axis: k.quantizers.Int4QuantizationConfig(
        activation_quantizer=k.quantizers.AbsMaxQuantizer(), block_size=-1
    ),
}
CASES = [
    pytest.param(layer, config, id=f"{layer[0]}-{next(iter(layer[1].values()))}-{list(layer[3])}-{name}")
    for layer in LAYERS
    for name, config in CONFIGS.items()
]
CASES += [pytest.param(layer, FLOAT8, id=f"{layer[0]}-{k}-float8") for k, layer in enumerate(LAYERS[:6])]  # fmt: skip


def pair(layer, rank=None):
    """Our layer and Keras's in floats, with the same weights."""
    name, arguments, x, call = layer
    both = [getattr(k.layers, name)(**arguments, name="layer") for k in (fastnn, keras)]
    for each in both:
        each(x, **call)
        if rank:
            each.enable_lora(rank, lora_alpha=3)
    weights = [rows(*w.shape, seed=k) for k, w in enumerate(both[0].weights)]
    for each in both:
        each.set_weights(weights)
    return both


def described(layer):
    return [(w.name, str(w.dtype), tuple(w.shape), w.trainable, w.path) for w in layer.weights]


def check_kept(ours, theirs):
    assert described(ours) == described(theirs)
    for w, wanted in zip(ours.weights, theirs.weights, strict=True):
        close(np.array(w), keras.ops.convert_to_numpy(wanted), 1e-6, w.name)
    assert ours.dtype_policy.name == theirs.dtype_policy.name and ours.quantization_mode == theirs.quantization_mode


def store_of(layer):
    store = {}
    layer.save_own_variables(store)
    return {key: np.asarray(value) for key, value in store.items()}


@pytest.mark.parametrize("layer, config", CASES)
def test_as_keras(layer, config):
    _, _, x, call = layer
    ours, theirs = pair(layer)
    before = ours(x, **call)
    for k, each in ((fastnn, ours), (keras, theirs)):
        each.quantize(config=config(k, 0))
    check_kept(ours, theirs)
    check_config(ours, theirs)
    close(ours(x, **call), theirs(x, **call), 1e-5)
    assert np.abs(ours(x, **call) - before).max() > 0
    stores = store_of(ours), store_of(theirs)
    assert stores[0].keys() == stores[1].keys()
    for key in stores[0]:
        close(stores[0][key], stores[1][key], 1e-6, key)


@pytest.mark.parametrize("layer, config", CASES)
def test_from_a_policy(layer, config):
    """A layer made from the config of a quantized one keeps the same, and reads what either has saved."""
    name, _, x, call = layer
    ours, theirs = pair(layer)
    theirs.quantize(config=config(keras, 0))
    again, wanted = (
        getattr(k.layers, name).from_config({**theirs.get_config(), "name": "layer"}) for k in (fastnn, keras)
    )
    for each in (again, wanted):
        each(x, **call)
    assert described(again) == described(wanted)
    if again.quantization_mode != "float8":  # whose kernel is random
        check_kept(again, wanted)
    again.load_own_variables(store_of(theirs))
    close(again(x, **call), theirs(x, **call), 1e-5)
    ours.quantize(config=config(fastnn, 0))
    wanted.load_own_variables(store_of(ours))
    close(wanted(x, **call), theirs(x, **call), 1e-5)


WITH_LORA = [LAYERS[0], LAYERS[2], LAYERS[8], LAYERS[9]]


@pytest.mark.parametrize("config", ["int8", "int4", "int4, blocks of 2"])
@pytest.mark.parametrize("layer", WITH_LORA, ids=lambda layer: layer[0])
def test_lora(layer, config):
    """On top of what is quantized; merged, and quantized again, in what is saved."""
    _, _, x, call = layer
    ours, theirs = pair(layer, rank=2)
    for k, each in ((fastnn, ours), (keras, theirs)):
        each.quantize(config=CONFIGS[config](k, 0))
    check_kept(ours, theirs)
    check_config(ours, theirs)
    close(ours(x, **call), theirs(x, **call), 1e-5)
    saved, wanted = store_of(ours), store_of(theirs)
    assert saved.keys() == wanted.keys()
    for key in saved:
        close(saved[key], wanted[key], 1e-5, key)
    merged = ours(x, **call)
    for each in (ours, theirs):
        each.load_own_variables(saved)
    close(ours(x, **call), theirs(x, **call), 1e-5)
    assert np.abs(ours(x, **call) - merged).max() > 0


@pytest.mark.parametrize("config", ["int8", "int4", "int4, blocks of 2"])
@pytest.mark.parametrize("layer", WITH_LORA, ids=lambda layer: layer[0])
def test_lora_after_quantization(layer, config):
    """As before it; a layer made from the config has the same weights."""
    name, _, x, call = layer
    before, after = pair(layer, rank=2)[0], pair(layer)[0]
    weights = {w.name: np.array(w) for w in before.weights}
    after.set_weights([weights[w.name] for w in after.weights])
    before.quantize(config=CONFIGS[config](fastnn, 0))
    after.quantize(config=CONFIGS[config](fastnn, 0))
    after.enable_lora(2, lora_alpha=3)
    for w in after.weights:
        if "lora" in w.name:
            w.assign(weights[w.name])
    close(after(x, **call), before(x, **call), 1e-6)
    again = getattr(fastnn.layers, name).from_config(after.get_config())
    again(x, **call)
    again.set_weights(after.get_weights())
    np.testing.assert_array_equal(again(x, **call), after(x, **call))


def test_lora_after_quantization_is_what_is_trained():
    layer = fastnn.layers.Dense(3, dtype="int8_from_float32")
    model = fastnn.Sequential([fastnn.Input((4,)), layer])
    layer.kernel.assign(np.random.default_rng(0).integers(-127, 128, (4, 3)))
    layer.kernel_scale.assign(np.full(3, 100))
    layer.enable_lora(2)
    integers = np.array(layer._weight)
    model.compile("adam", "mse")
    x, y = rows(32, 4), rows(32, 3)
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and [w.name for w in model.trainable_weights] == [
        "bias", "lora_kernel_a", "lora_kernel_b",
    ]  # fmt: skip
    np.testing.assert_array_equal(layer._weight, integers)
    assert layer.kernel.dtype == np.float32 and np.abs(np.array(layer.kernel) - integers / 100).max() > 0


def test_a_failed_call_changes_nothing():
    layer = fastnn.layers.Dense(3, dtype="float16")
    layer.build((None, 4))
    before = described(layer)
    for mode, config in (("int8", None), ("int8", fastnn.quantizers.Int4QuantizationConfig()), ("gptq", None)):
        with pytest.raises(ValueError):
            layer.quantize(mode, config=config)
    assert described(layer) == before and layer.quantization_mode is None


def test_a_subclass_is_quantized_without_the_check():
    class Own(fastnn.layers.Dense):
        pass

    layer = Own(2)
    layer.build((None, 3))
    with pytest.raises(NotImplementedError, match="Own"):
        layer.quantize("int8")
    layer.quantize("int8", type_check=False)
    assert layer.kernel.dtype == "int8"


@pytest.mark.parametrize("source", ["mixed_bfloat16", "bfloat16"])
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_half_precision(mode, source):
    x = rows(4, 300)
    ours, theirs = pair(("Dense", {"units": 3, "dtype": source}, x, {}))
    for layer in (ours, theirs):
        layer.quantize(mode)
    assert described(ours) == described(theirs)
    y, wanted = np.array(ours(x)), np.asarray(theirs(x))
    assert y.dtype.name == wanted.dtype.name == "bfloat16"
    y, wanted = y.astype("float32"), wanted.astype("float32")
    np.testing.assert_allclose(y, wanted, atol=2e-2 * np.abs(wanted).max())


def float8_pair():
    both = pair(LAYERS[0])
    for k, each in ((fastnn, both[0]), (keras, both[1])):
        each.quantize(config=k.quantizers.Float8QuantizationConfig())
        each.inputs_scale.assign(0.005)
        each.kernel_scale.assign(0.002)  # the largest are cut off
        each.outputs_grad_scale.assign(2.0)
        each.inputs_amax_history.assign(np.r_[3.0, 2.0, np.zeros(1021), 7.0])
    return both


def test_float8_rounds_by_its_scales():
    ours, theirs = float8_pair()
    x = LAYERS[0][2]
    close(ours(x), theirs(x), 1e-6)
    assert np.abs(ours(x) - (x @ np.array(ours.kernel) + np.array(ours.bias, "float32"))).max() > 1e-2


def test_float8_training_moves_the_scales(tmp_path):
    model = fastnn.Sequential([fastnn.Input((5,)), fastnn.layers.Dense(3)])
    model.quantize("float8")
    model.compile(fastnn.optimizers.Adam(0.01), "mse")
    x, y = rows(8, 5), rows(8, 3)
    losses = model.fit(x, y, epochs=30, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.95 * losses[0]
    layer = model.layers[0]
    np.testing.assert_allclose(layer.inputs_scale, np.abs(x).max() / 448, rtol=1e-5)
    np.testing.assert_allclose(layer.inputs_amax_history.numpy()[[0, -1, 1]], [np.abs(x).max()] * 2 + [0], rtol=1e-6)
    assert 0 < float(layer.outputs_grad_scale) < 1e-3 and len(model.optimizer.variables) == 2 + 2 * 2
    model.save(tmp_path / "model.keras")
    for k in (fastnn, keras):
        again = k.saving.load_model(tmp_path / "model.keras")
        close(again.predict(x, verbose=0), model.predict(x, verbose=0), 1e-5)


def test_float8_with_a_scaled_loss():
    """The scale of the loss does not divide the next scales."""
    model = fastnn.Sequential([fastnn.Input((5,)), fastnn.layers.Dense(3)])
    model.quantize("float8")
    model.compile(fastnn.optimizers.LossScaleOptimizer(fastnn.optimizers.SGD(0.01)), "mse")
    x, y = rows(8, 5), rows(8, 3)
    model.fit(x, y, epochs=3, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.layers[0].inputs_scale, np.abs(x).max() / 448, rtol=1e-5)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_one_column(mode):
    """A byte holds it alone, and looks like a number that is not packed."""
    table = ("Embedding", {"input_dim": 7, "output_dim": 1}, INDICES, {})
    for layer in (table, ("Dense", {"units": 1}, rows(4, 5), {})):
        ours, theirs = pair(layer)
        for each in (ours, theirs):
            each.quantize(mode)
        check_kept(ours, theirs)
        close(ours(layer[2]), theirs(layer[2]), 1e-5)
