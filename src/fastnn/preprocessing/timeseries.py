"""Windows of a time series as a data set."""

import numpy as np

from fastnn.preprocessing.dataset import Dataset, pass_seeds


def timeseries_dataset_from_array(
    data, targets, sequence_length, sequence_stride=1, sampling_rate=1, batch_size=128, shuffle=False, seed=None,
    start_index=None, end_index=None, format="tf",
):  # fmt: skip
    """Batches of windows of a series, and a target for each.

    Args:
        data: array (time, ...).
        targets: array whose element k belongs to the window that begins at k; or None.
        sequence_length: elements of a window.
        sequence_stride: from the begin of one window to that of the next.
        sampling_rate: from one element of a window to the next.
        batch_size: windows a batch; None for single ones.
        shuffle: whether windows come in random order, another one in each epoch.
        seed: an integer that says which.
        start_index, end_index: the part of the series that is used; all by default.
        format: accepted for Keras; there is one kind of data set here.

    Returns:
        A `Dataset` of arrays (n, sequence_length, ...), or pairs of them and targets (n, ...).

    Raises:
        ValueError: for numbers that do not fit the series.

    Example:
        >>> windows = fastnn.utils.timeseries_dataset_from_array(np.arange(6), np.arange(3, 6), 3, batch_size=2)
        >>> next(iter(windows))
        (array([[0, 1, 2],
               [1, 2, 3]]), array([3, 4]))
    """
    count = len(data)
    _check(count, start_index, end_index, sampling_rate, sequence_stride, format)
    data = np.asarray(data)[start_index or 0 : end_index or count]
    starts = len(data) - (sequence_length - 1) * sampling_rate
    if targets is not None:
        starts = min(starts, len(targets))
        targets = np.asarray(targets)[start_index or 0 : end_index or count]
    starts = np.arange(0, starts, sequence_stride)
    seeds = pass_seeds(seed)
    steps = np.arange(sequence_length) * sampling_rate

    def batches():
        order = np.random.default_rng(next(seeds)).permutation(starts) if shuffle else starts
        for k in range(0, len(order), batch_size or 1):
            begins = order[k] if batch_size is None else order[k : k + batch_size]
            windows = data[begins[..., None] + steps]
            yield windows if targets is None else (windows, targets[begins])

    return Dataset(batches, -(-len(starts) // (batch_size or 1)))


def _check(count: int, start_index, end_index, sampling_rate, sequence_stride, format) -> None:
    if start_index and not 0 <= start_index < count:
        raise ValueError(
            f"`start_index` must be 0 or greater, and lower than the length of the data. Received: "
            f"start_index={start_index}, for data of length {count}"
        )
    if end_index and not (start_index or 0) < end_index < count:
        raise ValueError(
            f"`end_index` must be higher than `start_index` and 0, and lower than the length of the data. Received: "
            f"start_index={start_index} and end_index={end_index}, for data of length {count}"
        )
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < count:
            raise ValueError(
                f"`{name}` must be higher than 0 and lower than the length of the data. Received: {name}={value}, for "
                f"data of length {count}"
            )
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
