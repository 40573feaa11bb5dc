"""Keras's `distribution`: meshes of devices and layouts of arrays over them. Here there is one device, "cpu:0".

Meshes and layouts are data, and may describe machines that are not here. A distribution is what a model would be
trained under: over one device it changes nothing, over more it is refused.
"""

import contextlib
import math
import re
import warnings
from collections.abc import MutableMapping

import numpy as np

__all__ = [
    "DataParallel", "DeviceMesh", "LayoutMap", "ModelParallel", "TensorLayout", "distribute_tensor", "distribution",
    "get_device_count", "initialize", "list_devices", "set_distribution",
]  # fmt: skip

_current = None


def list_devices(device_type=None) -> list[str]:
    """The devices of a type: the CPU.

    Args:
        device_type: "cpu", "gpu" or "tpu"; "cpu" by default.

    Example:
        >>> list_devices(), list_devices("gpu")
        (['cpu:0'], [])
    """
    return ["cpu:0"] if device_type is None or device_type.lower() == "cpu" else []


def get_device_count(device_type=None) -> int:
    """How many devices of a type there are.

    Args:
        device_type: "cpu", "gpu" or "tpu"; "cpu" by default.

    Example:
        >>> get_device_count()
        1
    """
    return len(list_devices(device_type))


def initialize(job_addresses=None, num_processes=None, process_id=None) -> None:
    """Would join the processes of several machines; here there is one process, and nothing to do.

    Args:
        job_addresses: not used.
        num_processes: None or 1.
        process_id: not used.

    Raises:
        ValueError: for more processes.
    """
    if num_processes not in (None, 1):
        raise ValueError(f"fastnn trains in one process on the CPU. Received: num_processes={num_processes}")


def distribution():
    """The distribution that `set_distribution` or a scope has set; None without one.

    Example:
        >>> print(distribution())
        None
    """
    return _current


def set_distribution(value) -> None:
    """Makes a distribution the current one.

    Args:
        value: a `DataParallel` or `ModelParallel`, or None.
    """
    global _current
    _current = value


def distribute_tensor(tensor, layout):
    """`tensor`, which lies on the one device in any layout.

    Args:
        tensor: an array.
        layout: a `TensorLayout` with a mesh, or None.

    Raises:
        ValueError: for a layout without a mesh or with more axes than the array, or what is none.

    Example:
        >>> layout = TensorLayout(("batch", None), DeviceMesh((1,), ["batch"]))
        >>> distribute_tensor(np.ones((2, 1)), layout).shape
        (2, 1)
    """
    if layout is None:
        return tensor
    if not isinstance(layout, TensorLayout):
        raise ValueError(f"distribute_tensor: `layout` must be a TensorLayout. Received: layout={layout}")
    if layout.device_mesh is None:
        raise ValueError("distribute_tensor: the TensorLayout has no device mesh.")
    if len(layout.axes) > len(tensor.shape):
        raise ValueError(f"distribute_tensor: layout={layout} has more axes than the array, of shape {tensor.shape}.")
    return tensor


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: of the grid, such as (4, 2).
        axis_names: one name an axis.
        devices: their names, as many as the grid holds; those of `list_devices()` by default.

    Raises:
        ValueError: when shape, names and devices do not go together, or are empty.

    Example:
        >>> DeviceMesh((2, 1), ["batch", "model"], ["gpu:0", "gpu:1"]).devices.tolist()
        [['gpu:0'], ['gpu:1']]
    """

    def __init__(self, shape, axis_names, devices=None):
        if not shape or not axis_names:
            raise ValueError(f"Shape and axis_names cannot be empty. Received: shape={shape}, axis_names={axis_names}")
        if len(shape) != len(axis_names):
            raise ValueError(
                f"Shape and axis_names should have same size. Received: shape={shape}, axis_names={axis_names}"
            )
        devices = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != devices.size:
            raise ValueError(
                f"Shape does not match the number of devices. Received: shape={shape}; devices.shape={devices.shape}"
            )
        self._shape, self._axis_names, self._devices = shape, axis_names, devices.reshape(shape)

    @property
    def shape(self):
        """The sizes of the grid."""
        return self._shape

    @property
    def axis_names(self):
        """The names of its axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The names of the devices, in the grid's shape."""
        return self._devices

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of an array are split.

    Args:
        axes: for each axis of the array a name of the mesh, or None where it is whole.
        device_mesh: a `DeviceMesh`; can be set later, once.

    Raises:
        ValueError: for names that the mesh does not have.

    Example:
        >>> TensorLayout(("batch", None), DeviceMesh((1,), ["batch"]))
        <TensorLayout axes=('batch', None), device_mesh=<DeviceMesh shape=(1,), axis_names=['batch']>>
    """

    def __init__(self, axes, device_mesh=None):
        self._axes, self._device_mesh = tuple(axes), device_mesh
        self._check_axes()

    @property
    def axes(self) -> tuple:
        """A name or None for each axis."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, mesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(f"Cannot override device mesh value. Existing value is {self._device_mesh}")
        self._device_mesh = mesh
        self._check_axes()

    def _check_axes(self) -> None:
        names = {name for name in self.axes if name is not None}
        if self._device_mesh is not None and not names <= set(self._device_mesh.axis_names):
            raise ValueError(
                f"Invalid axis names for Layout. Valid axis names: {set(self._device_mesh.axis_names)}, Got {names}"
            )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping):
    """A dict of layouts whose keys are regular expressions for paths of variables.

    A value may be the axes alone, as a tuple. Reading a path gives the layout of that key or else of the one key that
    matches all of it, or None.

    Args:
        device_mesh: the `DeviceMesh` of layouts that come without one.

    Raises:
        ValueError: for a key that is there already, for what is no layout, and for a path that several keys match.

    Example:
        >>> layouts = LayoutMap(DeviceMesh((1, 1), ["batch", "model"]))
        >>> layouts[".*dense.*kernel"] = (None, "model")
        >>> layouts["my_model/dense_1/kernel"].axes, layouts["my_model/dense_1/bias"]
        ((None, 'model'), None)
    """

    def __init__(self, device_mesh):
        self._device_mesh, self._layouts = device_mesh, {}

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    def __getitem__(self, key):
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple layout specification keys: {matching}. Please make sure each "
                "tensor/variable path only matches at most one layout specification key in the LayoutMap."
            )
        return self._layouts[matching[0]] if matching else None

    def __setitem__(self, key, layout):
        if key in self._layouts:
            raise ValueError(
                f"{key} already exist in the LayoutMap with value {self._layouts[key]}. Please make sure to not use "
                "duplicated keys."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"{layout} should be a TensorLayout type, got {type(layout)}")
        if layout.device_mesh is None and self.device_mesh is not None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key):
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self):
        return iter(self._layouts)


