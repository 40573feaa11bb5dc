"""Meshes, layouts and distributions of one device, against Keras's."""

import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import fastnn

EIGHT = [f"cpu:{k}" for k in range(8)]
PATHS = ["dense_1/kernel", "model/dense/kernel/x", "conv/kernel", "a/conv/kernel", "dense/bias", "nothing", "conv.*"]


def mesh(k, shape=(1, 1), names=("data", "model")):
    return k.distribution.DeviceMesh(shape, list(names), EIGHT[: int(np.prod(shape))])


def layouts(k, shape=(4, 2)):
    made = k.distribution.LayoutMap(mesh(k, shape))
    made[".*dense.*kernel"] = (None, "model")
    made[".*bias"] = k.distribution.TensorLayout(("model",))
    made["conv.*"] = ("data", None)
    return made


def shown(value):
    """A mesh, a layout or other results as plain data that both packages can give."""
    if hasattr(value, "axis_names"):
        return list(value.shape), value.axis_names, value.devices.tolist()
    if hasattr(value, "axes"):
        return value.axes, value.device_mesh and shown(value.device_mesh)
    return [shown(item) for item in value] if isinstance(value, (list, tuple)) else value


def parallel(k, kind, **options):
    if kind == "data":
        return k.distribution.DataParallel(mesh(k, (1,), ("batch",)), **options)
    return k.distribution.ModelParallel(layout_map=layouts(k, (1, 1)), **options)


RESULTS = {
    "mesh": lambda k: [mesh(k, (4, 2)), str(mesh(k, (4, 2)))],
    "mesh of lists": lambda k: k.distribution.DeviceMesh([2, 2], ("a", "b"), EIGHT[:4]),
    "layout": lambda k: [k.distribution.TensorLayout(["data", None], mesh(k)), k.distribution.TensorLayout(("x",))],
    "layout's text": lambda k: str(k.distribution.TensorLayout((None,))),
    "map": lambda k: [layouts(k)[path] for path in PATHS],
    "map as a dict": lambda k: [list(layouts(k)), len(layouts(k)), layouts(k).get("nothing"), layouts(k).pop("conv.*")],
    "map without a mesh": lambda k: k.distribution.LayoutMap(None).device_mesh,
    "by names of devices": lambda k: k.distribution.DataParallel(devices=["cpu:0"]).device_mesh,
    "current": lambda k: k.distribution.distribution(),
    **{
        f"{kind} parallel": lambda k, kind=kind: [
            parallel(k, kind).device_mesh,
            parallel(k, kind).batch_dim_name,
            parallel(k, kind).num_model_replicas,
            parallel(k, kind, auto_shard_dataset=False).auto_shard_dataset,
            parallel(k, kind).get_data_layout((8, 3, 2)),
            parallel(k, kind).get_tensor_layout("dense/kernel"),
            parallel(k, kind).get_tensor_layout("nothing"),
            str(parallel(k, kind)),
            *[
                parallel(k, kind).get_variable_layout(SimpleNamespace(path=path, shape=(2, 3), _layout=None))
                for path in ("dense/kernel", "nothing")
            ],
        ]
        for kind in ("data", "model")
    },
    "model parallel along another axis": lambda k: parallel(k, "model", batch_dim_name="model").get_data_layout((2, 3)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_result(name):
    assert shown(RESULTS[name](fastnn)) == shown(RESULTS[name](keras))


def test_devices():
    assert fastnn.distribution.list_devices() == fastnn.distribution.list_devices("CPU") == ["cpu:0"]
    assert fastnn.distribution.list_devices("gpu") == [] and fastnn.distribution.get_device_count("tpu") == 0
    assert fastnn.distribution.get_device_count() == 1
    assert shown(fastnn.distribution.DataParallel().device_mesh) == ([1], ["batch"], ["cpu:0"])
    fastnn.distribution.initialize("localhost:1234", 1, 0)


def test_scopes_keep_the_current_distribution():
    outer, inner = parallel(fastnn, "data"), parallel(fastnn, "model")
    fastnn.distribution.set_distribution(outer)
    try:
        with pytest.raises(KeyError), inner.scope():
            assert fastnn.distribution.distribution() is inner
            raise KeyError
        assert fastnn.distribution.distribution() is outer
    finally:
        fastnn.distribution.set_distribution(None)
    assert fastnn.distribution.distribution() is None


@pytest.mark.parametrize("kind", ["data", "model"])
def test_training_is_what_it_is_without(kind):
    def train():
        fastnn.utils.set_random_seed(1)
        model = fastnn.Sequential([fastnn.Input((3,)), fastnn.layers.Dense(2)])
        model.compile("adam", "mse")
        return model.fit(np.ones((8, 3)), np.ones((8, 2)), epochs=2, verbose=0).history

    expected = train()
    with parallel(fastnn, kind).scope():
        assert train() == expected


def test_distribute_tensor():
    x = np.ones((2, 3))
    assert fastnn.distribution.distribute_tensor(x, None) is x
    layout = fastnn.distribution.TensorLayout(("data",), mesh(fastnn))
    assert fastnn.distribution.distribute_tensor(x, layout) is x


def test_a_mesh_of_two_axes_under_data_parallel():
    with pytest.warns(UserWarning, match="first axis"):
        assert fastnn.distribution.DataParallel(mesh(fastnn)).batch_dim_name == "data"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel(fastnn, "data")
