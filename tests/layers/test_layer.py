"""Layer: what happens around one call, and what a layer has."""

import copy

import keras
import numpy as np
import pytest

import fastnn
from fastnn import layers, ops
from fastnn.graph.symbolic import infer_outputs
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph

X = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")


class Scale(layers.Layer):
    """Has a weight, a sublayer in a list, and an attribute that its result depends on."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.inner = [layers.Dense(3, kernel_initializer="ones")]

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale", regularizer="l2")

    def call(self, inputs):
        return self.inner[0](inputs * self.scale * self.factor)


def test_names_count_up():
    fastnn.backend.clear_session(free_memory=False)
    assert [layers.Dense(1).name, layers.Dense(1).name, layers.MaxPooling2D().name] == [
        "dense",
        "dense_1",
        "max_pooling2d",
    ]
    fastnn.utils.clear_session(free_memory=False)
    assert layers.Dense(1).name == "dense"
    for cls in ("ReLU", "PReLU", "InputLayer", "GlobalAveragePooling2D", "Conv2D", "UpSampling2D"):
        assert fastnn.naming.to_snake_case(cls) == keras.src.utils.naming.to_snake_case(cls)


def test_weights_and_their_paths():
    layer = Scale(name="s")
    layer(X)
    assert [w.path for w in layer.weights] == [
        "s/scale",
        f"s/{layer.inner[0].name}/kernel",
        f"s/{layer.inner[0].name}/bias",
    ]
    assert layer.count_params() == 3 + 9 + 3
    assert layer.built and layer.get_build_config() == {"input_shape": (2, 3)}


def test_attributes_change_compiled_calls():
    layer = Scale()
    first = layer(X)
    layer.factor = 4.0
    np.testing.assert_allclose(layer(X), 2 * first, rtol=1e-6)
    layer.scale.assign([0.0, 0.0, 0.0])
    assert not layer(X).any()
    layer.scale.assign([1.0, 1.0, 1.0])
    layer.inner[0] = layers.Dense(2, kernel_initializer="zeros")
    assert layer(X).shape == (2, 2) and not layer(X).any()
    assert len(layer.weights) == 3, "the old sublayer is forgotten"


def test_inner_attributes_change_compiled_calls():
    outer = fastnn.Sequential([fastnn.Input((3,)), Scale()])
    first = outer(X)
    outer.layers[0].factor = 4.0
    np.testing.assert_allclose(outer(X), 2 * first, rtol=1e-6)


def test_a_trace_key_is_steady():
    layer = Scale()
    layer(X)
    key = layer._trace_key()
    layer(X)
    layer.factor = 2.0  # the same value
    layer.name = "other"
    assert layer._trace_key() == key
    with tracing(Graph()):
        layer.note = 5  # while tracing: no reason to trace again
    assert layer._trace_key() == key
    layer.note = 6
    assert layer._trace_key() != key


def test_containers_report_changes():
    layer = Scale()
    layer(X)
    key = layer._trace_key()
    layer.inner.append(layers.Dense(1))
    assert layer._trace_key() != key
    assert len(layer._flatten_layers()) == 3
    layer.table = {"a": [1, 2]}
    key = layer._trace_key()
    layer.table["a"].append(3)
    assert layer._trace_key() != key


def test_what_a_layer_owns_is_searched_again_only_where_it_may_have_changed():
    layer, other = Scale(), Scale()
    assert layer._children() is layer._children()
    before = layer._children()
    other.note = "of another layer"
    assert layer._children() is before
    layer.note = ["its own"]
    assert layer._children() is not before
    for change in (
        lambda: layer.inner.append(layers.Dense(1)),
        lambda: setattr(layer, "more", {"deep": [layers.Dense(1)]}),
        lambda: layer.more["deep"].append(layers.Dense(1)),
        lambda: layer.add_weight((1,)),
        lambda: delattr(layer, "more"),
    ):
        before = layer._children()
        change()
        found = layer._children()
        assert (found.layers, found.variables) != (before.layers, before.variables)


def test_lists_that_report_no_changes_are_searched_each_time():
    class Pair(layers.Layer):
        def __init__(self):
            super().__init__()
            self.pair = ([], [])  # in a tuple these stay lists

    layer = Pair()
    assert not layer._children().layers
    layer.pair[1].append(layers.Dense(1))
    assert layer._children().layers == layer.pair[1]


def test_trainable_goes_inward():
    layer = Scale()
    layer(X)
    assert len(layer.trainable_weights) == 3
    layer.inner[0].trainable = False
    assert [w.name for w in layer.trainable_weights] == ["scale"]
    assert [w.name for w in layer.non_trainable_weights] == ["kernel", "bias"]
    layer.trainable = True
    assert layer.inner[0].trainable
    layer.trainable = False
    assert not layer.trainable_weights and not layer.inner[0].trainable and len(layer.non_trainable_weights) == 3
    frozen = layers.Dense(2, trainable=False)
    frozen(X)
    assert not frozen.trainable_weights
    assert not fastnn.Sequential([fastnn.Input((3,)), frozen]).trainable_weights


def test_replaced_and_deleted_weights_are_forgotten():
    layer = layers.LayerNormalization()
    layer(X)
    layer.beta = None
    assert [w.name for w in layer.weights] == ["gamma"]
    del layer.gamma
    assert not layer.weights


def test_variables_and_generators_are_found():
    layer = layers.Layer()
    layer.a = fastnn.Variable(np.ones(2), name="a")
    layer.more = {"b": (fastnn.Variable(np.ones(2), name="b"),)}
    layer.generator = fastnn.random.SeedGenerator(1)
    assert [v.name for v in layer.weights] == ["a", "b"]
    assert [v.name for v in layer.variables] == ["a", "b", "seed_generator_state"]
    layer.mean = fastnn.metrics.Mean()
    assert layer.metrics == [layer.mean] and layer.metrics_variables


def test_losses_are_fresh_each_call():
    class Lossy(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.ActivityRegularization(l2=1.0)

        def call(self, x):
            self.add_loss(ops.sum(x))
            return self.inner(x)

    layer = Lossy()
    for _ in range(2):
        layer(X)
        np.testing.assert_allclose([float(v) for v in layer.losses], [X.sum(), (X**2).sum() / 2], rtol=1e-5)
    with fastnn.GradientTape():
        layer(2 * X)
    np.testing.assert_allclose([float(v) for v in layer.losses], [2 * X.sum(), 2 * (X**2).sum()], rtol=1e-5)
    with pytest.raises(ValueError, match="add_loss"):
        layer.add_loss(3.0)


def test_regularizers_are_losses_of_trainable_weights():
    layer = Scale()
    layer(X)
    assert [float(v) for v in layer.losses] == [pytest.approx(0.03)]
    layer.trainable = False
    assert layer.losses == []


def test_losses_of_a_trace_do_not_leak():
    model = fastnn.Sequential([fastnn.Input((3,)), layers.Dense(3, activity_regularizer="l2")])
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    assert all(isinstance(np.asarray(v), np.ndarray) for v in model.losses)
    model(X)
    assert len(model.losses) == 1 and float(model.losses[0]) > 0


class Asks(layers.Layer):
    """Returns ones in training and zeros otherwise."""

    def call(self, inputs, training=None):
        return ops.ones_like(inputs) if training else ops.zeros_like(inputs)


@pytest.mark.parametrize("value, expected", [(True, 1), (False, 0), (None, 0)])
def test_training_goes_inward(value, expected):
    model = fastnn.Sequential([fastnn.Input((3,)), layers.Identity(), Asks()])
    assert model(X, training=value).mean() == expected
    x = fastnn.Input((3,))
    assert fastnn.Model(x, Asks()(x))(X, training=value).mean() == expected


def test_training_said_while_building_stays():
    x = fastnn.Input((3,))
    model = fastnn.Model(x, Asks()(x, training=True))
    assert model(X, training=False).mean() == 1


def test_training_default_of_call():
    class ByDefault(Asks):
        def call(self, inputs, training=True):
            return super().call(inputs, training)

    assert ByDefault()(X).mean() == 1
    assert ByDefault()(X, training=False).mean() == 0


def test_dtypes():
    layer = layers.Dense(2, dtype="float64")
    assert layer(X).dtype == np.float64 and layer.kernel.dtype == "float64"
    assert layers.Dense(2)(X.astype("float64")).dtype == np.float32
    assert layers.Dense(2)(np.ones((2, 3), "int64")).dtype == np.float32
    assert layers.Identity(autocast=False)(X.astype("float64")).dtype == np.float64
    assert layers.Identity()(np.ones((2, 3), "int64")).dtype == np.int64
    with pytest.raises(ValueError, match="floaty"):
        layers.Dense(2, dtype="floaty")


def test_a_shape_rule_of_several_inputs():
    class Two(layers.Layer):
        def call(self, a, b):
            return ops.concatenate([a, b], axis=-1)

        def compute_output_shape(self, a_shape, b_shape):
            return (*a_shape[:-1], a_shape[-1] + b_shape[-1])

    assert Two()(fastnn.Input((3,)), fastnn.Input((4,))).shape == (None, 7)


def test_several_inputs_and_build_by_name():
    class Two(layers.Layer):
        def build(self, a_shape, b_shape):
            self.w = self.add_weight((a_shape[-1], b_shape[-1]), "ones")

        def call(self, a, b=None, *, flip=False):
            y = ops.matmul(ops.matmul(a, self.w), ops.transpose(b))
            return -y if flip else y

    layer = Two()
    result = layer(X, b=X[:, :2])
    assert result.shape == (2, 2) and layer.w.shape == (3, 2)
    np.testing.assert_allclose(layer(X, b=X[:, :2], flip=True), -result)
    assert layer.get_build_config() == {"shapes_dict": {"a_shape": (2, 3), "b_shape": (2, 2)}}


def test_structures_in_and_out():
    class Swap(layers.Layer):
        def call(self, inputs):
            return {"a": inputs["b"], "b": [inputs["a"], None]}

    result = Swap()({"a": X, "b": 2 * X})
    np.testing.assert_array_equal(result["a"], 2 * X)
    assert result["b"][1] is None
    symbolic = Swap()({"a": fastnn.Input((3,)), "b": fastnn.Input((4,))})
    assert symbolic["a"].shape == (None, 4) and symbolic["b"][0].shape == (None, 3)


def test_paths_of_weights_made_in_init_and_build():
    def paths(k):
        class Inner(k.layers.Layer):
            def __init__(self):
                super().__init__()
                self.a = self.add_weight(shape=(1,))
                self.b = self.add_weight(shape=(2,), name="named")

            def build(self, shape):
                self.c = self.add_weight(shape=(3,))

            def call(self, x):
                return x + self.a

        class Outer(k.layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = Inner()

            def call(self, x):
                return self.inner(x)

        k.utils.clear_session(free_memory=False)
        outer = Outer()
        outer(X)
        made = k.optimizers.SGD().add_variable((1,)), k.metrics.Mean().add_variable((), "zeros")
        return [v.path for v in (*outer.weights, *made)]

    assert paths(fastnn) == paths(keras)


def test_input_and_output_are_tensors_or_lists_of_them():
    class Structures(layers.Layer):
        def call(self, x):
            return {"b": (x["u"], x["u"] + 1), "a": [x["u"]]}

    def tell(k):
        layer = type("Structures", (k.layers.Layer,), {"call": Structures.call})()
        outputs = layer({"u": k.Input((3,))})
        assert [id(y) for y in layer.output] == [id(y) for y in (outputs["a"][0], *outputs["b"])]
        lstm = k.layers.LSTM(2, return_state=True)
        lstm(k.Input((None, 3)))
        add = k.layers.Add()
        add([k.Input((3,)), k.Input((3,))])
        return [type(part).__name__ for part in (layer.input, layer.output, lstm.output, add.input, add.output)]

    assert tell(fastnn) == tell(keras) == ["KerasTensor", "list", "list", "list", "KerasTensor"]


def test_sizes_that_ops_computed_are_numbers_while_traced():
    class Causal(layers.Layer):
        def call(self, x):
            n, size, _ = ops.shape(x)
            mask = ops.cast(ops.arange(size)[:, None] >= ops.arange(size), "int32")
            times = ops.concatenate([ops.expand_dims(n, -1), ops.convert_to_tensor([1, 1])], axis=0)
            return ops.tile(ops.reshape(mask, (1, size, size)), times)

    model = fastnn.Sequential([fastnn.Input((None, 2)), Causal()])
    np.testing.assert_array_equal(model.predict(np.zeros((2, 3, 2)), verbose=0), [np.tri(3)] * 2)
    with pytest.raises(TypeError, match="no numbers yet"):
        fastnn.jit(lambda x: int(ops.sum(x)))(X)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: layers.Dense(3, foo=1), ValueError, "Unrecognized keyword arguments passed to Dense: {'foo': 1}"),
        (lambda: layers.Dense(0), ValueError, "units=0"),
        (lambda: layers.Dense(3, name="a/b"), ValueError, "a/b"),
        (lambda: layers.Dense(3)(3), ValueError, "Only input tensors may be passed as positional arguments.*3"),
        (lambda: layers.Dense(3)(), TypeError, "inputs"),
        (lambda: layers.Dense(3)(fastnn.Input((None,))), ValueError, r"\(None, 3\).*kernel"),
        (lambda: layers.Layer()(X), NotImplementedError, "Layer does not have a `call` method"),
        (lambda: layers.Dense(3).count_params(), ValueError, "isn't built"),
        (lambda: layers.Dense(3).output, AttributeError, "never been called"),
        (lambda: layers.InputSpec(ndim=2, axes={2: 3}), ValueError, "Axis 2 is greater"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        make()


def test_input_spec_errors_name_the_layer_and_the_shapes():
    layer = layers.Dense(4, name="d")
    layer(X)
    with pytest.raises(ValueError, match=r"Input 0 of layer 'd' is incompatible.*axis -1.*value 3.*\(2, 5\)"):
        layer(np.ones((2, 5), "float32"))
    with pytest.raises(ValueError, match=r"Input 0 of layer 'd' .*min_ndim=2, found ndim=1.*\(3,\)"):
        layer(np.ones(3, "float32"))
    with pytest.raises(ValueError, match=r"Input 0 of layer 'p' .*expected ndim=4, found ndim=2.*\(2, 3\)"):
        layers.MaxPooling2D(name="p")(X)


def test_errors_in_call_name_the_innermost_layer_once():
    class Fails(layers.Layer):
        def call(self, inputs, scale=1.0):
            raise KeyError("no such thing")

    model = fastnn.Sequential([layers.Identity(), Fails(name="fails")], name="outer")
    with pytest.raises(KeyError) as caught:
        model(X)
    text = caught.value.args[0]
    assert "Fails.call() of layer 'outer/fails'" in text and "no such thing" in text
    assert "shape=(None, 3), dtype=float32" in text and "scale" not in text
    assert text.count("Arguments received") == 1


def test_errors_without_a_message_keep_their_arguments():
    class Odd(Exception):
        def __init__(self, code):
            self.code = code
            super().__init__(code)

    class Fails(layers.Layer):
        def call(self, inputs):
            raise Odd(7)

    with pytest.raises(Odd) as caught:
        Fails(name="fails")(X)
    assert caught.value.args == (7,) and "fails" in caught.value.__notes__[0]


def test_failed_calls_change_nothing():
    layer = layers.Dense(4)
    layer(X)
    before = layer.get_weights()
    for bad in ([np.ones((3, 4))], [np.ones((3, 4)), np.ones(3)]):
        with pytest.raises(ValueError, match=r"length 1.*2 weights|\(4,\).*\(3,\)"):
            layer.set_weights(bad)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_super_init_is_needed():
    class Forgetful(layers.Layer):
        def __init__(self):
            self.inner = layers.Dense(1)

        def call(self, x):
            return self.inner(x)

    with pytest.raises(RuntimeError, match=r"Forgetful.*super\(\).__init__"):
        Forgetful()(X)


def test_config_of_a_class_without_get_config():
    class Plain(layers.Layer):
        def __init__(self, factor, shift=1, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.shift = factor, shift

        def call(self, x):
            return x * self.factor + self.shift

    layer = Plain(3, name="p")
    config = layer.get_config()
    assert config["factor"] == 3 and config["name"] == "p"
    again = Plain.from_config(config)
    np.testing.assert_array_equal(again(X), layer(X))
    with pytest.raises(NotImplementedError, match="get_config"):
        Plain(layers.Dense(1)).get_config()
    with pytest.raises(TypeError, match=r"(?s)Plain.*unknown"):
        Plain.from_config({"factor": 1, "unknown": 2})


def test_custom_classes_in_configs():
    @fastnn.saving.register_keras_serializable("tests")
    class Registered(layers.Layer):
        def call(self, x):
            return x + 1

    config = layers.serialize(Registered(name="r"))
    assert config["registered_name"] == "tests>Registered"
    assert type(layers.deserialize(config)) is Registered
    config = layers.serialize(Scale(name="s"))
    with pytest.raises(TypeError, match="Could not locate class 'Scale'"):
        layers.deserialize(config)
    assert layers.deserialize(config, custom_objects={"Scale": Scale}).factor == 2.0
    with fastnn.saving.custom_object_scope({"Scale": Scale}):
        assert layers.deserialize(config).name == "s"


def test_configs_import_nothing():
    config = {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": None}
    with pytest.raises(TypeError, match="Could not locate class 'system'"):
        layers.deserialize(config)
    lambda_config = layers.serialize(layers.Lambda(ops.relu))
    lambda_config["config"]["function"] = {"class_name": "__lambda__", "config": {"code": "4wEA"}}
    with pytest.raises(Exception, match="lambda"):
        layers.deserialize(lambda_config)


def test_copies_are_apart():
    layer = Scale()
    layer(X)
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(other(X), layer(X))
    other.scale.assign(other.scale * 2)
    np.testing.assert_allclose(other(X), 2 * layer(X), rtol=1e-6)


def test_layers_under_a_tape_and_in_jit():
    layer = Scale()
    with fastnn.GradientTape() as tape:
        loss = ops.sum(layer(X))
    gradient = tape.gradient(loss, layer.scale)
    np.testing.assert_allclose(gradient, 3 * 2 * X.sum(0), rtol=1e-5)
    np.testing.assert_allclose(fastnn.jit(lambda x: layer(x) + 1)(X), layer(X) + 1, rtol=1e-6)


def test_lambda():
    layer = layers.Lambda(lambda x, scale: x * scale, arguments={"scale": 3.0})
    np.testing.assert_allclose(layer(X), 3 * X)
    assert layer(fastnn.Input((3,))).shape == (None, 3)
    assert layers.Lambda(lambda x: x, output_shape=(7,))(fastnn.Input((3,))).shape == (None, 7)
    with pytest.raises(ValueError, match="lambda"):
        layer.get_config()
    again = layers.deserialize(layers.serialize(layers.Lambda(fastnn.activations.relu)))
    np.testing.assert_array_equal(again(X), np.maximum(X, 0))


@pytest.mark.parametrize("kwargs, shape", [
    ({"input_dim": 4}, (None, 4)), ({"input_shape": (5, 4)}, (None, 5, 4)), ({"batch_input_shape": (2, 4)}, (2, 4)),
])  # fmt: skip
def test_keras_2_input_arguments(kwargs, shape):
    model = fastnn.Sequential([layers.Dense(3, **kwargs)])
    assert model.built and model.inputs[0].shape == shape


def test_dropout_statistics_and_scale():
    x = np.ones((100, 100), "float32")
    y = layers.Dropout(0.25, seed=1)(x, training=True)
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02  # 5 standard deviations of the mean of 10,000 draws
    layer = layers.Dropout(0.5, seed=1)
    assert (layer(x, training=True) != layer(x, training=True)).any(), "each call draws anew"
    again = layers.Dropout(0.5, seed=1)
    np.testing.assert_array_equal(again(x, training=True), layers.Dropout(0.5, seed=1)(x, training=True))
    columns = layers.Dropout(0.5, noise_shape=(None, 1))(x, training=True)
    assert (columns == columns[:, :1]).all()
    channels = layers.SpatialDropout2D(0.5)(np.ones((3, 4, 5, 6), "float32"), training=True)
    assert (channels == channels[:, :1, :1]).all() and 0 < channels.mean() < 2


def test_softmax_mask():
    x, mask = np.ones((2, 3), "float32"), np.array([[True, False, True], [True, True, True]])
    expected = keras.layers.Softmax()(x, mask=mask)
    np.testing.assert_allclose(layers.Softmax()(x, mask=mask), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.astype(">f4"),
        lambda x: x.astype(">f8"),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[::-1].copy()[::-1],
    ],
)
def test_arrays_in_any_layout_and_byte_order(form):
    layer, x = layers.Dense(2), np.arange(12, dtype="float32").reshape(4, 3)
    np.testing.assert_array_equal(layer(form(x)), layer(x))


def test_keyword_arrays_keep_their_names_in_any_order():
    class Weigh(layers.Layer):
        def call(self, a, z=None, b=None):
            return a + 2 * z + 3 * b

    layer, one = Weigh(), np.ones(2, "float32")
    for _ in range(2):
        np.testing.assert_array_equal(layer(one, z=one, b=10 * one), [33, 33])
        np.testing.assert_array_equal(layer(one, b=10 * one, z=one), [33, 33])


def test_constants_of_different_types_are_different_calls():
    class Times(layers.Layer):
        def call(self, x, by=1):
            return x * (5 if by is True else by)

    layer, one = Times(), np.ones(2, "float32")
    assert [layer(one, by=by)[0] for by in (1, True, 1.0, 2, True)] == [1, 5, 1, 2, 5]


def test_structures_of_arrays_are_told_apart():
    class Weighted(layers.Layer):
        def call(self, inputs, more=None):
            if isinstance(inputs, dict):
                inputs = [inputs["a"], inputs["b"]]
            a, b = inputs
            return a - 2 * b if more is None else a - 2 * b + more["c"]

    layer, rng = Weighted(), np.random.default_rng(0)
    a, b = rng.random((2, 4, 3), dtype=np.float32)
    for _ in range(2):
        for inputs in ([a, b], (a, b), {"b": b, "a": a}):
            np.testing.assert_allclose(layer(inputs), a - 2 * b, rtol=1e-6)
        np.testing.assert_allclose(layer([a, b[:1]]), a - 2 * b[:1], rtol=1e-6)
        np.testing.assert_allclose(layer([a[:1], b]), a[:1] - 2 * b, rtol=1e-6)
        np.testing.assert_allclose(layer([a, b], more={"c": b}), a - b, rtol=1e-6)
        assert len(layer._state.compiled.executables()) == 6  # the second time nothing is new


class Halved(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training, mask)[:, :1]


class HalvedReLU(layers.ReLU):
    def call(self, inputs):
        return super().call(inputs)[:, :1]


@pytest.mark.parametrize(
    "make",
    [
        layers.BatchNormalization,
        lambda **kwargs: layers.BatchNormalization(axis=1, **kwargs),
        Halved,
        layers.ReLU,
        HalvedReLU,
        lambda **kwargs: layers.Activation("silu", **kwargs),
        lambda **kwargs: layers.Activation("glu", **kwargs),
        lambda **kwargs: layers.Activation(lambda x: x[:, :1], **kwargs),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_shapes_that_are_kept_are_those_of_a_trace(make, dtype, policy):
    layer, x = make(dtype=policy), fastnn.KerasTensor((None, 4, 4), dtype)
    layer(x)
    found, traced = layer.compute_output_spec(x), infer_outputs(layer._call_for_shapes, (x,), {})
    assert (found.shape, found.dtype) == (traced.shape, traced.dtype)
