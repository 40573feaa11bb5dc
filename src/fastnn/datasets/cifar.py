"""The file format that CIFAR-10 and CIFAR-100 share: pickled batches of flat (3, 32, 32) pictures."""

import os

import numpy as np

from fastnn import config
from fastnn.datasets.safe_load import load_pickle
from fastnn.utils.files import get_file


def find_batches(folder: str, names: list[str], archive: str, file_hash: str) -> list[str]:
    """Paths of the batch files `names`: where Keras unpacks them, where older versions did, or freshly downloaded.

    Args:
        folder: name of the folder inside the archive.
        names: names of the batch files in it.
        archive: name of the archive on the authors' site.
        file_hash: its sha256.
    """
    datasets = os.path.join(config.keras_home(), "datasets")
    unpacked = f"{folder}-target"
    for place in (os.path.join(datasets, unpacked, folder), os.path.join(datasets, folder)):
        paths = [os.path.join(place, name) for name in names]
        if all(map(os.path.exists, paths)):
            return paths
    root = get_file(unpacked, origin=f"https://www.cs.toronto.edu/~kriz/{archive}", extract=True, file_hash=file_hash)
    return [os.path.join(root, folder, name) for name in names]


def read_batch(path: str, label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """`(pictures, labels)` of one batch file: uint8 (n, 32, 32, 3), or (n, 3, 32, 32) where
    `image_data_format()` is "channels_first", and uint8 (n, 1)."""
    batch = load_pickle(path)
    pictures = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
    if config.image_data_format() == "channels_last":
        pictures = np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))
    return pictures, np.asarray(batch[label_key.encode()], np.uint8).reshape(-1, 1)
