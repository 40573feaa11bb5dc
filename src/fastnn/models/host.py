"""HostPart: the layers of a network that read strings.

A plan holds numbers only. So the calls that take or make strings, and those whose results they need, run one by one in
NumPy; the rest of the network begins where only numbers are left, and is compiled.
"""

from fastnn import tree
from fastnn.models.inputs import match_inputs


class HostPart:
    """The part of `network` that runs in NumPy.

    Attributes:
        steps: the calls, in order.
        rest: a network from the numbers that they leave, and from the inputs that are numbers; None when nothing is
            left to do.
    """

    def __init__(self, network):
        self._network = network
        self.steps = _host_steps(network)
        on_host = {id(step) for step in self.steps}
        remaining = [step for step in network.steps if id(step) not in on_host]
        made = {id(y) for step in remaining for y in step.outputs}
        wanted = [x for step in remaining for x in step.call.inputs] + network.outputs
        start = list({id(x): x for x in wanted if id(x) not in made}.values())
        self.rest = type(network)(start, network.outputs_structure) if remaining else None

    def run(self, inputs, model_name: str):
        """What `rest` takes for these inputs of the network: a list of arrays, or the only one. Without a rest, the
        outputs of the network."""
        network = self._network
        given = match_inputs(inputs, network.inputs_structure, network.input_layers, model_name)
        values = {id(x): value for x, value in zip(network.inputs, given, strict=True)}
        for step in self.steps:
            step.run(values)
        if self.rest is None:
            return tree.map_structure(lambda y: values[id(y)], network.outputs_structure)
        found = [values[id(x)] for x in self.rest.inputs]
        return found[0] if len(found) == 1 else found

    def check_trainable(self, model_name: str) -> None:
        """Raises ValueError when a layer here would be trained: gradients stop where the plan begins."""
        for step in self.steps:
            if getattr(step.operation, "trainable_variables", None):
                raise ValueError(
                    f"Layer {step.name!r} of model {model_name!r} has weights to train, but works on strings or before "
                    "a layer that does, outside of what is differentiated. Make its layers part of the model itself."
                )


def _host_steps(network) -> list:
    """Steps with strings among their inputs or outputs, and all those before them."""
    needed: set[int] = set()
    steps = []
    everything = any(y.dtype == "string" for y in network.outputs)
    for step in reversed(network.steps):
        has_strings = any(x.dtype == "string" for x in [*step.call.inputs, *step.outputs])
        if everything or has_strings or any(id(y) in needed for y in step.outputs):
            steps.append(step)
            needed |= {id(x) for x in step.call.inputs}
    return steps[::-1]
