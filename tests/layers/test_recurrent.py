"""Recurrent layers beyond their tables: state between calls, masks, cells of the user, dropout, training, plans."""

import numpy as np
import pytest

import fastnn
from fastnn import layers, ops, tree
from tests.tables import close, rows

STEPS = rows(2, 6, 3)
FUSED = {"LSTM": layers.LSTM, "GRU": layers.GRU}
EVERY = FUSED | {"SimpleRNN": layers.SimpleRNN}


class Accumulator(layers.Layer):
    """Two states, a sum and a count; the output is the mean so far, which is neither."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.state_size = [size, 1]
        self.output_size = size

    def call(self, inputs, states):
        total, count = states[0] + inputs, states[1] + 1
        return total / count, [total, count]


class PlainCell:
    """A cell that is no layer, whose single state has the size of its output and begins at one."""

    state_size = 3

    def get_initial_state(self, batch_size):
        return ops.ones((batch_size, 3))

    def call(self, inputs, states):
        return 0.5 * states[0] + inputs, 0.5 * states[0] + inputs

    __call__ = call


def means(x):
    return np.cumsum(x, 1) / np.arange(1, x.shape[1] + 1)[:, None]


# ---- cells of the user ----


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_a_cell_with_two_states(go_backwards, unroll):
    layer = layers.RNN(
        Accumulator(3), return_sequences=True, return_state=True, go_backwards=go_backwards, unroll=unroll
    )
    y, total, count = layer(STEPS)
    np.testing.assert_allclose(y, means(STEPS[:, ::-1] if go_backwards else STEPS), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(total, STEPS.sum(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(count, np.full((2, 1), 6))
    assert layer.compute_output_shape((None, 6, 3)) == ((None, 6, 3), (None, 3), (None, 1))


def test_a_cell_that_is_no_layer():
    y = layers.RNN(PlainCell())(np.zeros((2, 3, 3), "float32"))
    np.testing.assert_array_equal(y, np.full((2, 3), 0.125))


def test_a_cell_that_overrides_call_is_called():
    class Negative(layers.LSTMCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states, training)
            return -output, states

    cell, negative = layers.LSTMCell(4), Negative(4)
    ours, theirs = layers.RNN(negative), layers.RNN(cell)
    expected = theirs(STEPS)
    ours(STEPS)
    ours.set_weights(theirs.get_weights())
    close(ours(STEPS), -expected, 1e-6)


@pytest.mark.parametrize("name", FUSED)
def test_the_kernel_equals_the_loop_over_its_cell(name):
    mask = np.array([[True, False, True, True, False, False], [False, False, True, True, True, True]])
    fused = FUSED[name](5, return_sequences=True, return_state=True)
    fused(STEPS)
    loop = looping(fused.cell, return_sequences=True, return_state=True)
    for arguments in ({}, {"mask": mask}):
        for ours, theirs in zip(fused(STEPS, **arguments), loop(STEPS, **arguments), strict=True):
            close(ours, theirs, 1e-6)


def looping(cell, **arguments):
    """An RNN that calls its cells for each step."""
    layer = layers.RNN(cell, **arguments)
    layer._has_kernel = lambda cell, training: False
    return layer


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("wanted", [{}, {"return_sequences": True, "return_state": True}], ids=["last", "all"])
def test_cells_one_after_another_equal_the_loop_over_a_stack(wanted, go_backwards, zeros):
    arguments = {"go_backwards": go_backwards, "zero_output_for_mask": zeros, **wanted}
    fused = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3), layers.LSTMCell(5)], **arguments)
    mask = np.array([[True, False, True, True, False, False], [False, False, True, True, True, True]])
    fused(STEPS)
    loop = looping(fused.cell, **arguments)
    for given in ({}, {"mask": mask}):
        ours, theirs = tree.flatten(fused(STEPS, **given)), tree.flatten(loop(STEPS, **given))
        for one, other in zip(ours, theirs, strict=True):
            close(one, other, 1e-6)


@pytest.mark.parametrize("recurrent_dropout", [0.0, 0.1])
def test_a_stack_is_trained_by_kernels_where_they_do_what_its_cells_do(recurrent_dropout):
    cells = [layers.LSTMCell(4, dropout=0.2), layers.GRUCell(3, recurrent_dropout=recurrent_dropout)]
    model = fastnn.Sequential([fastnn.Input((6, 3)), layers.RNN(cells), layers.Dense(1)])
    model.compile("sgd", "mse")
    kernels = [step.kernel for step in model.explain(batch_size=2, mode="train").steps]
    for name in ("lstm_f32", "lstm_grad_f32", "gru_f32", "gru_grad_f32"):
        assert kernels.count(name) == (0 if recurrent_dropout else 1)


@pytest.mark.parametrize("name", FUSED)
def test_a_training_step_is_the_kernels_and_products(name):
    model = fastnn.Sequential([fastnn.Input((6, 3)), FUSED[name](4, dropout=0.2), layers.Dense(1)])
    model.compile("sgd", "mse")
    kernels = [step.kernel for step in model.explain(batch_size=2, mode="train").steps]
    kernel = name.lower()
    assert kernels.count(f"{kernel}_f32") == kernels.count(f"{kernel}_grad_f32") == 1
    assert not [k for k in kernels if "reference" in k or "scan" in k]


# ---- masks ----


def test_a_masked_step_repeats_the_output_before_it():
    mask = np.array([[False, True, False, True, False, False], [True, True, True, True, True, True]])
    y = layers.RNN(Accumulator(3), return_sequences=True)(STEPS, mask=mask)
    first, second = STEPS[0, 1], (STEPS[0, 1] + STEPS[0, 3]) / 2
    expected = np.stack([np.zeros(3), first, first, second, second, second])
    np.testing.assert_allclose(y[0], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y[1], means(STEPS)[1], rtol=1e-5, atol=1e-6)
    zeroed = layers.RNN(Accumulator(3), return_sequences=True, zero_output_for_mask=True)(STEPS, mask=mask)
    np.testing.assert_allclose(zeroed[0], expected * mask[0][:, None], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("side", ["before", "after", "both"])
@pytest.mark.parametrize("name", EVERY)
def test_padding_changes_nothing(name, side):
    """What follows from padded and masked sequences is what follows from the sequences."""
    layer = EVERY[name](4)
    expected = layer(STEPS)
    n_before, n_after = {"before": (3, 0), "after": (0, 2), "both": (2, 2)}[side]
    padded = np.pad(STEPS, ((0, 0), (n_before, n_after), (0, 0)), constant_values=np.nan)
    mask = np.pad(np.ones((2, 6), bool), ((0, 0), (n_before, n_after)))
    np.testing.assert_allclose(layer(padded, mask=mask), expected, rtol=1e-6, atol=1e-7)
    both_ways = layers.Bidirectional(EVERY[name](4))
    np.testing.assert_allclose(both_ways(padded, mask=mask), both_ways(STEPS), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", EVERY)
def test_masks_arrive_from_the_layers_before(name):
    words = np.array([[3, 1, 0, 0], [2, 0, 0, 0], [1, 2, 3, 1]])
    embedding = layers.Embedding(4, 3, mask_zero=True)
    model = fastnn.Sequential([fastnn.Input((4,)), embedding, EVERY[name](5, return_sequences=True), EVERY[name](2)])
    y = model.predict(words, verbose=0)
    for word, row in zip(words, y, strict=True):
        np.testing.assert_allclose(row, model(word[word > 0][None])[0], rtol=1e-5, atol=1e-6)


def test_a_mask_of_a_convolutional_recurrence():
    x = rows(2, 4, 5, 1)
    mask = np.array([[True, False, True, False], [False, True, True, True]])
    layer = layers.ConvLSTM1D(2, 2, padding="same")
    y = layer(x, mask=mask)
    for k in range(2):
        np.testing.assert_allclose(y[k], layer(x[k][mask[k]][None])[0], rtol=1e-5, atol=1e-6)


def test_what_becomes_of_a_mask():
    mask = np.ones((2, 6), bool)
    assert layers.LSTM(2).compute_mask(STEPS, mask) is None
    assert layers.LSTM(2, return_sequences=True).compute_mask(STEPS, mask) is mask
    assert layers.LSTM(2, return_state=True).compute_mask(STEPS, mask) == [None, None, None]
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode=None)
    assert both.compute_mask(STEPS, mask) == (mask, mask)


# ---- states ----


@pytest.mark.parametrize("name", EVERY)
def test_a_stateful_layer_goes_on_where_it_ended(name):
    layer = EVERY[name](4, stateful=True)
    assert layer.states is None
    layer(STEPS[:, :3])
    once_more = layer(STEPS[:, 3:])
    np.testing.assert_array_equal(layer.states[0].numpy(), once_more)
    plain = EVERY[name](4)
    plain(STEPS)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(once_more, plain(STEPS), rtol=1e-6, atol=1e-7)
    layer.reset_state()
    np.testing.assert_allclose(layer(STEPS), plain(STEPS), rtol=1e-6, atol=1e-7)
    assert len(layer.variables) == len(plain.variables) and len(layer.weights) == 3
    with pytest.raises(ValueError, match="Expected batch size: 2"):
        layer(STEPS[:1])


def test_a_stateful_stack_and_both_directions():
    stack = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], stateful=True)
    first = stack(STEPS)
    assert [[v.shape for v in states] for states in stack.states] == [[(2, 3), (2, 3)], [(2, 2)]]
    assert not np.allclose(stack(STEPS), first)
    stack.reset_states()
    np.testing.assert_allclose(stack(STEPS), first, rtol=1e-6)
    both = layers.Bidirectional(layers.LSTM(2, stateful=True))
    first = both(STEPS)
    assert len(both.states) == 4 and not np.allclose(both(STEPS), first)
    both.reset_state()
    np.testing.assert_allclose(both(STEPS), first, rtol=1e-6)


def test_a_stateful_model_trains():
    model = fastnn.Sequential([fastnn.Input((6, 3), batch_size=2), layers.GRU(4, stateful=True), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.tile(STEPS, (2, 1, 1)), np.zeros((4, 1)), batch_size=2, verbose=0, shuffle=False)
    assert np.abs(model.layers[0].states[0].numpy()).max() > 0


def test_an_encoder_hands_its_state_to_a_decoder():
    source, target = fastnn.Input((None, 3)), fastnn.Input((None, 2))
    encoder, decoder = layers.LSTM(4, return_state=True), layers.LSTM(4, return_sequences=True)
    _, h, c = encoder(source)
    decoded = decoder(target, initial_state=[h, c])
    model = fastnn.Model([source, target], decoded)
    assert decoded.shape == (None, None, 4)
    x, y = STEPS, rows(2, 3, 2)
    _, *states = encoder(x)
    np.testing.assert_allclose(model([x, y]), decoder(y, initial_state=states), rtol=1e-6, atol=1e-7)
    again = fastnn.models.clone_model(model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again([x, y]), model([x, y]))


# ---- dropout ----


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("is_stack", [False, True])
def test_dropout_masks_last_for_a_sequence(is_stack, unroll):
    """With the inputs equal at all steps and no recurrence, outputs differ by steps only if the masks do."""
    cells = [layers.SimpleRNNCell(16, dropout=0.5, recurrent_initializer="zeros", seed=k) for k in (1, 2)]
    layer = layers.RNN(cells if is_stack else cells[0], return_sequences=True, unroll=unroll)
    x = np.ones((2, 5, 16), "float32")
    y = layer(x, training=True)
    np.testing.assert_allclose(y, np.repeat(y[:, :1], 5, 1), rtol=1e-6, atol=1e-7)
    assert not np.allclose(layer(x, training=True), y), "the same masks in two sequences"
    np.testing.assert_array_equal(layer(x), layer(x))


def test_a_fused_layer_drops_the_same_inputs_at_every_step():
    """Inputs that are zero but for one feature a row: a row whose feature is dropped gives what no inputs give."""
    layer = layers.LSTM(4, dropout=0.5, seed=1, bias_initializer="ones")
    x = np.zeros((16, 5, 16), "float32")
    x[np.arange(16), :, np.arange(16)] = 1
    y = layer(x, training=True)
    nothing = layer(np.zeros((1, 5, 16), "float32"))[0]
    is_dropped = np.isclose(y, nothing, rtol=1e-6).all(1)
    kept = layer(2 * x)  # what is kept is divided by 1 - rate
    np.testing.assert_allclose(y[~is_dropped], kept[~is_dropped], rtol=1e-5, atol=1e-6)
    assert 0 < is_dropped.sum() < 16


@pytest.mark.parametrize("name", EVERY)
def test_dropout_is_for_training(name):
    layer = EVERY[name](8, dropout=0.5, recurrent_dropout=0.5, seed=3)
    x = rows(4, 5, 8)
    y = layer(x)
    np.testing.assert_array_equal(layer(x, training=False), y)
    assert not np.allclose(layer(x, training=True), y)


def test_recurrent_dropout_drops_the_same_units_at_every_step():
    """The state doubles at each step, or, where dropped, is that of one step."""
    layer = layers.SimpleRNN(
        6, activation=None, recurrent_dropout=0.5, seed=2, kernel_initializer="ones",
        recurrent_initializer=fastnn.initializers.Identity(), return_sequences=True,
    )  # fmt: skip
    y = layer(np.ones((3, 4, 1), "float32"), training=True)
    dropped, kept = np.ones(4), np.array([1, 3, 7, 15])  # h = 1 + 2 h
    is_dropped = np.isclose(y, dropped[:, None]).all(1)
    is_kept = np.isclose(y, kept[:, None]).all(1)
    assert (is_dropped ^ is_kept).all() and is_dropped.any() and is_kept.any()


# ---- all steps as one loop ----

LOOPS = {
    "simple": lambda **more: layers.SimpleRNN(4, **more),
    "more features than units": lambda **more: layers.SimpleRNN(2, **more),
    "lstm": lambda **more: layers.LSTM(4, activation="relu", **more),
    "gru": lambda **more: layers.GRU(4, reset_after=False, **more),
    "dropout": lambda **more: layers.LSTM(4, dropout=0.4, recurrent_dropout=0.4, seed=3, **more),
}


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("masked", [None, "repeated", "zero"])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_gives_what_its_steps_give(name, go_backwards, masked, return_sequences):
    """Outputs, states and gradients of a trace that has all steps as one loop, and of one that has each of them."""
    mask = None if masked is None else np.array([[0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 1]], "bool")

    def results(unroll, weights=None):
        layer = LOOPS[name](
            go_backwards=go_backwards, return_sequences=return_sequences, return_state=True, unroll=unroll,
            zero_output_for_mask=masked == "zero",
        )  # fmt: skip
        layer.build(STEPS.shape)
        if weights is not None:
            layer.set_weights(weights)

        def loss_of(x):
            outputs = layer(x, mask=mask, training=True)
            return sum(ops.sum(y * ops.cos(y)) for y in outputs), outputs

        def by_weights(x):
            return fastnn.value_and_grad(loss_of, layer.trainable_variables, has_aux=True)(x)

        by_x = fastnn.value_and_grad(loss_of, has_aux=True)
        return tree.flatten([fastnn.jit(by_x)(STEPS), fastnn.jit(by_weights)(STEPS)]), layer.get_weights()

    as_loop, weights = results(False)
    for one, other in zip(as_loop, results(True, weights)[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("units", "moved"), [(8, "float32[6,4,3]"), (2, "float32[6,4,2]")])
def test_the_smaller_of_inputs_and_products_is_put_in_the_order_of_steps(units, moved):
    """And no step is cut from the others."""
    model = fastnn.Sequential([fastnn.Input((6, 3)), layers.SimpleRNN(units), layers.Dense(1)])
    model.compile("sgd", "mse")
    steps = model.explain(batch_size=4, mode="predict").steps
    assert [step.writes for step in steps if step.kernel == "copy"] == [(moved,)]


# ---- training ----

TRAINED = {
    "lstm": lambda: [layers.LSTM(8)],
    "gru": lambda: [layers.GRU(8)],
    "gru reset before": lambda: [layers.GRU(8, reset_after=False)],
    "simple": lambda: [layers.SimpleRNN(8)],
    "recurrent dropout": lambda: [layers.LSTM(8, recurrent_dropout=0.1, dropout=0.1)],
    "stack": lambda: [layers.RNN([layers.LSTMCell(8), layers.GRUCell(8)])],
    "both ways": lambda: [layers.Bidirectional(layers.LSTM(6, return_sequences=True)), layers.GRU(6)],
    "convolution": lambda: [layers.Reshape((6, 1, 3)), layers.ConvLSTM1D(6, 1), layers.Flatten()],
}


def first_sums(count=64):
    """Whether the first of the features has a positive sum over time."""
    x = np.random.default_rng(0).normal(size=(count, 6, 3)).astype("float32")
    return x, (x[:, :, 0].sum(1) > 0).astype("float32")


@pytest.mark.parametrize("name", TRAINED)
def test_training_lowers_the_loss(name):
    fastnn.utils.set_random_seed(0)
    x, y = first_sums()
    model = fastnn.Sequential([fastnn.Input((6, 3)), *TRAINED[name](), layers.Dense(1, activation="sigmoid")])
    model.compile(fastnn.optimizers.Adam(0.02), "binary_crossentropy")
    losses = model.fit(x, y, batch_size=16, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0], losses


@pytest.mark.parametrize("name", ["lstm", "both ways"])
def test_any_number_of_threads_gives_the_same_bits(name):
    x, y = first_sums(48)
    weights = []
    before = fastnn.config.threads()
    try:
        for threads in (1, 2):
            fastnn.config.set_threads(threads)
            fastnn.utils.set_random_seed(0)
            model = fastnn.Sequential([fastnn.Input((6, 3)), *TRAINED[name](), layers.Dense(1)])
            model.compile("adam", "mse")
            model.fit(x, y, batch_size=48, epochs=2, verbose=0)
            weights.append(model.get_weights())
    finally:
        fastnn.config.set_threads(before)
    for one, two in zip(*weights, strict=True):
        assert one.tobytes() == two.tobytes()


# ---- half precision ----


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "float64"])
@pytest.mark.parametrize("name", EVERY)
def test_dtype_policies(name, policy):
    layer, wide = EVERY[name](4, dtype=policy), EVERY[name](4)
    y, _ = layer(STEPS), wide(STEPS)
    wide.set_weights([np.asarray(w, "float32") for w in layer.get_weights()])
    expected = wide(STEPS)
    assert y.dtype == layer.compute_dtype and {w.dtype for w in layer.weights} == {layer.variable_dtype}
    half = layer.compute_dtype == "float16"
    np.testing.assert_allclose(y, expected, rtol=0, atol=5e-3 if half else 1e-6)  # 6 steps of 5e-4 and less
