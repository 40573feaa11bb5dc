"""Models as ONNX files, run by ONNX Runtime, against the models themselves: every row of the tables of layers."""

import inspect
import operator
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

import fastnn
from fastnn import tree
from fastnn.export import protobuf
from tests.tables import close, table
from tests.tables.models import MODELS, RTOL, arrays, scatter


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def check(model, batches: list[list[np.ndarray]], path, rtol=1e-5):
    """Exports `model` and compares its outputs for each of `batches`, whose sizes differ."""
    model.export(path, verbose=False)
    session = session_of(path)
    for batch in batches:
        expected = tree.flatten(model(batch if len(batch) > 1 else batch[0], training=False))
        made = session.run(None, dict(zip([x.name for x in session.get_inputs()], batch, strict=True)))
        for k, (y, wanted) in enumerate(zip(made, expected, strict=True)):
            close(y, wanted, rtol, f"output {k} of {len(batch[0])} rows")


@pytest.mark.parametrize("name", MODELS)
def test_model(name, tmp_path):
    model = MODELS[name](fastnn)
    scatter(model)
    check(model, [arrays(model, rows) for rows in (2, 5)], tmp_path / "model.onnx", RTOL.get(name, 1e-5))


class Turned(fastnn.layers.Layer):
    """Turned images, or the gradient of their cubes: both kernels of `image_sampling`."""

    def __init__(self, fill_mode, of_gradient):
        super().__init__()
        self.fill_mode, self.of_gradient = fill_mode, of_gradient

    def call(self, x):
        def turned(x):
            transform = [0.8, 0.31, 0.77, -0.23, 0.9, 0.41, 0, 0]
            return fastnn.ops.image.affine_transform(x, transform, fill_mode=self.fill_mode, fill_value=0.5)

        if not self.of_gradient:
            return turned(x)
        with fastnn.GradientTape() as tape:
            tape.watch(x)
            y = fastnn.ops.sum(turned(x) ** 3)
        return tape.gradient(y, x)


@pytest.mark.parametrize("of_gradient", [False, True])
@pytest.mark.parametrize("fill_mode", ["constant", "reflect"])
def test_turned_images(fill_mode, of_gradient, tmp_path):
    inputs = fastnn.Input((7, 5, 3))
    model = fastnn.Model(inputs, Turned(fill_mode, of_gradient)(inputs))
    rng = np.random.default_rng(0)
    check(model, [[rng.random((rows, 7, 5, 3)).astype("float32")] for rows in (2, 5)], tmp_path / "model.onnx")


def model_of(case):
    """The layer of `case` as a functional model, whose arrays of the call are inputs too, with random weights; and the
    arrays."""
    layer = getattr(fastnn.layers, case.name)(**case.arguments_for(fastnn))
    given = [x for x in tree.flatten((case.inputs, case.call)) if isinstance(x, np.ndarray)]
    tensors = [fastnn.Input(x.shape[1:], dtype=x.dtype.name, name=f"x{k}") for k, x in enumerate(given)]
    rest = iter(tensors)
    inputs, call = tree.map_structure(
        lambda x: next(rest) if isinstance(x, np.ndarray) else x, (case.inputs, case.call)
    )
    model = fastnn.Model(tensors, layer(inputs, **call))
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            np.abs(rng.normal(0.5, 0.4, w.shape)).astype(w.dtype) if w.dtype.kind == "f" else w
            for w in model.get_weights()
        ]
    )
    return model, given


@pytest.mark.parametrize("case", table("LAYERS"), ids=str)
def test_layer(case, tmp_path):
    model, given = model_of(case)
    if case.name == "BatchNormalization" and case.call.get("training"):
        with pytest.raises(ValueError, match="changes variables"):
            model.export(tmp_path / "model.onnx")
        return
    check(model, [[np.concatenate([x] * times) for x in given] for times in (1, 2)], tmp_path / "model.onnx")


