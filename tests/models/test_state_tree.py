"""The state of a model as a tree, losses of given weights, and what models say of themselves, against Keras's."""

import keras
import numpy as np
import pytest

import fastnn

X, Y = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3), np.ones((4, 1), "float32")


def build(k):
    model = k.Sequential(
        [
            k.Input((3,)),
            k.layers.Dense(2, name="first", kernel_initializer="ones"),
            k.layers.BatchNormalization(name="norm"),
            k.Sequential([k.layers.Dense(1, name="last", kernel_initializer="ones")], name="inner"),
        ],
        name="model",
    )
    model.compile(k.optimizers.Adam(name="adam"), "mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    model.evaluate(X, Y, verbose=0)
    return model


def assert_same(ours, theirs):
    if not isinstance(theirs, dict):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        assert ours.dtype == theirs.dtype
        return
    assert list(ours) == list(theirs)
    for name in theirs:
        assert_same(ours[name], theirs[name])


@pytest.mark.parametrize("value_format", ["backend_tensor", "numpy_array"])
def test_tree(value_format):
    assert_same(build(fastnn).get_state_tree(value_format), build(keras).get_state_tree("numpy_array"))


def test_a_tree_is_a_copy_and_can_be_set():
    model = build(fastnn)
    before = model.get_state_tree()
    model.fit(X, Y, verbose=0)
    assert (model.get_state_tree()["trainable_variables"]["model"]["first"]["kernel"] != 1).all()
    model.set_state_tree(before)
    assert_same(model.get_state_tree(), before)


def test_setting_parts():
    def result(k):
        model = build(k)
        model.set_state_tree({"trainable_variables": {"model": {"first": {"bias": np.float32([3, 4])}}, "none": {}}})
        model.set_state_tree({"metrics_variables": {"loss": {"count": np.float32(7)}}})
        return model.get_state_tree("numpy_array")

    assert_same(result(fastnn), result(keras))


@pytest.mark.parametrize(
    "tree",
    [
        {"weights": {}},
        {"trainable_variables": {"model": {"first": {"kernel": np.zeros((3, 2)), "bias": np.zeros(3)}}}},
    ],
    ids=["group", "shape"],
)
def test_bad_trees(tree):
    with pytest.raises(ValueError):
        build(keras).set_state_tree(tree)
    model = build(fastnn)
    before = model.get_state_tree()
    with pytest.raises(ValueError, match=r"weights|model/first/bias"):
        model.set_state_tree(tree)
    assert_same(model.get_state_tree(), before)
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")


def test_stateless_compute_loss():
    def result(k):
        model = build(k)
        given = [
            [np.asarray(v) * scale for v in variables]
            for variables, scale in (
                (model.trainable_variables, 2),
                (model.non_trainable_variables, 3),
                (model.metrics_variables, 1),
            )
        ]
        loss, after = model.stateless_compute_loss(*given, x=X, y=Y, y_pred=0 * Y, sample_weight=Y, training=True)
        return [float(loss), *[np.asarray(value) for group in after for value in group], *model.get_weights()]

    for a, b in zip(result(fastnn), result(keras), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    with pytest.raises(ValueError, match="trainable_variables"):
        build(fastnn).stateless_compute_loss([], [], [])


ATTRIBUTES = ("inputs", "outputs", "input", "output", "input_shape", "output_shape", "output_names", "operations")


def subclassed(k):
    class Own(k.Model):
        def call(self, inputs):
            return inputs

    return Own()


def shared(k):
    layer = k.layers.Dense(3)
    x = k.Input((3,))
    layer(layer(x))
    return layer


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.Sequential([k.layers.Dense(2)]),
        lambda k: k.Sequential(),
        lambda k: k.Sequential([k.Input((2,))]),
        lambda k: k.Sequential([k.Input((2,)), k.layers.Dense(2)]),
        lambda k: k.Model(x := k.Input((2,)), k.layers.Dense(2)(x)),
        subclassed,
        lambda k: k.layers.Dense(2),
        shared,
    ],
    ids=["unbuilt", "empty", "input", "sequential", "functional", "subclassed", "layer", "shared"],
)
def test_what_there_is_of_inputs_and_outputs(make):
    def shown(k, name):
        model = make(k)
        if not hasattr(model, name):
            return None
        value = getattr(model, name)
        if isinstance(value, list):
            return len(value)
        return value.shape if hasattr(value, "shape") else value

    # Those of Keras have no `input` and no `output`, unless they were called.
    is_built_chain = hasattr(make(keras), "inputs") and isinstance(make(keras), keras.Sequential)
    for name in set(ATTRIBUTES) - ({"input", "output", "output_names", "operations"} if is_built_chain else set()):
        assert shown(fastnn, name) == shown(keras, name), name


def test_layers_called_twice_and_sequential_models_have_an_input():
    layer = shared(fastnn)
    assert layer.output.call.inputs[0] is layer.input
    model = build(fastnn)
    assert model.input is model.inputs[0] and model.output is model.outputs[0]


def test_setters():
    for k in (fastnn, keras):
        model = build(k)
        model.jit_compile = False
        assert model.jit_compile is False and model.get_compile_config()["jit_compile"] in (False, True)
        for reserved in (model, k.Model(x := k.Input((2,)), k.layers.Dense(2)(x))):
            with pytest.raises(AttributeError):
                reserved.layers = []
        with pytest.raises(NotImplementedError):
            model.add_metric("mae")


def test_weights_of_an_optimizer():
    def result(k):
        optimizer = k.optimizers.SGD(0.5, momentum=0.9)
        optimizer.build([k.Variable(np.ones(2, "float32"))])
        optimizer.set_weights([np.asarray(v) + 1 for v in optimizer.variables])
        return [np.asarray(v).tolist() for v in optimizer.variables]

    assert result(fastnn) == result(keras)
    optimizer = fastnn.optimizers.SGD(0.5)
    with pytest.raises(ValueError, match="shapes"):
        optimizer.set_weights([1])


def test_number_of_batches_of_a_py_dataset():
    class Rows(fastnn.utils.PyDataset):
        num_batches = 2

        def __getitem__(self, index):
            return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    model = build(fastnn)
    assert len(Rows()) == 2
    np.testing.assert_allclose(model.evaluate(Rows(), verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-6)
    with pytest.raises(NotImplementedError, match="num_batches"):
        len(fastnn.utils.PyDataset())
