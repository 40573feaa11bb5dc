"""Where a `fit` stands, as plain data, and a `fit` that goes on from there: for `callbacks.BackupAndRestore`.

Owns what the weights and the optimizer do not say: which batches are done, the order of the others, and the states of
random generators. The sources of `training.data` say the first two (`position`, `resume`).
"""

from __future__ import annotations

import numpy as np

from fastnn import tree


class Resumable:
    """The part of a model that stops and goes on."""

    def _training_position(self) -> dict:
        """Lists and numbers that `_resume_training` takes, during `fit`."""
        return {
            "source": self._compilation.source.position(),
            "random": [variable.numpy().tolist() for variable in self._random_states()],
        }

    def _resume_training(self, epoch: int, batch: int, position: dict) -> None:
        """Lets the `fit` that is about to begin go on after `batch` batches of `epoch`; its weights are there already.

        Raises:
            ValueError: when the model has other random states.
        """
        states = self._random_states()
        if len(states) != len(position["random"]):
            raise ValueError(
                f"The backup has {len(position['random'])} random generators, the model {len(states)}: it is that of "
                "another model."
            )
        for variable, value in zip(states, position["random"], strict=True):
            variable.assign(np.asarray(value, variable.dtype))
        self._compilation.source.resume(position["source"])
        self._compilation.start = (epoch, batch)

    def _random_states(self) -> list:
        weights = {id(variable) for variable in self.weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    def _build_for_training(self) -> None:
        """Builds the model by the shapes of the data that `fit` was given, and the optimizer for it."""
        if not self.built:
            x = self._compilation.source.example()
            self(tree.map_structure(lambda a: None if a is None else np.asarray(a[:1]), x), training=False)
        if self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