class Call(fastnn.layers.Layer):
    """One call of an op, in which arrays stand for those of a list."""

    def __init__(self, case):
        super().__init__(autocast=False)
        self.case = case

    def call(self, arrays):
        rest = iter(arrays)
        args, kwargs = tree.map_structure(
            lambda x: next(rest) if isinstance(x, np.ndarray) else x, (self.case.args, self.case.kwargs)
        )
        place = fastnn if self.case.name.startswith("quantizers.") else fastnn.ops
        return operator.attrgetter(self.case.name)(place)(*args, **kwargs)


def first_rows():
    """A row for each op that can be traced, and that takes arrays."""
    rows = {}
    for case in table("OPS"):
        has_arrays = any(isinstance(x, np.ndarray) for x in tree.flatten((case.args, case.kwargs)))
        if case.traced and has_arrays and "complex" not in str(case):
            rows.setdefault(case.name, case)
    return rows.values()


NO_COUNTERPART = {
    "argpartition", "cholesky", "cholesky_inverse", "ctc_decode", "ctc_loss", "eigh", "erfinv", "gcd", "histogram",
    "i0", "in_top_k", "inv", "lcm", "lstsq", "lu_factor", "nextafter", "pinv", "polar", "qr",
    "quantizers.quantize_and_dequantize", "slogdet", "solve", "solve_triangular", "view",
}  # fmt: skip


@pytest.mark.parametrize("case", first_rows(), ids=lambda case: case.name)
def test_op(case, tmp_path):
    arrays = [x for x in tree.flatten((case.args, case.kwargs)) if isinstance(x, np.ndarray)]
    inputs = [fastnn.Input(batch_shape=x.shape, dtype=x.dtype.name) for x in arrays]
    model = fastnn.Model(inputs, Call(case)(inputs))
    if case.name in NO_COUNTERPART:
        with pytest.raises(ValueError, match="'call"):
            model.export(tmp_path / "m.onnx")
        return
    check(model, [arrays], tmp_path / "m.onnx", case.rtol)


# -- what a file says --------------------------------------------------------------------------------------------------


def test_signature_is_keras_s():
    ours, theirs = (inspect.signature(k.Model.export).parameters for k in (fastnn, keras))
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


def loaded(model, path, **kwargs):
    model.export(path, verbose=False, **kwargs)
    return onnx.load(path)


def shapes(values) -> dict:
    return {
        v.name: [d.dim_param or d.dim_value if d.WhichOneof("value") else None for d in v.type.tensor_type.shape.dim]
        for v in values
    }


def test_names(tmp_path):
    a, b = fastnn.Input((4,), name="left"), fastnn.Input((4,), name="right")
    y = fastnn.layers.Dense(3, name="hidden")(fastnn.layers.Add()([a, b]))
    model = fastnn.Model({"left": a, "right": b}, [y, fastnn.layers.ReLU(name="top")(y)], name="two")
    file = loaded(model, tmp_path / "m.onnx")
    assert file.graph.name == "two"
    assert shapes(file.graph.input) == {"left": ["batch", 4], "right": ["batch", 4]}
    assert shapes(file.graph.output) == {"hidden": ["batch", 3], "top": ["batch", 3]}
    assert {x.name for x in file.graph.initializer} == {"hidden/kernel", "hidden/bias"}
    assert {node.name for node in file.graph.node} >= {"two/hidden/Gemm", "two/top/Relu"}


