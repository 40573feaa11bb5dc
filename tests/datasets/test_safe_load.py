"""Pickles that ask for anything but arrays are refused; the arrays themselves come back as NumPy reads them."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from fastnn.datasets.safe_load import load_npz, load_pickle


class Evil:
    def __reduce__(self):
        return os.mkdir, ("/tmp/fastnn-evil-was-here",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_evil_pickle_is_refused(protocol, tmp_path):
    (tmp_path / "a").write_bytes(pickle.dumps({"data": Evil()}, protocol))
    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        load_pickle(tmp_path / "a")
    assert not os.path.exists("/tmp/fastnn-evil-was-here")


def test_evil_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([Evil()], object))
    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        load_npz(tmp_path / "a.npz")
    assert not os.path.exists("/tmp/fastnn-evil-was-here")


def test_builtin_functions_are_refused_too(tmp_path):
    (tmp_path / "a").write_bytes(b"cbuiltins\neval\n(S'1'\ntR.")
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.eval"):
        load_pickle(tmp_path / "a")


class Giant:
    def __reduce__(self):
        return np.ndarray, ((10**12,),)


def test_giant_arrays_in_a_pickle(tmp_path):
    (tmp_path / "a").write_bytes(pickle.dumps({"data": Giant()}))
    with pytest.raises(ValueError, match="more memory than its size allows"):
        load_pickle(tmp_path / "a")


@pytest.mark.parametrize("described", [("<f4", (10**12,)), ("<U100000000", (1,)), ("<f4", (10**5, 10**5))])
def test_shapes_that_are_only_declared(described, tmp_path):
    stream = io.BytesIO()
    dtype, shape = described
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as pack:
        pack.writestr("x.npy", stream.getvalue() + bytes(64))
    with pytest.raises(ValueError, match="is said to be in"):
        load_npz(tmp_path / "a.npz")


def test_bomb(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("x.npy", bytes(100_000_000))
    with pytest.raises(ValueError, match="claims 100000000 bytes"):
        load_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array([[1, 2], [3]], object),
        np.asfortranarray(np.array([["a", 1], [2.5, None]], object)),
        np.array("text"),
        np.zeros((0, 3), "float32"),
    ],
)
def test_npz_round_trip(array, tmp_path):
    np.savez(tmp_path / "a.npz", x=array)
    actual = load_npz(tmp_path / "a.npz")["x"]
    assert actual.dtype == array.dtype and actual.shape == array.shape and actual.tolist() == array.tolist()


def test_pickles_of_numpy_1_are_read(tmp_path):
    content = pickle.dumps({b"data": np.arange(3)}, protocol=2).replace(b"numpy._core.", b"numpy.core.")
    (tmp_path / "a").write_bytes(content)
    assert load_pickle(tmp_path / "a")[b"data"].tolist() == [0, 1, 2]
