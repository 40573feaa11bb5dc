"""Files made to attack whoever loads them: `ATTACKS` says how each is built, and what is said when it is loaded."""

import base64
import functools
import http.server
import io
import json
import marshal
import re
import struct
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

import fastnn
from fastnn import layers

HUGE = 10**12
# name: (a function that writes the file and returns its path, the message to expect; None: it may be a model)
ATTACKS: dict = {}


def attack(message, *names):
    """Registers a function of a folder (and a name) that writes a hostile file there."""

    def register(build):
        for name in names or ("",):
            ATTACKS[f"{build.__name__} {name}".strip()] = (
                functools.partial(build, name=name) if name or names else build,
                message,
            )
        return build

    return register


# ---- how the files are made ----


def good(units=3):
    return fastnn.Sequential([fastnn.Input((4,), name="in"), layers.Dense(units, name="d")], name="m")


@functools.cache
def _good_archive() -> bytes:
    stream = io.BytesIO()
    fastnn.saving.save_model(good(), stream)
    return stream.getvalue()


@functools.cache
def _good_legacy_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        good().save(f"{folder}/good.h5")
        return Path(folder, "good.h5").read_bytes()


def members() -> dict[str, bytes]:
    """The contents of a good `.keras` file, by name."""
    with zipfile.ZipFile(io.BytesIO(_good_archive())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, contents, method=zipfile.ZIP_STORED) -> str:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return str(path)


def with_config(path, config) -> str:
    """A `.keras` file, with good weights, of any config: an object or its text."""
    config = config if isinstance(config, (str, bytes)) else json.dumps(config)
    return packed(path, {**members(), "config.json": config})


def mention(class_name, module=None, /, **config) -> dict:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": class_name}


def sequence(*described) -> dict:
    first = mention("InputLayer", "keras.layers", batch_shape=[None, 4], name="in")
    return mention("Sequential", "keras", name="m", layers=[first, *described])


def layer(class_name, /, **config):
    return mention(class_name, "keras.layers", **config)


def tensor(name, shape=(None, 4)):
    return {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": [name, 0, 0]}}


def network(*nodes, shape=(None, 4)) -> dict:
    """A functional model: (name, described, args, kwargs) for each call."""
    described = [{**layer("InputLayer", batch_shape=shape, name="in"), "name": "in", "inbound_nodes": []}]
    for name, what, args, kwargs in nodes:
        described.append({**what, "name": name, "inbound_nodes": [{"args": args, "kwargs": kwargs}]})
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [[nodes[-1][0], 0, 0]]}
    return mention("Functional", "keras.src.models.functional", name="m", layers=described, **ends)


def op(class_name, /, *args, shape=(None, 4), **kwargs) -> dict:
    return network(("o", mention(class_name, "keras.src.ops.numpy", name="o"), list(args), kwargs), shape=shape)


def with_weights(path, change) -> str:
    """A `.keras` file with a good config, whose weights `change(file, group of the variables)` has changed."""
    contents = members()
    stream = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        change(file, file["layers/dense/vars"])
    return packed(path, {**contents, "model.weights.h5": stream.getvalue()})


def legacy(path, config=None, change=None) -> str:
    """An `.h5` file of a whole model, with another config or a change of the file."""
    Path(path).write_bytes(_good_legacy_file())
    with h5py.File(path, "r+") as file:
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
        if change is not None:
            change(file, file["model_weights/d"])
    return str(path)


# ---- configs that name what they should not ----

