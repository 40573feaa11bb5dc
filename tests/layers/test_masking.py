"""Masks: how they travel between layers called on arrays, in traces, in functional models, into losses and metrics."""

import gc
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import layers, losses, metrics, ops, tree
from fastnn.backend import get_keras_mask, set_keras_mask
from fastnn.graph import masks
from tests.tables import close, rows, table

IDS = np.array([[1, 2, 0], [3, 0, 0]])
STEPS = IDS != 0
X = rows(2, 3, 4)


def masked(x=X, mask=STEPS):
    x = x.copy()
    set_keras_mask(x, mask)
    return x


class Zeros(layers.Layer):
    """Zeroes what is masked, and passes the mask on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return inputs if mask is None else inputs * ops.cast(ops.expand_dims(mask, -1), inputs.dtype)


class Forgets(layers.Layer):
    def call(self, inputs):
        return inputs * 1


class Attach(layers.Layer):
    """The first argument, masked by the second."""

    def call(self, inputs, booleans):
        outputs = inputs * 1
        set_keras_mask(outputs, booleans)
        return outputs

    def compute_mask(self, inputs, mask=None):
        return self.symbolic_mask

    def __call__(self, inputs, booleans):
        self.symbolic_mask = booleans
        return super().__call__(inputs, booleans)


# ---- the table ----


@pytest.mark.parametrize("case", table("MASKS"), ids=str)
def test_masks_are_the_same_in_every_way_to_call(case):
    """Eagerly through a plan, eagerly op by op under a tape, and in a functional model."""
    layer = getattr(layers, case.name)(**case.arguments_for(fastnn))

    def fresh():
        inputs = tree.map_structure(np.array, case.inputs)
        masks.attach_masks(inputs, case.masks)
        return inputs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = layer(fresh(), **case.call)
        with fastnn.GradientTape():
            taped = layer(fresh(), **case.call)
        symbols = tree.map_structure(lambda x: fastnn.Input(x.shape[1:], dtype=x.dtype.name), case.inputs)
        of_masks = [None if m is None else fastnn.Input(m.shape[1:], dtype="bool") for m in tree.flatten(case.masks)]
        attached = [x if m is None else Attach()(x, m) for x, m in zip(tree.flatten(symbols), of_masks, strict=True)]
        outputs = layer(tree.pack_sequence_as(symbols, attached), **case.call)
        of_outputs = masks.masks_of(tree.flatten(outputs))  # not there where `call` sets masks, not `compute_mask`
        returned = [outputs, *(m for m in of_outputs if m is not None)]
        used = [(x, m) for x, m in zip(of_masks, tree.flatten(case.masks), strict=True) if x is not None]
        model = fastnn.Model([*tree.flatten(symbols), *(x for x, _ in used)], returned)
        modelled = model([*tree.flatten(case.inputs), *(m for _, m in used)])
    masks_expected = [m for m in masks.masks_of(tree.flatten(expected)) if m is not None]
    masks_taped = [m for m in masks.masks_of(tree.flatten(taped)) if m is not None]
    for a, b in zip([*tree.flatten(expected), *masks_expected], [*tree.flatten(taped), *masks_taped], strict=True):
        close(b, a, 1e-6, "under a tape")
    for a, c in zip([*tree.flatten(expected), *masks_expected], modelled, strict=case.name != "ReversibleEmbedding"):
        close(c, a, 1e-6, "in a model")


# ---- the side table ----


def test_a_mask_keeps_no_array_alive():
    masks._table.clear()
    x = masked()
    assert get_keras_mask(x) is not None and get_keras_mask(X) is None
    y = layers.Dense(2)(x)
    assert len(masks._table) == 2
    del x, y
    gc.collect()
    assert not masks._table


def test_a_mask_that_is_a_view_of_its_array_keeps_it_not_alive():
    masks._table.clear()
    x = np.ones((2, 3), bool)
    set_keras_mask(x, x[:, 0])
    assert get_keras_mask(x).tolist() == [True, True]
    del x
    gc.collect()
    assert not masks._table


def test_a_mask_can_be_taken_away_and_replaced():
    x = masked()
    set_keras_mask(x, ~STEPS)
    np.testing.assert_array_equal(get_keras_mask(x), ~STEPS)
    set_keras_mask(x, None)
    assert get_keras_mask(x) is None
    set_keras_mask(x, None)
    assert get_keras_mask(3.0) is None


def test_an_entry_does_not_pass_to_another_array_of_the_same_identity():
    masks._table.clear()
    for _ in range(200):
        assert get_keras_mask(np.ones(3)) is None
        set_keras_mask(np.ones(3), np.ones(3, bool))
    assert not masks._table


# ---- which arguments get which masks ----


class One(layers.Layer):
    def call(self, inputs, mask=None):
        self.seen = mask
        return tree.flatten(inputs)[0] * 1


class Two(layers.Layer):
    def call(self, query, value=None, query_mask=None, value_mask=None, mask=None):
        self.seen = (query_mask, value_mask, mask)
        return query * 1


def seen(layer, *args, **kwargs):
    """What `call` got, as arrays: run op by op, so that there are some."""
    with fastnn.GradientTape(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        layer(*args, **kwargs)
    return layer.seen


def test_one_argument_gets_mask():
    np.testing.assert_array_equal(seen(One(), masked()), STEPS)
    assert seen(One(), X) is None
    np.testing.assert_array_equal(seen(One(), masked(), mask=None), STEPS)
    np.testing.assert_array_equal(seen(One(), masked(), mask=~STEPS), ~STEPS)
    first, second = seen(One(), [masked(), X])
    np.testing.assert_array_equal(first, STEPS)
    assert second is None
    assert seen(One(), [X, X]) == [None, None]
    assert sorted(seen(One(), {"a": masked(), "b": X})) == ["a", "b"]


def test_several_arguments_get_a_mask_each():
    query_mask, value_mask, mask = seen(Two(), masked(), masked(X, ~STEPS))
    np.testing.assert_array_equal(query_mask, STEPS)
    np.testing.assert_array_equal(value_mask, ~STEPS)
    assert mask is None
    query_mask, value_mask, mask = seen(Two(), masked(), value=X)
    assert query_mask is not None and value_mask is None and mask is None
    query_mask, value_mask, mask = seen(Two(), masked())
    assert query_mask is None and mask is not None


# ---- outputs ----


@pytest.mark.parametrize("under_tape", [False, True])
def test_a_layer_that_does_not_support_masks_warns(under_tape):
    with pytest.warns(UserWarning, match="does not support masking and will therefore destroy the mask"):
        if under_tape:
            with fastnn.GradientTape():
                y = Forgets()(masked())
        else:
            y = Forgets()(masked())
    assert get_keras_mask(y) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Forgets()(X)


@pytest.mark.parametrize(
    "layer", [layers.MultiHeadAttention(2, 3, use_gate=True), layers.GroupQueryAttention(3, 4, 2)], ids=type
)
def test_projections_of_attention_do_not_warn(layer):
    """Their inputs carry masks, which the attention itself has taken."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = layer(masked(), masked(X, ~STEPS))
    np.testing.assert_array_equal(get_keras_mask(y), STEPS)


