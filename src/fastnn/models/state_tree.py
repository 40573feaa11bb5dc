"""The variables of a model as a tree of dicts, by the parts of their paths."""

import numpy as np

from fastnn.graph.variable import Variable

FORMATS = ("backend_tensor", "numpy_array")


def groups(model) -> dict[str, list[Variable]]:
    """The variables that a state tree holds."""
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if model.optimizer is None else model.optimizer.variables,
        "metrics_variables": model.metrics_variables,
    }


def get_state_tree(model, value_format: str) -> dict:
    """Copies of the values; see `Model.get_state_tree`."""
    if value_format not in FORMATS:
        raise ValueError(
            f"Invalid `value_format` argument. Expected one of {FORMATS}. Received: value_format={value_format}"
        )
    tree = {}
    for group, variables in groups(model).items():
        tree[group] = {}
        for variable in variables:
            *parts, last = variable.path.split("/")
            node = tree[group]
            for part in parts:
                node = node.setdefault(part, {})
            node[last] = np.array(variable)
    return tree


def set_state_tree(model, state_tree: dict) -> None:
    """Assigns the values; see `Model.set_state_tree`."""
    known = groups(model)
    for group in state_tree:
        if group not in known:
            raise ValueError(f"Unknown variable name: {group}. A state tree has {list(known)}.")
    found = []
    for group, tree in state_tree.items():
        values = dict(_leaves(tree, ""))
        found += [(variable, values[variable.path]) for variable in known[group] if variable.path in values]
    for variable, value in found:
        if np.shape(value) != variable.shape:
            raise ValueError(
                f"The value of variable {variable.path!r} must have shape {variable.shape}; it has {np.shape(value)}."
            )
    for variable, value in found:
        variable.assign(value)


def _leaves(tree: dict, prefix: str):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value
