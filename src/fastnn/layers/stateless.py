"""stateless_call: a layer as a function of its variables."""

from __future__ import annotations

from fastnn.graph.stateless import StatelessScope, pairs


class Stateless:
    """The part of a layer that is called with the values of its variables."""

    def stateless_call(self, trainable_variables, non_trainable_variables, *args, return_losses=False, **kwargs):
        """Calls the layer as if its variables had the given values; none of them changes.

        Inside `fastnn.jit` it compiles like any call; outside it runs op by op.

        Args:
            trainable_variables, non_trainable_variables: values, in the order of the attributes of these names.
            args, kwargs: of the call.
            return_losses: whether the losses of the call are returned too.

        Returns:
            `(outputs, non_trainable_variables)`, the second as they are after the call; with `return_losses`,
            `(outputs, non_trainable_variables, losses)`.

        Raises:
            ValueError: when the layer is not built, or a list has another length.

        Example:
            >>> layer = fastnn.layers.Dense(2, kernel_initializer="ones"); layer.build((None, 3))
            >>> zeros = [np.zeros(v.shape, v.dtype) for v in layer.trainable_variables]
            >>> layer.stateless_call(zeros, [], np.ones((1, 3), "float32"))
            (array([[0., 0.]], dtype=float32), [])
        """
        self._check_super_called()
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables must have been "
                "already created). You can build it by calling it on some data."
            )
        mapping = [
            *pairs(self, "trainable_variables", self.trainable_variables, trainable_variables),
            *pairs(self, "non_trainable_variables", self.non_trainable_variables, non_trainable_variables),
        ]
        kept = [(layer, layer._state.losses) for layer in self._flatten_layers()]
        with StatelessScope(mapping) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
            after = [scope.get_current_value(v) for v in self.non_trainable_variables]
        for layer, made in kept:
            layer._state.losses = made
        return (outputs, after, losses) if return_losses else (outputs, after)
