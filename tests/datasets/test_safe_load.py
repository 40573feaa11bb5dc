"""Pickles that ask for anything but arrays are refused; the arrays themselves come back as NumPy reads them."""

import os
import pickle

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
