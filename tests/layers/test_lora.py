"""LoRA on Dense, EinsumDense, Embedding and the convolutions: what is trained, what is computed, what is saved."""

import numpy as np
import pytest

import fastnn
from fastnn import layers
from tests.tables import rows

CASES = [
    (lambda **lora: layers.Dense(3, **lora), rows(2, 4), "kernel"),
    (lambda **lora: layers.Dense(3, use_bias=False, **lora), rows(2, 5, 4), "kernel"),
    (lambda **lora: layers.EinsumDense("abc,cde->abde", (None, 3, 2), **lora), rows(2, 5, 4), "kernel"),
    (lambda **lora: layers.Embedding(5, 3, **lora), np.array([[1, 0, 4]]), "embeddings"),
    (lambda **lora: layers.Conv2D(4, 2, groups=2, **lora), rows(2, 5, 4, 6), "kernel"),
]


def adapted(make, x, **lora):
    layer = make(**lora)
    layer(x)
    if not lora:
        layer.enable_lora(2, lora_alpha=3)
    for part, seed in (("a", 1), ("b", 2)):
        weight = next(w for w in layer.weights if w.name.endswith(f"_{part}"))
        weight.assign(rows(*weight.shape, seed=seed))
    return layer


@pytest.mark.parametrize("make, x, name", CASES, ids=["Dense", "no bias", "EinsumDense", "Embedding", "Conv2D"])
def test_lora(make, x, name):
    fastnn.utils.set_random_seed(0)
    plain = make()
    before = plain(x)
    kernel = np.array(getattr(plain, name))
    plain.enable_lora(2, lora_alpha=3)
    np.testing.assert_array_equal(plain(x), before)  # B is zero at first
    assert [w.name for w in plain.non_trainable_weights] == [name]

    layer = adapted(make, x)
    kernel = np.array(layer._weight)
    a, b = (np.array(w) for w in layer.weights[-2:])
    merged = kernel + 1.5 * (a @ b)
    np.testing.assert_allclose(getattr(layer, name), merged, rtol=1e-6)
    reference = make()
    reference(x)
    store = {}
    layer.save_own_variables(store)
    np.testing.assert_allclose(store["0"], merged, rtol=1e-6)
    reference.load_own_variables(store)
    np.testing.assert_allclose(layer(x), reference(x), rtol=1e-5, atol=1e-6)

    layer.load_own_variables(store)
    assert not np.array(layer.weights[-1]).any() and not np.array(layer.weights[-2]).any()
    np.testing.assert_allclose(layer(x), reference(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make, x, name", CASES, ids=["Dense", "no bias", "EinsumDense", "Embedding", "Conv2D"])
def test_arguments_do_what_the_method_does(make, x, name):
    by_arguments, by_method = adapted(make, x, lora_rank=2, lora_alpha=3), adapted(make, x)
    assert by_arguments.get_config()["lora_rank"] == 2 and by_arguments.get_config()["lora_alpha"] == 3
    by_method.set_weights(by_arguments.get_weights())
    np.testing.assert_array_equal(by_arguments(x), by_method(x))


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    "shape, units, rank", [((3, 40), 30, 2), ((1, 40), 30, 8), ((200, 4), 3, 2), ((2, 5, 40), 30, 2)]
)
def test_inputs_by_the_narrow_matrices_or_by_the_merged_weight(shape, units, rank, use_bias):
    layer = layers.Dense(units, activation="tanh", use_bias=use_bias)
    x = fastnn.Variable(rows(*shape))
    layer(x)
    layer.enable_lora(rank, lora_alpha=3)
    for weight in layer.weights:
        weight.assign(rows(*weight.shape, seed=len(weight.path)) / 4)
    weights = [x, *layer.trainable_weights]
    found = []
    for is_apart in (False, True, None):
        if is_apart is not None:
            layer._adds_apart = lambda rows, training, is_apart=is_apart: is_apart
        else:
            del layer._adds_apart
        with fastnn.GradientTape() as tape:
            loss = fastnn.ops.sum(layer(x, training=True) ** 2)
        found.append([layer(x), loss, *tape.gradient(loss, weights)])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_where_the_merged_weight_costs_more():
    layer = layers.Dense(300)
    layer.build((None, 300))
    layer.enable_lora(8)
    assert layer._adds_apart(1, False) and layer._adds_apart(32, False) and not layer._adds_apart(100, False)
    assert layer._adds_apart(1000, True)
    narrow = layers.Dense(64)
    narrow.build((None, 64))
    narrow.enable_lora(8)
    assert not narrow._adds_apart(400, True)


def test_training_moves_the_narrow_weights_alone(tmp_path):
    model = fastnn.Sequential([fastnn.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    for layer in model.layers:
        layer.enable_lora(2)
    frozen = [np.array(layer._weight) for layer in model.layers]
    model.compile("adam", "mse")
    x, y = rows(16, 4), rows(16, 3)
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for layer, kernel in zip(model.layers, frozen, strict=True):
        np.testing.assert_array_equal(layer._weight, kernel)
        assert np.abs(layer.kernel - kernel).max() > 0
    model.save(tmp_path / "model.keras")
    again = fastnn.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
    assert [w.name for w in again.trainable_weights] == [w.name for w in model.trainable_weights]
