"""The functions of `quantizers`, and bad arguments of its configs."""

import numpy as np

from tests.tables import BadCase, OpCase, rows

FLOATS = rows(5, 3)
BYTES = np.random.default_rng(1).integers(-128, 128, (3, 4)).astype("int8")
NIBBLES = np.random.default_rng(2).integers(-8, 8, (5, 4)).astype("int8")
LOW, HIGH = rows(3, low=-2), rows(3, low=0.2)
NARROW = np.float32([1e-3, 2, 0.5, 7])


def _op(name, *args, **kwargs):
    options = {key: kwargs.pop(key) for key in ("gradient", "traced", "rtol") if key in kwargs}
    return OpCase(f"quantizers.{name}", args, kwargs, **options)


# The result of `pack_int4` has numbers in it, which the traced and the symbolic call do not announce.
OPS = [
    *(_op("abs_max_quantize", FLOATS, axis) for axis in (0, 1, -1, (0, 1), None, [0])),
    _op("abs_max_quantize", FLOATS, -1, value_range=(-8, 7), epsilon=0.5, dtype="float32"),
    _op("abs_max_quantize", FLOATS * 0, -1),
    _op("abs_max_quantize", FLOATS, 0, to_numpy=True, traced=False),
    *(_op("abs_max_quantize_grouped_with_zero_point", FLOATS, block) for block in (1, 2, 5, 8)),
    *(_op("abs_max_quantize_grouped_with_zero_point", FLOATS + k, 2) for k in (-9, 9)),
    _op("abs_max_quantize_grouped_with_zero_point", FLOATS, 2, value_range=(0, 15), dtype="uint8", epsilon=0.25),
    _op("abs_max_quantize_grouped_with_zero_point", FLOATS, 2, value_range=(-127, 127)),
    _op("abs_max_quantize_grouped_with_zero_point", FLOATS * 0 + 1, 3),
    _op("abs_max_quantize_grouped_with_zero_point", FLOATS, 2, to_numpy=True, traced=False),
    *(_op("pack_int4", NIBBLES, axis, traced=False) for axis in (0, 1, -1)),
    _op("pack_int4", (NIBBLES + 8).astype("uint8"), 0, "uint8", traced=False),
    *(_op("unpack_int4", BYTES, 5, axis) for axis in (0, 1)),
    _op("unpack_int4", BYTES, 8, -1, "uint8"),
    _op("unpack_int4", BYTES.view("uint8"), 6, 0),
    _op("compute_float8_amax_history", FLOATS, NARROW),
    _op("compute_float8_amax_history", FLOATS, NARROW[:1]),
    *(
        _op("compute_float8_scale", np.float32(x)[None], np.float32([0.75]), 448.0, margin)
        for x, margin in ((3.0, 0), (0.01, 2), (0.0, 0), (-1.0, 0), (np.inf, 0), (np.nan, 0))
    ),
    _op("quantize_and_dequantize", FLOATS, np.float32(0.01), "float8_e4m3fn", "float32"),
    _op("quantize_and_dequantize", FLOATS, np.float32(1e-3), "float8_e4m3fn", "float32"),
    _op("quantize_and_dequantize", FLOATS * 1e9, np.float32(1e3), "float8_e5m2", "bfloat16"),
    *(
        _op("fake_quant_with_min_max_vars", FLOATS * 3, np.float32(low), np.float32(high), bits, narrow, gradient=True)
        for low, high in ((-6, 6), (-3, 5), (0, 4), (1, 5), (-5, -2), (-1.7, 0.3))
        for bits, narrow in ((8, False), (4, True), (2, False))
    ),
    _op("fake_quant_with_min_max_vars", np.float32([-3, 3, -9]), np.float32(-6), np.float32(6), 2, True),
    *(
        _op("fake_quant_with_min_max_vars", np.float32([-3, -1, 0, 0.25, 3]), np.float32(low), np.float32(low + 3), 2)
        for low in (-0.5, -1.5, -2.5, 0)
    ),
    _op("fake_quant_with_min_max_vars", FLOATS, LOW, HIGH, axis=1, gradient=True),
    _op("fake_quant_with_min_max_vars", FLOATS, LOW, HIGH, axis=-1, gradient=True),
    _op("fake_quant_with_min_max_vars", rows(2, 4, 3), LOW, HIGH, axis=2, gradient=True),
    # Keras cannot differentiate these.
    _op("fake_quant_with_min_max_vars", FLOATS, LOW, HIGH),
    _op("fake_quant_with_min_max_vars", FLOATS, np.float32(-1), np.float32(0.7), axis=0),
]


def _config(name, /, **arguments):
    positional = (["a"], None) if name in ("GPTQConfig", "AWQConfig") else ()
    return lambda k: getattr(k.quantizers, name)(*positional, **arguments)