PWN = {"command": "touch pwned"}
NAMES = [
    ("system", "os"), ("Popen", "subprocess"), ("eval", "builtins"), ("exec", "builtins"), ("__import__", "builtins"),
    ("import_module", "importlib"), ("loads", "marshal"), ("get_file", "keras.utils"), ("load_model", "keras.models"),
    ("load_model", "keras.saving"), ("enable_unsafe_deserialization", "keras.config"), ("set_floatx", "keras.config"),
    ("set_dtype_policy", "keras.config"), ("set_floatx", "keras.backend"), ("clear_session", "keras.utils"),
    ("set_random_seed", "keras.utils"), ("image_dataset_from_directory", "keras.utils"), ("Progbar", "keras.utils"),
    ("CSVLogger", "keras.callbacks"), ("ModelCheckpoint", "keras.callbacks"), ("RemoteMonitor", "keras.callbacks"),
    ("device", "keras"), ("name_scope", "keras"), ("StatelessScope", "keras"), ("GradientTape", "fastnn"),
    ("install_as_keras", "fastnn"), ("Variable", "keras"), ("CustomObjectScope", "keras.saving"), ("jit", "fastnn"),
    ("VGG16", "keras.applications"), ("load_img", "keras.utils"), ("custom_gradient", "keras"),
    ("SKLearnClassifier", "keras.wrappers"), ("_cli", "fastnn"), ("Store", "fastnn.saving.stores"),
]  # fmt: skip


def named(folder, name, build):
    _, module, class_name = name.split(" ")
    return build(folder, mention(class_name, module, **PWN))


for _class, _module in NAMES:
    _where = f"{_module} {_class}"
    ATTACKS[f"layer {_where}"] = (
        functools.partial(named, name=f"layer {_where}", build=lambda f, c: with_config(f / "a.keras", sequence(c))),
        "Could not locate class",
    )
    ATTACKS[f"model {_where}"] = (
        functools.partial(named, name=f"model {_where}", build=lambda f, c: with_config(f / "a.keras", c)),
        "Could not locate class",
    )
    ATTACKS[f"h5 {_where}"] = (
        functools.partial(named, name=f"h5 {_where}", build=lambda f, c: legacy(f / "a.h5", sequence(c))),
        "Could not locate class",
    )