def test_a_layer_with_its_own_compute_mask_supports_masks():
    class Shifts(Forgets):
        def compute_mask(self, inputs, mask=None):
            return None if mask is None else ops.roll(mask, 1, axis=1)

    assert Shifts().supports_masking and not Forgets().supports_masking
    np.testing.assert_array_equal(get_keras_mask(Shifts()(masked())), np.roll(STEPS, 1, axis=1))


def test_a_mask_set_in_call_stays():
    class Sets(Zeros):
        def call(self, inputs):
            outputs = inputs * 2
            set_keras_mask(outputs, ops.zeros((2, 3), dtype="bool"))
            return outputs

    assert not get_keras_mask(Sets()(masked())).any()


def test_several_outputs_get_the_masks_in_order():
    class Both(Zeros):
        def call(self, inputs):
            return {"b": inputs[1] * 1, "a": inputs[0] * 1}

    outputs = Both()([masked(), X])
    np.testing.assert_array_equal(get_keras_mask(outputs["a"]), STEPS)
    assert get_keras_mask(outputs["b"]) is None


def test_a_cast_on_the_way_in_keeps_the_mask():
    y = layers.Dense(2, dtype="float64")(masked())
    np.testing.assert_array_equal(get_keras_mask(y), STEPS)


def test_ops_drop_masks():
    assert get_keras_mask(masked() * 2) is None
    assert get_keras_mask(ops.relu(masked())) is None


# ---- models ----


def embedding():
    return layers.Embedding(5, 4, mask_zero=True)


def test_a_chain_of_layers_called_on_arrays():
    y = Zeros()(layers.Dropout(0.5)(layers.Dense(3, use_bias=False)(embedding()(IDS))))
    np.testing.assert_array_equal((y != 0).all(-1), STEPS)


def test_sequential():
    model = fastnn.Sequential([embedding(), layers.Dense(3), Zeros()])
    built = fastnn.Sequential([fastnn.Input((3,), dtype="int32"), embedding(), layers.Dense(3), Zeros()])
    for each in (model, built):
        y = each(IDS)
        np.testing.assert_array_equal((y != 0).all(-1), STEPS)
        np.testing.assert_array_equal(get_keras_mask(y), STEPS)
    tail = fastnn.Sequential([fastnn.Input((3, 4)), Zeros()])
    np.testing.assert_array_equal((tail(X, mask=~STEPS) != 0).all(-1), ~STEPS)
    with pytest.warns(UserWarning, match="destroy"):  # a model says nothing of masks; its layers do
        y = tail(masked())
    np.testing.assert_array_equal((y != 0).all(-1), STEPS)