def _built(layer, shape):
    layer.build(shape)
    return layer


def _dense(k, **arguments):
    return _built(k.layers.Dense(3, **arguments), (None, 4))


def _twice(layer):
    layer.quantize("int8")
    layer.quantize("int4")


def _model(k):
    return k.Sequential([k.Input((4,)), k.layers.Dense(2)])


BAD = [
    BadCase("pack_int4 of int32", lambda k: k.quantizers.pack_int4(NIBBLES.astype("int32")), "int32"),
    BadCase("pack_int4 into int32", lambda k: k.quantizers.pack_int4(NIBBLES, dtype="int32"), "int32"),
    BadCase("unpack_int4 of int32", lambda k: k.quantizers.unpack_int4(NIBBLES.astype("int32"), 5), "int32"),
    BadCase("unpack_int4 into int32", lambda k: k.quantizers.unpack_int4(NIBBLES, 5, dtype="int32"), "int32"),
    BadCase(
        "float8 of int8", lambda k: k.quantizers.quantize_and_dequantize(FLOATS, 1.0, "int8", "float32"), "int8"
    ),
    BadCase(
        "fake_quant along no axis",
        lambda k: k.quantizers.fake_quant_with_min_max_vars(FLOATS, LOW, HIGH, axis=5),
        "5",
    ),
    BadCase("quantize before build", lambda k: k.layers.Dense(3).quantize("int8"), "built"),
    BadCase("quantize by nothing", lambda k: _dense(k).quantize(), "mode"),
    BadCase(
        "quantize by two modes",
        lambda k: _dense(k).quantize("int8", config=k.quantizers.Int4QuantizationConfig()),
        "int4",
    ),
    BadCase("quantize by no mode", lambda k: _dense(k).quantize("int3"), "int3"),
    BadCase("quantize by GPTQ without a config", lambda k: _dense(k).quantize("gptq"), "GPTQConfig"),
    BadCase("quantize by AWQ without a config", lambda k: _dense(k).quantize("awq"), "AWQConfig"),
    BadCase("int8 of float16", lambda k: _dense(k, dtype="float16").quantize("int8"), "float16"),
    BadCase("quantize twice", lambda k: _twice(_dense(k)), "already quantized"),
    BadCase("quantize what cannot be", lambda k: k.layers.Dropout(0.5).quantize("int8"), "Dropout"),
    BadCase("float8 of Embedding", lambda k: _built(k.layers.Embedding(3, 2), None).quantize("float8"), "float8"),
    BadCase("quantize a model before build", lambda k: k.Sequential([k.layers.Dense(2)]).quantize("int8"), "built"),
    BadCase("filters that are none", lambda k: _model(k).quantize("int8", filters=3), "filters"),
    BadCase("quantize a model by nothing", lambda k: _model(k).quantize(), "mode"),
    BadCase("quantize a model with more", lambda k: _model(k).quantize("int8", more=3), "more"),
    BadCase("quantizer of no name", lambda k: k.quantizers.get("int3"), "int3"),
    BadCase("quantizer of a number", lambda k: k.quantizers.get(3), "3"),
    BadCase("quantizer without a config", lambda k: k.Quantizer().get_config(), "get_config"),
    BadCase("config without a mode", lambda k: k.quantizers.QuantizationConfig().mode, "QuantizationConfig"),
    *(
        BadCase(
            f"{name} with uint8",
            lambda k, name=name: getattr(k.quantizers, name)(
                weight_quantizer=k.quantizers.AbsMaxQuantizer(axis=0, output_dtype="uint8"),
                **({"block_size": -1} if name.startswith("Int4") else {}),
            ),
            "uint8",
        )
        for name in ("Int8QuantizationConfig", "Int4QuantizationConfig")
    ),
    BadCase(
        "Int4QuantizationConfig with quantizers and blocks",
        lambda k: k.quantizers.Int4QuantizationConfig(k.quantizers.AbsMaxQuantizer(axis=0)),
        "block_size=128",
    ),
    *(BadCase(f"block_size={n}", _config("Int4QuantizationConfig", block_size=n), str(n)) for n in (0, -2)),
    *(
        BadCase(f"GPTQConfig {name}={n}", _config("GPTQConfig", **{name: n}), name)
        for name, n in (
            ("weight_bits", 5), ("num_samples", 0), ("sequence_length", -1), ("hessian_damping", 2), ("group_size", 0),
        )
    ),
    *(
        BadCase(f"AWQConfig {name}={n}", _config("AWQConfig", **{name: n}), name)
        for name, n in (
            ("weight_bits", 3), ("num_samples", 0), ("sequence_length", 0), ("num_grid_points", 0), ("group_size", -2),
        )
    ),
]  # fmt: skip
