"""CallbackList: calls the hooks of several callbacks, and knows who wants to see every batch."""

from fastnn.callbacks.callback import Callback
from fastnn.callbacks.history import History

_BATCH_HOOKS = {
    "train": ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
}


class CallbackList:
    """Several callbacks as one.

    Args:
        callbacks: a list of `Callback`s (lists inside are flattened), or one of them.
        add_history: whether a `History` is added if there is none.
        add_progbar: whether a `ProgbarLogger` is added if there is none.
        model: for `set_model`.
        params: for `set_params`.

    Example:
        >>> CallbackList([History()]).on_train_begin()
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        self.callbacks = _flat(callbacks)
        self.model = self.params = None
        if add_progbar:
            from fastnn.callbacks.progbar_logger import ProgbarLogger  # not for a silent `fit`

            if not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
                self.callbacks.append(ProgbarLogger())
        if add_history:
            history = next((c for c in self.callbacks if isinstance(c, History)), None)
            if history is None:
                history = History()
                self.callbacks.append(history)
            if model is not None:
                model.history = history
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def append(self, callback):
        """Adds a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params):
        """`params` for all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        """The model for all."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def wants_batches(self, mode: str) -> bool:
        """Whether a callback has to be called for every batch; `mode` is "train" or "test"."""
        return any(
            callback.needs_every_batch and any(_is_own(callback, hook) for hook in _BATCH_HOOKS[mode])
            for callback in self.callbacks
        )


def _is_own(callback, hook: str) -> bool:
    """Whether the callback has the hook from somewhere else than the base: from its class, or set on it."""
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)


def _caller(hook: str):
    if "batch" in hook:

        def call(self, batch, logs=None):
            for callback in self.callbacks:
                getattr(callback, hook)(batch, {} if logs is None else logs)
    elif "epoch" in hook:

        def call(self, epoch, logs=None):
            for callback in self.callbacks:
                getattr(callback, hook)(epoch, {} if logs is None else logs)
    else:

        def call(self, logs=None):
            for callback in self.callbacks:
                getattr(callback, hook)({} if logs is None else logs)

    call.__name__ = hook
    call.__doc__ = f"`{hook}` of all callbacks."
    return call


for _hook in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _hook, _caller(_hook))


def _flat(callbacks) -> list[Callback]:
    if callbacks is None:
        return []
    if not isinstance(callbacks, (list, tuple)):
        callbacks = [callbacks]
    flat = []
    for callback in callbacks:
        if isinstance(callback, (list, tuple)):
            flat += _flat(callback)
        elif isinstance(callback, Callback):
            flat.append(callback)
        else:
            raise TypeError(f"`callbacks` should hold Callback instances, but got {callback!r} (of {type(callback)}).")
    return flat