def test_functional_and_its_config():
    x = fastnn.Input((None,), dtype="int32")
    h = embedding()(x)
    assert get_keras_mask(h).shape == (None, None) and get_keras_mask(h).dtype == "bool"
    model = fastnn.Model(x, Zeros()(layers.Dense(3)(h)))
    np.testing.assert_array_equal((model(IDS) != 0).all(-1), STEPS)
    again = fastnn.Model.from_config(model.get_config(), custom_objects={"Zeros": Zeros})
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(IDS), model(IDS))
    mask = model.get_config()["layers"][-1]["inbound_nodes"][0]["kwargs"]["mask"]
    assert mask["config"]["keras_history"][0].startswith("not_equal")


def test_masks_made_inside_a_nested_model_come_out():
    x, z = fastnn.Input((3,), dtype="int32"), fastnn.Input((3,), dtype="int32")
    inner = fastnn.Model(x, embedding()(x))
    outer = fastnn.Model(z, Zeros()(inner(z)))
    np.testing.assert_array_equal((outer(IDS) != 0).all(-1), STEPS)


def test_masks_inside_a_custom_layer():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embed, self.zeros = embedding(), Zeros()

        def call(self, inputs):
            return self.zeros(self.embed(inputs))

    np.testing.assert_array_equal((Block()(IDS) != 0).all(-1), STEPS)


# ---- losses and metrics ----


def test_a_loss_leaves_masked_positions_out():
    y_true = rows(2, 3, 4, seed=9)
    per_step = ((X - y_true) ** 2).mean(-1)
    mse = losses.MeanSquaredError
    np.testing.assert_allclose(mse()(y_true, masked()), per_step[STEPS].mean(), rtol=1e-6)
    np.testing.assert_allclose(mse(reduction="sum")(y_true, masked()), per_step[STEPS].sum(), rtol=1e-6)
    np.testing.assert_allclose(mse(reduction="none")(y_true, masked()), per_step * STEPS, rtol=1e-6)
    weights = rows(2, 3, low=0)
    np.testing.assert_allclose(
        mse()(y_true, masked(), sample_weight=weights), (per_step * weights)[STEPS].sum() / 3, rtol=1e-6
    )
    assert mse()(y_true, masked(X, STEPS & False)) == 0


def test_metrics_of_functions_leave_masked_positions_out():
    y_true = rows(2, 3, 4, seed=9)
    per_step = ((X - y_true) ** 2).mean(-1)
    metric = metrics.MeanSquaredError()
    np.testing.assert_allclose(metric(y_true, masked()), per_step[STEPS].mean(), rtol=1e-6)
    mean, weights = metrics.Mean(), rows(2, 3, low=0)
    np.testing.assert_allclose(
        mean(masked(per_step), sample_weight=weights), np.average(per_step[STEPS], weights=weights[STEPS]), rtol=1e-6
    )


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_fit_and_evaluate_leave_masked_positions_out(run_eagerly):
    x = fastnn.Input((3,), dtype="int32")
    model = fastnn.Model(x, layers.Dense(2)(embedding()(x)))
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=run_eagerly)
    y = rows(2, 3, 2)
    error = model(IDS) - y
    loss, mae = model.evaluate(IDS, y, verbose=0)
    np.testing.assert_allclose(loss, (error**2).mean(-1)[STEPS].mean(), rtol=1e-5)
    np.testing.assert_allclose(mae, np.abs(error).mean(-1)[STEPS].mean(), rtol=1e-5)
    zero_row = model.layers[1].embeddings.numpy()[0].copy()
    model.fit(IDS, y, verbose=0)
    np.testing.assert_array_equal(model.layers[1].embeddings.numpy()[0], zero_row)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", None])
@pytest.mark.parametrize("name", ["GRU", "LSTM", "SimpleRNN"])
def test_a_model_masks_both_directions_as_its_layers_do_one_by_one(name, merge_mode):
    """In a plan the mask is stored as truths, for the steps, and as numbers, for the outputs: by one program."""
    words = np.random.default_rng(0).integers(0, 4, (5, 7))
    embedding = layers.Embedding(4, 3, mask_zero=True)
    both = layers.Bidirectional(getattr(layers, name)(2, return_sequences=True), merge_mode=merge_mode)
    inputs = fastnn.Input((7,))
    model = fastnn.Model(inputs, both(embedding(inputs)))
    expected = both(embedding(words))
    for found in (model.predict(words, verbose=0), model(words)):
        for a, b in zip(tree.flatten(found), tree.flatten(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