@attack("Could not locate function", "eval", "system", "get_file", "set_floatx", "deserialize", "os.system", "Dense")
def function_that_no_config_may_name(folder, name):
    function = {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    return with_config(folder / "a.keras", sequence(layer("Dense", units=3, activation=function)))


@attack("Could not interpret|Could not locate", "loss", "optimizer", "metrics")
def compile_config(folder, name):
    config = json.loads(members()["config.json"])
    compiled = {"optimizer": mention("SGD", "keras.optimizers"), "loss": "mse", "metrics": ["mae"]}
    evil = mention("system", "os", **PWN)
    config["compile_config"] = {**compiled, name: [evil] if name == "metrics" else evil}
    return with_config(folder / "a.keras", config)


@attack(
    "no tensor among its arguments|Could not locate|does not have", "os system", "builtins eval",
    "keras.utils get_file", "keras.src.ops.numpy get_file", "keras.src.ops.os system", "fastnn.ops load_img",
    "keras.src.ops.numpy REGISTRY", "keras.src.ops.numpy record", "keras.src.ops.core install", "fastnn.ops image",
)  # fmt: skip
def call_of_a_functional_model(folder, name):
    module, function = name.split(" ")
    what = {"module": module, "class_name": function, "config": {}, "registered_name": function}
    arguments = {"origin": Server.address + "/network", "fname": "pwned"}
    return with_config(folder / "a.keras", network(("o", what, ["touch pwned"], arguments)))


# ---- code ----


def code():
    function = compile("def f(x):\n open('pwned', 'w')\n return x", "f", "exec").co_consts[0]
    return base64.b64encode(marshal.dumps(function)).decode()


@attack("lambda|Lambda", "lambda", "list", "h5 lambda", "h5 list", "output_shape", "text", "registered lambda")
def code_of_a_lambda(folder, name):
    saved = {"class_name": "__lambda__", "config": {"code": code(), "defaults": None, "closure": None}}
    config = {"name": "l", "function": saved}
    if name.endswith("list"):  # as Keras 2 writes it
        config = {"name": "l", "function": [code(), None, None], "function_type": "lambda", "module": "__main__"}
    if name == "output_shape":
        config = {"name": "l", "function": {"class_name": "function", "config": "relu"}, "output_shape": saved}
    if name == "text":
        config = {"name": "l", "function": "lambda x: open('pwned', 'w')", "function_type": "raw"}
    described = sequence(mention("Lambda", "keras.layers", **config, trainable=True))
    if name.startswith("h5"):
        return legacy(folder / "a.h5", described)
    return with_config(folder / "a.keras", described)


@attack("Could not locate class 'enable_unsafe_deserialization'")
def safe_mode_switched_off_from_inside(folder):
    saved = {"class_name": "__lambda__", "config": {"code": code(), "defaults": None, "closure": None}}
    switch = mention("enable_unsafe_deserialization", "keras.config")
    return with_config(folder / "a.keras", sequence(switch, layer("Lambda", function=saved)))


# ---- files and network ----


@attack("names a vocabulary file", "StringLookup", "IntegerLookup", "TextVectorization", "h5 StringLookup")
def vocabulary_of_another_file(folder, name):
    cls = name.split()[-1]
    described = getattr(layers, cls)(max_tokens=9).get_config()
    config = sequence(layer(cls, **{**described, "vocabulary": "/etc/passwd"}))
    return legacy(folder / "a.h5", config) if name.startswith("h5") else with_config(folder / "a.keras", config)


class Server(http.server.BaseHTTPRequestHandler):
    """Notes who asks it for anything."""

    asked: list = []  # noqa: RUF012
    address = ""

    def do_GET(self):
        Server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


@attack("Could not|does not|no tensor|Unrecognized|unexpected", "get_file", "load_img", "RemoteMonitor", "vocabulary")
def address_in_a_config(folder, name):
    url = Server.address + "/" + name
    if name == "vocabulary":
        return with_config(folder / "a.keras", sequence(layer("Dense", units=3, vocabulary=url, name="d")))
    module = "keras.callbacks" if name == "RemoteMonitor" else "keras.utils"
    return with_config(folder / "a.keras", sequence(mention(name, module, origin=url, root=url, path=url, fname="x")))


# ---- sizes in a config ----

SMALL = "too small|[Mm]emory|too many|traced nodes|larger than|Maximum|cannot|must|should|maximum|Invalid|range|large"
LAYERS = {
    "Dense": {"units": HUGE}, "EinsumDense": {"equation": "ab,bc->ac", "output_shape": HUGE},
    "Embedding": {"input_dim": HUGE, "output_dim": 8}, "LSTM": {"units": 10**7}, "GRU": {"units": 10**9},
    "PReLU": {"alpha_initializer": {"class_name": "system"}},
    "AugMix": {"num_chains": 10**6}, "RandAugment": {"num_ops": 10**7},
    "Dense huge initializer": {"units": 10**7, "kernel_initializer": {"class_name": "Orthogonal", "config": {}}},
}  # fmt: skip
SHAPES = {"LSTM": [None, 3, 4], "GRU": [None, 3, 4], "AugMix": [None, 8, 8, 3], "RandAugment": [None, 8, 8, 3]}


@attack(SMALL + "|Could not", *LAYERS)
def giant_layer(folder, name):
    described = layer(name.split()[0], name="x", **LAYERS[name])
    config = sequence(described)
    config["config"]["layers"][0]["config"]["batch_shape"] = SHAPES.get(name, [None, 4])
    return with_config(folder / "a.keras", config)


@attack(SMALL, "build_config", "build_input_shape", "batch_shape", "h5 batch_shape")
def giant_shape(folder, name):
    config = sequence(layer("Dense", name="d", units=64))
    if name == "build_config":
        config["config"]["layers"] = [
            {**layer("Dense", name="d", units=64), "build_config": {"input_shape": [1, HUGE]}}
        ]
    elif name == "build_input_shape":
        config["config"] |= {"layers": config["config"]["layers"][1:], "build_input_shape": [None, HUGE]}
    else:
        config["config"]["layers"][0]["config"]["batch_shape"] = [HUGE, HUGE]
    return legacy(folder / "a.h5", config) if name.startswith("h5") else with_config(folder / "a.keras", config)


OPS = {
    "Zeros": ([[HUGE]], {}), "Ones": ([[HUGE, HUGE]], {}), "Full": ([[HUGE], 1.0], {}), "Arange": ([HUGE], {}),
    "Eye": ([10**6], {}), "Linspace": ([0, 1, HUGE], {}), "Tri": ([10**6], {}), "Identity": ([10**6], {}),
}  # fmt: skip


@attack("no tensor among its arguments", *(f"op {name}" for name in OPS))
def op_without_a_tensor(folder, name):
    args, kwargs = OPS[name.split()[1]]
    return with_config(folder / "a.keras", op(name.split()[1], *args, **kwargs))


@attack(SMALL + "|expected|weights|Layer|equal parts|has size", "Tril", "Triu", "Vander", "OneHot", "Split", "Unstack")
def op_with_giant_constants(folder, name):
    shape = (10**6, 10**6) if name in ("Tril", "Triu") else (None, 4)
    arguments = {"Vander": ({"N": 10**9}), "OneHot": {"num_classes": HUGE},
                 "Split": {"indices_or_sections": 10**8}, "Unstack": {"num": 10**9}}  # fmt: skip
    first = tensor("in", shape)
    return with_config(folder / "a.keras", op(name, first, shape=shape, **arguments.get(name, {})))


@attack(SMALL, "AUC", "MeanIoU", "SensitivityAtSpecificity", "labels")
def giant_metric(folder, name):
    config = {"AUC": {"num_thresholds": 10**9}, "MeanIoU": {"num_classes": 10**6},
              "SensitivityAtSpecificity": {"specificity": 0.5, "num_thresholds": 10**9},
              "labels": {"multi_label": True, "num_labels": 10**9}}[name]  # fmt: skip
    described = json.loads(members()["config.json"])
    metric = mention("AUC" if name == "labels" else name, "keras.metrics", **config)
    described["compile_config"] = {"optimizer": mention("SGD", "keras.optimizers"), "metrics": [metric], "loss": "mse"}
    return with_config(folder / "a.keras", described)


@attack("Invalid dtype", "U1000000000", "V1000000000000", "O", "S99999999")
def giant_dtype(folder, name):
    array = {"class_name": "__numpy__", "config": {"value": [1], "dtype": name}}
    return with_config(folder / "a.keras", sequence(layer("Rescaling", scale=array)))


@attack("length of vocabulary|vocabulary|weights|expected")
def giant_places_of_unknown_tokens(folder):
    described = {**layers.StringLookup(vocabulary=["a", "b"]).get_config(), "num_oov_indices": 10**11}
    described |= {"output_mode": "multi_hot", "vocabulary_size": None}
    return with_config(folder / "a.keras", sequence(layer("StringLookup", **described), layer("Dense", units=HUGE)))


@attack("traced nodes|recursion|no file")
def models_in_models_that_double(folder):
    """Each model calls the one inside it twice: 2**30 calls in a few lines."""
    described = layer("Dense", units=4, name="d")
    for k in range(30):
        first = {**layer("InputLayer", batch_shape=[None, 4], name=f"in{k}"), "name": f"in{k}", "inbound_nodes": []}
        inner = described["config"]["name"]
        skip = int(k > 0)
        calls = [{"args": [tensor(f"in{k}")], "kwargs": {}}]
        calls.append({"args": [{**tensor(inner), "config": {"keras_history": [inner, 0, 0]}}], "kwargs": {}})
        network = {"name": f"m{k}", "layers": [first, {**described, "name": inner, "inbound_nodes": calls}]}
        network |= {"input_layers": [[f"in{k}", 0, 0]], "output_layers": [[inner, skip + 1, 0]]}
        described = mention("Functional", "keras.src.models.functional", **network)
    return with_config(folder / "a.keras", described)


ONLY_SHAPES = {
    "RepeatVector": {"n": HUGE}, "Reshape": {"target_shape": [HUGE, -1]}, "ZeroPadding1D": {"padding": HUGE},
    "UpSampling1D": {"size": HUGE}, "Cropping1D": {"cropping": HUGE}, "CategoryEncoding": {"num_tokens": HUGE},
    "Hashing": {"num_bins": HUGE}, "Discretization": {"num_bins": HUGE}, "MaxPooling1D": {"pool_size": HUGE},
    "Resizing": {"height": 10**7, "width": 10**7}, "CenterCrop": {"height": 10**9, "width": 10**9},
    "ZeroPadding2D": {"padding": 10**9}, "UpSampling2D": {"size": 10**7, "interpolation": "bilinear"},
    "MelSpectrogram": {"num_mel_bins": 10**8}, "STFTSpectrogram": {"fft_length": 10**8}, "Conv1D": {"filters": 10**9,
    "kernel_size": 3}, "TimeDistributed": {"layer": layer("Dense", units=10**9)}, "SpatialDropout1D": {"rate": 1e308},
    "MultiHeadAttention": {"num_heads": 10**5, "key_dim": 10**5}, "GroupNormalization": {"groups": 10**9},
}  # fmt: skip


@attack(None, *ONLY_SHAPES)
def giant_numbers_in_layers(folder, name):
    """A model may come of these, since a giant shape takes no memory; it must cost nothing."""
    config = sequence(layer(name, name="x", **ONLY_SHAPES[name]))
    shape = [None, 6, 6, 3] if "2D" in name or name in ("Resizing", "CenterCrop") else [None, 6, 3]
    config["config"]["layers"][0]["config"]["batch_shape"] = shape
    return with_config(folder / "a.keras", config)


DEEPER = '{"class_name": "Sequential", "config": {"layers": ['
TEXTS = {
    "deep lists": "[" * 100_000 + "]" * 100_000, "deep dicts": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "long number": '{"class_name": "Dense", "config": {"units": ' + "9" * 5000 + "}}",
    "infinite": json.dumps(sequence(layer("Dense", units=float("inf")))), "not JSON": "{", "bytes": b"\xff\xfe\x00",
    "negative": json.dumps(sequence(layer("Dense", units=-3))), "a list": "[]", "null": "null", "a name": '"Dense"',
    "deep layers": DEEPER * 5000 + "]}}" * 5000,
    "function": json.dumps({"class_name": "function", "config": "relu"}),
}  # fmt: skip


@attack("", *TEXTS)
def broken_config(folder, name):
    return with_config(folder / "a.keras", TEXTS[name])


# ---- archives ----


@attack("claims", "bomb", "config bomb", "many bombs", "asset bomb")
def zip_bomb(folder, name):
    contents = members()
    if name == "many bombs":
        contents |= {f"assets/{k}": bytes(6_000_000) for k in range(12)}
    else:
        key = {"bomb": "model.weights.h5", "config bomb": "config.json"}.get(name, "assets/layers/dense/x")
        contents[key] = bytes(70_000_000)
    return packed(folder / "a.keras", contents, zipfile.ZIP_DEFLATED)


@attack("compression", "bzip2", "lzma")
def member_of_another_compression(folder, name):
    method = {"bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}[name]
    return packed(folder / "a.keras", {**members(), "model.weights.h5": bytes(15_000_000)}, method)


@attack("", "claims less", "claims more")
def member_of_a_false_size(folder, name):
    path = folder / "a.keras"
    packed(path, {**members(), "config.json": b"[" + b" " * 20_000_000}, zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    size = struct.pack("<I", 20_000_001)
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, struct.pack("<I", 100 if name == "claims less" else 60_000_000)))
    return str(path)


@attack("password|encrypted")
def encrypted_member(folder):
    path = folder / "a.keras"
    packed(path, members())
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(bytes(content))
    return str(path)


@attack("not a `.keras` file", "truncated", "no zip", "no weights", "no config", "empty")
def broken_archive(folder, name):
    path, contents = folder / "a.keras", members()
    missing = {"no weights": "model.weights.h5", "no config": "config.json"}.get(name)
    contents.pop(missing, None)
    packed(path, contents)
    content = {"truncated": path.read_bytes()[:-300], "no zip": b"no zip", "empty": b""}.get(name)
    if content is not None:
        path.write_bytes(content)
    return str(path)


# ---- HDF5 ----

SECRET = np.arange(12, dtype="float32").reshape(4, 3) + 1000


def secret(folder):
    """A file of the host that is none of the model's business."""
    with h5py.File(folder / "secret.h5", "w") as file:
        file["x"] = SECRET
    (folder / "secret.bin").write_bytes(SECRET.tobytes())
    return str(folder / "secret.h5"), str(folder / "secret.bin")


def virtual(group, path):
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource(path, "x", (4, 3))
    group.create_virtual_dataset("0", layout)


def dataset(*args, **kwargs):
    return lambda group, h5, raw: group.create_dataset("0", *args, **kwargs)


def put(make):
    return lambda group, h5, raw: group.__setitem__("0", make(group, h5))


GIANT_CHUNK = {"chunks": (1 << 14, 1 << 14), "maxshape": (None, None), "fillvalue": 1}
# name: (what puts the kernel into its group, given a file and raw bytes of the host; the message)
DATASETS = {
    "soft link": (put(lambda group, h5: h5py.SoftLink("/layers/dense/vars/1")), "link"),
    "external link": (put(lambda group, h5: h5py.ExternalLink(h5, "x")), "link"),
    "external storage": (lambda group, h5, raw: dataset((4, 3), "f4", external=[(raw, 0, 48)])(group, h5, raw), "file"),
    "external device": (dataset((4, 3), "f4", external=[("/dev/zero", 0, 48)]), "another file"),
    "virtual": (lambda group, h5, raw: virtual(group, h5), "another file"),
    "compressed": (dataset((4, 3), "f4", compression="gzip"), "compressed"),
    "giant chunk": (dataset((4, 3), "f4", **GIANT_CHUNK), "chunk"),
    "giant shape": (dataset((1 << 40, 1 << 10), "f4", chunks=(1, 1)), "1099511627776"),
    "texts": (dataset(data=np.array(["x" * 9] * 12, "S9").reshape(4, 3)), "not numbers"),
    "texts of any length": (dataset((4, 3), h5py.string_dtype()), "not numbers"),
    "references": (dataset((4, 3), h5py.ref_dtype), "not numbers"),
    "compound": (dataset((4, 3), [("a", "f4"), ("b", "S999999")]), "not numbers"),
    "group": (lambda group, h5, raw: group.create_group("0"), "no array"),
    "circle": (put(lambda group, h5: group.parent), "no array"),
    "many names": (
        lambda group, h5, raw: [group.__setitem__(str(k), 1) for k in (0, *range(2, 3000))],
        "3000",
    ),
}


def changed(folder, file, group, name, place):
    h5, raw = secret(folder)
    del group[place]
    moved = group if place == "0" else group.create_group("moved")
    DATASETS[name][0](moved, h5, raw)
    if place != "0":
        group.move("moved/0", place)


for _name, (_, _message) in DATASETS.items():

    @attack(_message, f"keras {_name}")
    def dataset_in_an_archive(folder, name):
        return with_weights(folder / "a.keras", lambda file, g: changed(folder, file, g, name[6:], "0"))

    @attack(_message, f"weights {_name}")
    def dataset_in_a_file_of_weights(folder, name):
        path = folder / "a.weights.h5"
        good().save_weights(path)
        with h5py.File(path, "r+") as file:
            changed(folder, file, file["layers/dense/vars"], name[8:], "0")
        return str(path)

    if _name not in ("soft link", "circle", "many names"):

        @attack(_message, f"h5 {_name}")
        def dataset_in_a_legacy_file(folder, name):
            return legacy(folder / "a.h5", change=lambda file, g: changed(folder, file, g["m/d"], name[3:], "kernel"))


@attack("too small", "keras", "h5")
def weights_that_are_only_declared(folder, name):
    """The config and the file agree on a giant shape of which not a byte is stored."""
    contents = members()
    config = json.loads(contents["config.json"])
    dense = config["config"]["layers"][1]
    dense["config"]["units"], dense["build_config"] = 10**9, {"input_shape": [None, 4]}

    def declare(file, group, kernel="0", bias="1"):
        for place, shape in ((kernel, (4, 10**9)), (bias, (10**9,))):
            del group[place]
            group.create_dataset(place, shape, "f4", fillvalue=0)

    if name == "h5":
        return legacy(folder / "a.h5", config, lambda file, g: declare(file, g["m/d"], "kernel", "bias"))
    stream = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        declare(file, file["layers/dense/vars"])
    return packed(folder / "b.keras", {"config.json": json.dumps(config), "model.weights.h5": stream.getvalue()})


NAMES_IN_H5 = ["../d", "/model_weights/d", "", ".", "d/../d", "missing", "d" * 100_000]


@attack("no|link|lists|mismatch|count", *(f"layer {k}" for k in range(len(NAMES_IN_H5))))
def names_in_a_legacy_file(folder, name):
    def rename(file, group):
        file["model_weights"].attrs["layer_names"] = [NAMES_IN_H5[int(name.split()[1])][:60_000]]

    return legacy(folder / "a.h5", change=rename)


@attack("claims .* strings", "2000", "100")
def names_that_are_all_one_long_string(folder, name):
    """References to one string of 2 MB: 4 GB and 200 MB when they are read."""
    count, size = int(name), 2_000_000

    def put(file, group):
        names = ["x" * size, *(f"b{k}" for k in range(count - 1))]
        file["model_weights"].attrs.create("layer_names", names, dtype=h5py.string_dtype())

    path = Path(legacy(folder / "a.h5", change=put))
    content = bytearray(path.read_bytes())
    first = next(
        m.start() for m in re.finditer(re.escape(struct.pack("<I", size)), content) if content[m.start() + 16] == 2
    )
    content[first : first + 16 * count] = (
        content[first : first + 16] * count
    )  # length, address of the heap, place in it
    path.write_bytes(content)
    return str(path)


@attack("link", "group", "whole")
def linked_groups(folder, name):
    def link(file, group):
        place = "model_weights/d" if name == "group" else "model_weights"
        del file[place]
        file[place] = h5py.ExternalLink(secret(folder)[0], "/")

    return legacy(folder / "a.h5", change=link)


@attack("claims|no file|holds no model", "list of texts", "numbers", "bytes", "array")
def model_config_of_another_kind(folder, name):
    values = {"list of texts": ["{}"] * 1000, "numbers": 3, "bytes": np.void(b"\xff" * 99), "array": np.zeros((9, 9))}

    def put(file, group):
        file.attrs["model_config"] = values[name]

    return legacy(folder / "a.h5", change=put)


@attack("", "truncated", "zeros", "no HDF5", "text")
def broken_hdf5(folder, name):
    contents = members()
    weights = contents["model.weights.h5"]
    contents["model.weights.h5"] = {
        "truncated": weights[: len(weights) // 2], "zeros": bytes(5000), "no HDF5": b"", "text": b"weights",
    }[name]  # fmt: skip
    return packed(folder / "a.keras", contents)
