"""Bad arguments of `distribution`."""

import numpy as np

from tests.tables import BadCase


def mesh(k, shape=(1, 1)):
    return k.distribution.DeviceMesh(shape, ["data", "model"], [f"cpu:{n}" for n in range(int(np.prod(shape)))])


def layouts(k, **layouts):
    made = k.distribution.LayoutMap(mesh(k))
    for key, value in layouts.items():
        made[key] = value
    return made


def same_key_twice(k):
    made = layouts(k, kernel=(None,))
    made["kernel"] = (None,)


def second_mesh(k):
    k.distribution.TensorLayout(("data",), mesh(k)).device_mesh = mesh(k)


def late_mesh(k):
    k.distribution.TensorLayout(("rows",)).device_mesh = mesh(k)


def distribute(k, axes, device_mesh):
    k.distribution.distribute_tensor(np.ones(2), k.distribution.TensorLayout(axes, device_mesh))


BAD = [
    BadCase("mesh_names", lambda k: k.distribution.DeviceMesh((4, 2), ["a"], list("abcdefgh")), "axis_names"),
    BadCase("mesh_devices", lambda k: k.distribution.DeviceMesh((4, 2), ["a", "b"], ["cpu:0"]), "devices"),
    BadCase("mesh_empty", lambda k: k.distribution.DeviceMesh((), ["a"]), "shape"),
    BadCase("layout_axes", lambda k: k.distribution.TensorLayout(("rows",), mesh(k)), "rows"),
    BadCase("layout_late_mesh", late_mesh, "rows"),
    BadCase("layout_second_mesh", second_mesh, "override"),
    BadCase("map_key_twice", same_key_twice, "kernel"),
    BadCase("map_text", lambda k: layouts(k, kernel="data"), "TensorLayout"),
    BadCase("map_list", lambda k: layouts(k, kernel=["data"]), "TensorLayout"),
    BadCase("map_axis", lambda k: layouts(k, kernel=("rows",)), "rows"),
    BadCase("map_two_keys", lambda k: layouts(k, ab=(None,), a=(None,), **{"a.*": (None,), ".*b": ()})["axb"], "axb"),
    BadCase("data_parallel_mesh", lambda k: k.distribution.DataParallel("mesh"), "mesh"),
    BadCase("model_parallel_nothing", lambda k: k.distribution.ModelParallel(), "layout_map"),
    BadCase("model_parallel_map", lambda k: k.distribution.ModelParallel(layout_map={}), "layout_map"),
    BadCase("model_parallel_mesh", lambda k: k.distribution.ModelParallel(mesh(k)), "positional"),
    BadCase("data_parallel_2", lambda k: k.distribution.DataParallel(devices=["cpu:0", "cpu:1"]), "CPU", ValueError),
    BadCase("data_parallel_gpu", lambda k: k.distribution.DataParallel(devices=["gpu:0"]), "gpu:0", ValueError),
    BadCase(
        "model_parallel_2",
        lambda k: k.distribution.ModelParallel(layout_map=k.distribution.LayoutMap(mesh(k, (2, 1)))),
        "CPU",
        ValueError,
    ),
    BadCase("initialize_2", lambda k: k.distribution.initialize(num_processes=2), "num_processes", ValueError),
    BadCase("distribute_rank", lambda k: distribute(k, (None, "data"), mesh(k)), "axes", ValueError),
    BadCase("distribute_mesh", lambda k: distribute(k, (None,), None), "mesh", ValueError),
    BadCase("distribute_axes", lambda k: k.distribution.distribute_tensor(np.ones(2), ("a",)), "layout", ValueError),
]
