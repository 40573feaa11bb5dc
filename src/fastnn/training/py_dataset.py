"""PyDataset: data that comes as a numbered set of batches."""

import warnings


class PyDataset:
    """Base of data sets whose batches can be asked for by number.

    Args:
        workers: with more than one, so many threads make the batches to come.
        use_multiprocessing: accepted for Keras; no processes are started.
        max_queue_size: how many batches are made before they are asked for.

    Subclasses write `__getitem__(index)`, which returns a batch `(x, y)` or `(x, y, sample_weight)`, and `__len__`.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 10
        ...     def __getitem__(self, index):
        ...         x = np.arange(index * 8, index * 8 + 8, dtype="float32")[:, None] / 80
        ...         return x, x**2
        >>> Squares()[0][0].shape
        (8, 1)
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        if use_multiprocessing:
            warnings.warn("use_multiprocessing is ignored: batches are made in threads.", stacklevel=2)
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index):
        """Batch number `index`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `__getitem__(index)`.")

    def __len__(self):
        """How many batches there are: `num_batches`, unless the subclass says it here."""
        return self.num_batches

    @property
    def num_batches(self):
        """How many batches there are; written by the subclass, unless it has `__len__`."""
        raise NotImplementedError(f"{type(self).__name__} implements neither `__len__()` nor `num_batches`.")

    def on_epoch_begin(self):
        """Called before each epoch."""

    def on_epoch_end(self):
        """Called after each epoch."""
