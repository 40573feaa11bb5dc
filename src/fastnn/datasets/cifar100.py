"""CIFAR-100: 60,000 colour pictures of 32x32 in a hundred classes and twenty groups (A. Krizhevsky, 2009)."""

from fastnn.datasets.cifar import find_batches, read_batch

__all__ = ["load_data"]


def load_data(label_mode: str = "fine"):
    """CIFAR-100 from `KERAS_HOME/datasets`, downloaded and unpacked there if missing.

    Args:
        label_mode: "fine" for the hundred classes, "coarse" for the twenty groups.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), channels
        first where `image_data_format()` says so, labels uint8 (50000, 1) and (10000, 1).

    Raises:
        ValueError: for another `label_mode`.
        OSError: if the archive is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.cifar100.load_data()  # doctest: +SKIP
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    paths = find_batches(
        "cifar-100-python",
        ["train", "test"],
        "cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    )
    train, test = (read_batch(path, f"{label_mode}_labels") for path in paths)
    return train, test