class _Distribution:
    """Base of distributions: a mesh, the axis along which batches are split, and a scope."""

    def __init__(self, device_mesh, batch_dim_name, auto_shard_dataset):
        if device_mesh.devices.ravel().tolist() != list_devices():
            raise ValueError(
                f"{type(self).__name__}: fastnn trains in one process on the CPU, so a distribution can be over "
                f"{list_devices()} alone. Received: devices={device_mesh.devices.ravel().tolist()}"
            )
        self._device_mesh, self._batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset  # whether processes would share the data

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh, of one device."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str:
        """The axis of the mesh along which batches are split."""
        return self._batch_dim_name

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model there are: one."""
        return 1

    @contextlib.contextmanager
    def scope(self):
        """Inside, this is the current distribution."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def get_data_layout(self, data_shape) -> TensorLayout:
        """The layout of a batch of the given shape: its first axis is split."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable) -> TensorLayout:
        """The layout of a variable: whole, unless the distribution says otherwise."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path) -> TensorLayout | None:
        """The layout of an intermediate result; None where there is none."""
        return None

    def distribute_dataset(self, dataset):
        """The part of a data set that belongs to this process: all of it."""
        return dataset

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(_Distribution):
    """Batches are split over the devices, of which there is one here; training goes on as without.

    Args:
        device_mesh: a `DeviceMesh` of one device.
        devices: its name instead, in a list. By default that of `list_devices()`.
        auto_shard_dataset: kept for Keras's signature.

    Raises:
        ValueError: for more devices, for another than "cpu:0", and for what is no mesh.

    Example:
        >>> DataParallel(devices=["cpu:0"])
        <DataParallel device_mesh=<DeviceMesh shape=(1,), axis_names=['batch']>>
    """

    def __init__(self, device_mesh=None, devices=None, auto_shard_dataset=True):
        if devices is not None or device_mesh is None:
            devices = np.array(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh(devices.shape, ["batch"], devices)
        if not isinstance(device_mesh, DeviceMesh):
            raise ValueError(
                f"Expect `mesh` to be an instance of `DeviceMesh`. Received: mesh={device_mesh} (of type "
                f"{type(device_mesh)})"
            )
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)
        if len(device_mesh.shape) != 1:
            warnings.warn(f"DataParallel splits along the first axis of its mesh alone: {device_mesh}", stacklevel=2)


class ModelParallel(_Distribution):
    """Weights are split over the devices, of which there is one here; training goes on as without.

    Args:
        layout_map: a `LayoutMap` over a mesh of one device.
        batch_dim_name: the axis of the mesh along which batches are split; the first by default.
        auto_shard_dataset: kept for Keras's signature.
        kwargs: not used, as in Keras.

    Raises:
        ValueError: for more devices, for another than "cpu:0", and for what is no layout map.

    Example:
        >>> layouts = LayoutMap(DeviceMesh((1, 1), ["batch", "model"]))
        >>> ModelParallel(layout_map=layouts, batch_dim_name="batch").batch_dim_name
        'batch'
    """

    def __init__(self, *, layout_map=None, batch_dim_name=None, auto_shard_dataset=True, **kwargs):
        if layout_map is None:
            raise ValueError("You must specify a layout_map argument.")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"Argument `layout_map` must be a `LayoutMap` instance. Received: layout_map={layout_map}")
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable) -> TensorLayout:
        """That of the map for the variable's path; whole where it has none."""
        return self._layout_map[variable.path] or super().get_variable_layout(variable)

    def get_tensor_layout(self, path) -> TensorLayout | None:
        """That of the map for the path; None where it has none."""
        return self._layout_map[path]
