"""MultiOptimizer: an optimizer for each group of variables, and OptimizerMap, which tells the groups."""

import re
from collections.abc import MutableMapping

from fastnn.optimizers.optimizer import Optimizer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class OptimizerMap(MutableMapping):
    """Optimizers by regular expressions that the whole path of a variable must match.

    Args:
        default_optimizer: for variables that no expression matches.
        optimizer_map: `{expression: optimizer}`.

    Raises:
        TypeError: when they are no optimizer, and no dict.
        ValueError: on setting an expression twice, or to anything but an `Optimizer`; on looking up a path that several
            expressions match.

    Example:
        >>> map = fastnn.optimizers.OptimizerMap(fastnn.optimizers.SGD(), {"encoder/.*": fastnn.optimizers.Adam()})
        >>> type(map["encoder/kernel"]).__name__, type(map["decoder/kernel"]).__name__
        ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer, optimizer_map=None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be a Keras Optimizer instance. Received: {default_optimizer}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self._default_optimizer = default_optimizer
        self._optimizers = dict(optimizer_map or {})

    @property
    def default_optimizer(self):
        """The optimizer of variables that no expression matches."""
        return self._default_optimizer

    def __getitem__(self, key):
        if key in self._optimizers:
            return self._optimizers[key]
        found = [optimizer for pattern, optimizer in self._optimizers.items() if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return found[0] if found else self._default_optimizer

    def __setitem__(self, key, optimizer):
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
        if key in self._optimizers:
            raise ValueError(
                f"{key!r} already exists in the OptimizerMap with value {self._optimizers[key]}. Please make sure to "
                "not use duplicated keys."
            )
        self._optimizers[key] = optimizer

    def __delitem__(self, key):
        del self._optimizers[key]

    def __len__(self):
        return len(self._optimizers)

    def __iter__(self):
        return iter(self._optimizers)

    def __call__(self, variable):
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self):
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizers),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**{name: deserialize_keras_object(value, custom_objects) for name, value in config.items()})


class MultiOptimizer(Optimizer):
    """Several optimizers, each for some of the variables.

    Args:
        optimizer_map: an `OptimizerMap`, or a callable from a variable to its `Optimizer`.
        loss_scale_factor: multiplies the loss, and divides the gradients.
        name: "multi_optimizer" by default.

    Raises:
        ValueError: when a variable is given anything but an optimizer.
        AttributeError: on reading or setting `learning_rate`: each of `optimizers` has its own.

    Example:
        >>> encoder, decoder = fastnn.Variable([1.0], name="encoder"), fastnn.Variable([1.0], name="decoder")
        >>> SGD = fastnn.optimizers.SGD
        >>> map = fastnn.optimizers.OptimizerMap(SGD(0.5), {"encoder": SGD(0.25)})
        >>> optimizer = fastnn.optimizers.MultiOptimizer(map)
        >>> optimizer.apply([np.float32([1.0])] * 2, [encoder, decoder]); float(encoder[0]), float(decoder[0])
        (0.75, 0.5)
    """

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        self._optimizers = []
        super().__init__(learning_rate=0.0, loss_scale_factor=None, name=name)
        self.optimizer_map = optimizer_map
        if isinstance(optimizer_map, MutableMapping):
            members = [*dict(optimizer_map).values(), getattr(optimizer_map, "default_optimizer", None)]
            self._optimizers = [optimizer for optimizer in members if optimizer is not None]
        self.loss_scale_factor = loss_scale_factor

    @property
    def optimizers(self) -> list:
        """Those of the map, the default last; of a callable, those it gave in `build`."""
        return list(self._optimizers)

    @property
    def variables(self):
        return [*self._variables, *(v for optimizer in self._optimizers for v in optimizer.variables)]

    @property
    def version(self):
        return sum(optimizer.version for optimizer in self._optimizers)

    @version.setter
    def version(self, value):
        """Nothing in this optimizer itself changes what a step computes."""

    @property
    def learning_rate(self):
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the individual "
            "sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the individual sub-optimizers "
            "instead."
        )

    @property
    def loss_scale_factor(self):
        """Of all optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value):
        self._loss_scale_factor = value
        for optimizer in self._optimizers:
            optimizer.loss_scale_factor = value

    def build(self, var_list):
        if self.built:
            return
        self._trainable_variables = list(var_list)
        self._optimizer_of, members = {}, {}
        for variable in self._trainable_variables:
            optimizer = self.optimizer_map(variable)
            if not isinstance(optimizer, Optimizer):
                raise ValueError(f"Optimizer for variable {variable} is not an Optimizer instance.")
            if not any(optimizer is other for other in self._optimizers):
                self._optimizers.append(optimizer)
                optimizer.loss_scale_factor = self.loss_scale_factor
            self._optimizer_of[id(variable)] = optimizer
            members.setdefault(id(optimizer), []).append(variable)
        for optimizer in self._optimizers:
            optimizer.build(members.get(id(optimizer), []))
        self._index_of = {id(variable): k for k, variable in enumerate(self._trainable_variables)}
        self.built = True

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        variables = self._variables_for(grads, trainable_variables)
        for optimizer in self._optimizers:
            pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if self._optimizer_of[id(v)] is optimizer]
            if pairs:
                optimizer.apply([g for g, _ in pairs], [v for _, v in pairs])
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list):
        for optimizer in self._optimizers:
            optimizer.finalize_variable_values([v for v in var_list if self._optimizer_of.get(id(v)) is optimizer])

    def get_config(self):
        return {
            "optimizer_map": serialize_keras_object(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        found = deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**{**config, "optimizer_map": found})

    def __getstate__(self):
        places = [self._optimizers.index(self._optimizer_of[id(v)]) for v in self._trainable_variables]
        return {**super().__getstate__(), "_optimizer_of": places}

    def __setstate__(self, state):
        super().__setstate__(state)
        places = state["_optimizer_of"]
        pairs = zip(self._trainable_variables, places, strict=True)
        self._optimizer_of = {id(v): self._optimizers[k] for v, k in pairs}
