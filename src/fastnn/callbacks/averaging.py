"""SwapEMAWeights: evaluation with the moving averages of the weights."""

import numpy as np

from fastnn.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Puts the optimizer's moving averages in the place of the weights for evaluation, and takes them out again.

    Args:
        swap_on_epoch: whether the averages are in place between the epochs too, for callbacks that come after this one,
            such as `ModelCheckpoint`.

    Raises:
        ValueError: in training, for an optimizer without `use_ema=True`.

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(1)])
        >>> model.compile(fastnn.optimizers.SGD(use_ema=True), "mse")
        >>> data = np.ones((8, 4)), np.ones(8)
        >>> history = model.fit(*data, validation_data=data, verbose=0, callbacks=[fastnn.callbacks.SwapEMAWeights()])
    """

    needs_every_batch = False

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._weights = None  # those whose place the averages have

    def _averages(self):
        """Pairs of a variable and its average."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        members = getattr(optimizer, "optimizers", [optimizer])
        if not any(getattr(member, "use_ema", False) for member in members):
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. Received: use_ema=False"
            )
        return [pair for member in members if member.use_ema and member.built for pair in member.averages()]

    def _take_out(self) -> None:
        for variable, value in self._weights or ():
            variable.assign(value)
        self._weights = None

    def _put_in(self) -> None:
        if self._weights is None:
            pairs = self._averages()
            self._weights = [(variable, np.array(variable)) for variable, _ in pairs]
            for variable, average in pairs:
                variable.assign(np.array(average))

    def on_epoch_begin(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._take_out()

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs=None):
        self._weights = None  # `fit` ends with the averages as weights

    def on_test_begin(self, logs=None):
        self._put_in()

    def on_test_end(self, logs=None):
        self._take_out()

    def on_predict_begin(self, logs=None):
        self._put_in()

    def on_predict_end(self, logs=None):
        self._take_out()