def test_weights_in_another_order_keep_their_names(tmp_path):
    model = fastnn.Sequential([fastnn.Input((5, 5, 2)), fastnn.layers.Conv2D(3, 2, name="c")])
    arrays = {x.name: onnx.numpy_helper.to_array(x) for x in loaded(model, tmp_path / "m.onnx").graph.initializer}
    np.testing.assert_array_equal(arrays[model.weights[0].path], model.weights[0].numpy().transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(arrays[model.weights[1].path], model.weights[1].numpy())


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_recurrent_nodes_take_over_the_projection(name, tmp_path):
    model = fastnn.Sequential([fastnn.Input((6, 3)), getattr(fastnn.layers, name)(4, return_sequences=True)])
    types = [node.op_type for node in loaded(model, tmp_path / "m.onnx").graph.node]
    assert types.count(name) == 1 and not {"MatMul", "Gemm", "Scan"} & set(types)


def test_versions(tmp_path):
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
    file = loaded(model, tmp_path / "m.onnx")
    assert (file.producer_name, file.opset_import[0].version, file.ir_version) == ("fastnn", 18, 8)
    assert loaded(model, tmp_path / "m.onnx", opset_version=21).opset_import[0].version == 21
    with pytest.raises(ValueError, match="from 18 to"):
        model.export(tmp_path / "m.onnx", opset_version=9)


def test_message(tmp_path, capsys):
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
    model.export(tmp_path / "m.onnx", verbose=False)
    assert capsys.readouterr().out == ""
    model.export(tmp_path / "m.onnx")
    assert str(tmp_path / "m.onnx") in capsys.readouterr().out


# -- sizes that stay open ----------------------------------------------------------------------------------------------


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def images(L):
    return [
        L.Conv2D(4, 3, strides=2, padding="same"), L.MaxPooling2D(3, strides=2, padding="same"), L.UpSampling2D(),
        L.Conv2DTranspose(2, 3, strides=2), L.Cropping2D(1), L.GlobalAveragePooling2D(),
    ]  # fmt: skip


def sequences(L):
    return [
        L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Conv1D(4, 3, strides=2, padding="causal"),
        L.GRU(3, return_sequences=True), L.TimeDistributed(L.Dense(2)),
    ]  # fmt: skip


class Positions(fastnn.layers.Layer):
    """As many rows of a weight as there are steps; the rest of 100 steps is zeros."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=(100, input_shape[-1]), name="table")

    def call(self, x):
        length = x.shape[1]
        x = x + self.table[:length] * self.table[length - 1 :: -1]
        return fastnn.ops.pad(x, ((0, 0), (0, 100 - length), (0, 0)))


def thirds(L):
    """Strides of 3 pad by the remainder of the size."""
    return [
        L.Conv2D(3, 3, strides=3, padding="same"), L.UpSampling2D(4), L.MaxPooling2D(5, strides=3, padding="same"),
        L.AveragePooling2D(2, strides=1, padding="same"),
    ]  # fmt: skip


def positions(L):
    return [Positions(), L.AveragePooling1D(3)]


def volumes(L):
    return [L.Conv3D(3, 3, padding="same"), L.MaxPooling3D(2), L.Conv3DTranspose(2, 3, strides=2, padding="same")]


def volumes_in_place(L):
    return [L.Conv3D(9, 2, padding="same"), L.Conv3DTranspose(2, 3, strides=2, padding="same")]


@pytest.mark.parametrize(
    "shape, layers, batches",
    [
        ((None, None, 3), images, [(1, 30, 31, 3), (2, 37, 64, 3), (1, 33, 40, 3)]),
        ((None, 3), sequences, [(2, 5, 3), (1, 8, 3), (3, 14, 3)]),
        ((None, None, 2), thirds, [(1, n, 11, 2) for n in range(7, 13)]),
        ((None, 3), positions, [(2, 5, 3), (1, 8, 3)]),
        ((None, None, 5, 2), volumes, [(1, 5, 6, 5, 2), (2, 8, 7, 5, 2)]),
        ((None, None, 5, 2), volumes_in_place, [(1, 5, 6, 5, 2), (2, 8, 7, 5, 2)]),
    ],
)
def test_open_sizes(shape, layers, batches, tmp_path):
    model = fastnn.Sequential([fastnn.Input(shape), *layers(fastnn.layers)])
    check(model, [[numbers(*sizes)] for sizes in batches], tmp_path / "m.onnx")


@pytest.mark.filterwarnings("ignore:Layer '(query|key|value)'")  # as in Keras: their masks go by another way
def test_masks_and_causal_attention_of_any_length(tmp_path):
    L = fastnn.layers
    x = fastnn.Input((None,), dtype="int32")
    y = L.Embedding(9, 4, mask_zero=True)(x)
    y = L.MultiHeadAttention(2, 3)(y, y, use_causal_mask=True)
    model = fastnn.Model(x, L.GRU(3)(L.LSTM(4, return_sequences=True, go_backwards=True)(y)))
    rng = np.random.default_rng(0)
    check(model, [[rng.integers(0, 4, shape).astype("int32")] for shape in ((2, 5), (3, 17))], tmp_path / "m.onnx")


def test_sizes_that_must_be_equal_have_one_name(tmp_path):
    a, b = fastnn.Input((None, 3)), fastnn.Input((None, 3))
    equal = loaded(fastnn.Model([a, b], fastnn.layers.Add()([a, b])), tmp_path / "m.onnx")
    assert [x.type.tensor_type.shape.dim[1].dim_param for x in equal.graph.input] == ["size_1"] * 2
    c = fastnn.Input((None, 3))
    partly = loaded(fastnn.Model([a, b, c], fastnn.layers.Attention()([a, b, c])), tmp_path / "m.onnx")
    assert [x.type.tensor_type.shape.dim[1].dim_param for x in partly.graph.input] == ["size_1", "size_2", "size_2"]
    free = loaded(fastnn.Model([a, b], fastnn.layers.Attention()([a, b])), tmp_path / "m.onnx")
    assert [x.type.tensor_type.shape.dim[1].dim_param for x in free.graph.input] == ["size_1", "size_2"]


def test_padding_by_an_open_size_is_refused(tmp_path):
    """ONNX Runtime does not compute it for windows smaller than their strides."""
    model = fastnn.Sequential([fastnn.Input((None, 9, 2)), fastnn.layers.MaxPooling2D(3, strides=5, padding="same")])
    with pytest.raises(ValueError, match=r"'max_pooling2d.*pads by what depends"):
        model.export(tmp_path / "m.onnx")


def test_signature_fixes_sizes(tmp_path):
    model = fastnn.Sequential([fastnn.Input((None, None, 3)), fastnn.layers.Resizing(4, 5)])
    with pytest.raises(ValueError, match=r"'resizing.*input_signature"):
        model.export(tmp_path / "m.onnx")
    spec = fastnn.InputSpec(shape=(None, 7, 6, 3))
    file = loaded(model, tmp_path / "m.onnx", input_signature=[spec])
    assert list(shapes(file.graph.input).values()) == [["batch", 7, 6, 3]]
    session = session_of(tmp_path / "m.onnx")
    x = numbers(2, 7, 6, 3)
    close(session.run(None, {file.graph.input[0].name: x})[0], model(x), 1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy, tmp_path):
    """The last layer gives float32: ONNX Runtime returns no bfloat16."""
    L, half = fastnn.layers, fastnn.dtype_policies.DTypePolicy(policy)
    layers = [L.Conv1D(4, 3, dtype=half), L.LayerNormalization(dtype=half), L.LSTM(3, dtype=half)]
    model = fastnn.Sequential([fastnn.Input((8, 3)), *layers, L.Dense(2, dtype="float32")])
    check(model, [[numbers(rows, 8, 3)] for rows in (2, 3)], tmp_path / "m.onnx", 2e-2 if "b" in policy else 2e-3)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_quantized_weights(mode, tmp_path):
    L = fastnn.layers
    layers = [L.Embedding(9, 4), L.EinsumDense("abc,cd->abd", (None, 3)), L.Dense(5)]
    model = fastnn.Sequential([fastnn.Input((6,), dtype="int32"), *layers])
    for layer in layers:
        layer.quantize(mode)
    rng = np.random.default_rng(0)
    check(model, [[rng.integers(0, 9, (rows, 6)).astype("int32")] for rows in (2, 3)], tmp_path / "m.onnx")


class OverTheBatch(fastnn.layers.Layer):
    """What depends on how many rows there are: numbers, slices, positions and matrices of that size."""

    def call(self, x):
        ops, rows = fastnn.ops, x.shape[0]
        square = ops.matmul(x, ops.transpose(x))
        return [
            x / ops.mean(x), ops.std(x, axis=0), ops.cumsum(x, axis=0), ops.argsort(x, axis=0), ops.flip(x, axis=0),
            x[::2], x[1:], x[:-1], x[-2:], ops.arange(rows, dtype="float32")[:, None] * x, ops.eye(rows) @ x,
            ops.tril(square), ops.triu(square, 1), ops.repeat(x, 2, axis=0), ops.roll(x, 1, axis=0),
            ops.where(ops.tril(ops.ones((rows, rows), "bool")), square, -1e9), ops.reshape(x, (-1,)),
            ops.roll(x, (1, -3), (0, 1)), ops.pad(x, ((0, 0), (2, 1)), mode="reflect"),
            ops.multi_hot(ops.cast(ops.abs(x) * 3, "int32"), 5), ops.sort(x, axis=0),
        ]  # fmt: skip


def test_sizes_of_the_batch(tmp_path):
    x = fastnn.Input((4,))
    check(fastnn.Model(x, OverTheBatch()(x)), [[numbers(rows, 4)] for rows in (2, 7)], tmp_path / "m.onnx")


# -- models of one's own -----------------------------------------------------------------------------------------------


class Own(fastnn.Model):
    def __init__(self):
        super().__init__()
        self.dense = fastnn.layers.Dense(3)

    def call(self, inputs):
        total = fastnn.ops.fori_loop(0, 3, lambda k, x: x * 1.5 + inputs["x"], inputs["x"])
        largest = fastnn.ops.while_loop(lambda s: fastnn.ops.max(s) < 50, lambda s: s * 2, (fastnn.ops.abs(total) + 1,))
        chosen = fastnn.ops.cond(fastnn.ops.sum(total) > 0, lambda: total, lambda: -total)
        return {"a": self.dense(chosen), "b": fastnn.ops.top_k(total, 2)[0], "c": largest[0]}


@pytest.mark.parametrize("sign", [1, -1])
def test_loops_and_branches_of_a_subclassed_model(sign, tmp_path):
    model = Own()
    x = {"x": np.abs(numbers(2, 4)) * sign}
    with pytest.raises(ValueError, match="input_signature"):
        model.export(tmp_path / "m.onnx")
    expected = model(x)
    model.export(tmp_path / "m.onnx", verbose=False)
    session = session_of(tmp_path / "m.onnx")
    assert [i.name for i in session.get_inputs()] == ["x"]
    for y, wanted in zip(session.run(None, x), tree.flatten(expected), strict=True):
        close(y, wanted, 1e-5)


def test_a_model_that_was_never_called_takes_a_signature(tmp_path):
    file = loaded(Own(), tmp_path / "m.onnx", input_signature={"x": fastnn.InputSpec(shape=(None, 4))})
    assert shapes(file.graph.input) == {"x": ["batch", 4]}


LOOKUPS = (
    {}, {"num_oov_indices": 3}, {"mask_token": 5, "output_mode": "count"}, {"mask_token": 0, "num_oov_indices": 2},
    {"invert": True}, {"invert": True, "mask_token": 0},
)  # fmt: skip


@pytest.mark.parametrize("arguments", LOOKUPS, ids=str)
def test_integer_lookup(arguments, tmp_path):
    layer = fastnn.layers.IntegerLookup(vocabulary=[36, 12, 2**40, 7], **arguments)
    model = fastnn.Sequential([fastnn.Input((8,), dtype="int64"), layer])
    x = np.array([[36, 12, 0, 5, -3, 2**40, 7, 8], [1, 2, 3, 4, 5, 6, 7, -1]])
    check(model, [[x], [x[:1]]], tmp_path / "m.onnx")


class Two(fastnn.Model):
    def call(self, a, b, training=None):
        return a - b


def test_a_model_of_several_arguments_takes_a_list(tmp_path):
    spec = fastnn.InputSpec(shape=(None, 4))
    Two().export(tmp_path / "m.onnx", verbose=False, input_signature=[spec, spec])
    session = session_of(tmp_path / "m.onnx")
    a, b = numbers(2, 4), numbers(2, 4) * 3
    close(session.run(None, {"inputs_0": a, "inputs_1": b})[0], a - b, 1e-5)


@pytest.mark.parametrize("given", [[fastnn.InputSpec(ndim=2)], [fastnn.InputSpec(shape=(None, 5))], ["x"]])
def test_signatures_that_say_nothing_or_do_not_fit(given, tmp_path):
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
    with pytest.raises(ValueError, match="shape"):
        model.export(tmp_path / "m.onnx", input_signature=given)


# -- what cannot be exported -------------------------------------------------------------------------------------------


class Erfinv(fastnn.layers.Layer):
    def call(self, x):
        return fastnn.ops.erfinv(x)


class Noise(fastnn.layers.Layer):
    def call(self, x):
        return x + fastnn.random.normal((4,), seed=1)


class Steps(fastnn.layers.Layer):
    def call(self, x):
        return fastnn.ops.cumprod(x, axis=0)


L = fastnn.layers
REFUSED = {
    "number of steps": ([Steps(name="running")], "'running'"),
    "no op": ([L.Dense(4), Erfinv(name="inner")], "'inner'.*'erfinv'"),
    "random": ([Noise(name="noise")], "'noise'.*'random_normal'"),
    "table": ([L.Hashing(5, name="hash")], "'hash'"),
    "no place": ([L.IntegerLookup(vocabulary=[1, 2], num_oov_indices=0, name="sure")], "'sure'"),
    "state": ([L.Reshape((4, 1)), L.GRU(2, stateful=True, name="kept")], "kept/"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, tmp_path):
    layers, message = REFUSED[case]
    dtype, size = ("int32" if case in ("table", "no place") else "float32"), (2 if case == "state" else None)
    model = fastnn.Sequential([fastnn.Input((4,), batch_size=size, dtype=dtype), *layers])
    (tmp_path / "m.onnx").write_text("before")
    with pytest.raises(ValueError, match=message):
        model.export(tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_text() == "before"


def test_strings_are_refused(tmp_path):
    x = fastnn.Input((), dtype="string", name="text")
    ids = L.TextVectorization(vocabulary=["a", "b"], output_sequence_length=3, name="words")(x)
    with pytest.raises(ValueError, match=r"'words' works on strings"):
        fastnn.Model(x, L.Embedding(4, 2)(ids)).export(tmp_path / "m.onnx")


@pytest.mark.parametrize("name, format", [("m", "tf_saved_model"), ("m.onnx", "openvino"), ("m.tflite", "litert")])
def test_other_formats_are_refused(name, format, tmp_path):
    model = fastnn.Sequential([fastnn.Input((4,)), L.Dense(3)])
    with pytest.raises(ValueError, match="only ONNX"):
        model.export(tmp_path / name, format=format)
    assert not list(tmp_path.iterdir())


def test_without_onnx(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnx.checker", None)
    with pytest.raises(ImportError, match=r"fastnn-cpu\[onnx\]"):
        fastnn.Sequential([fastnn.Input((4,)), L.Dense(3)]).export(tmp_path / "m.onnx")


# -- files -------------------------------------------------------------------------------------------------------------


def test_arrays_beyond_the_limit_have_a_file_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(protobuf, "LIMIT", 1000)
    model = fastnn.Sequential([fastnn.Input((40,)), L.Dense(30), L.Dense(2)])
    for _ in range(2):  # the second time both files are replaced
        scatter(model)
        check(model, [[numbers(3, 40)], [numbers(1, 40)]], tmp_path / "m.onnx")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    assert (tmp_path / "m.onnx.data").stat().st_size > (tmp_path / "m.onnx").stat().st_size


def test_exporting_leaves_the_model_as_it_is(tmp_path):
    model = fastnn.Sequential([fastnn.Input((4,)), L.Dense(3, activity_regularizer="l2"), L.Dropout(0.5)])
    model.compile("sgd", "mse")
    x = numbers(8, 4)
    model.fit(x, x[:, :3], verbose=0)
    before, weights = model.predict(x, verbose=0), model.get_weights()
    model.export(tmp_path / "m.onnx", verbose=False)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(x, x[:, :3], verbose=0)
