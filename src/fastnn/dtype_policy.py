"""DTypePolicy: in which dtype a layer computes, and in which it keeps its weights."""

from fastnn import config
from fastnn.graph.dtypes import standardize_dtype


class DTypePolicy:
    """The dtypes of a layer.

    Args:
        name: a dtype, used for computing and for weights. There is no half precision yet, mixed or not.

    Raises:
        ValueError: for any other name.

    Example:
        >>> fastnn.DTypePolicy("float64").compute_dtype
        'float64'
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = config.floatx()
        if not isinstance(name, str):
            raise TypeError(f"'name' must be a string, such as 'float32'. Received: name={name} (of type {type(name)})")
        if "float16" in name:
            raise ValueError(f"Cannot use dtype policy {name!r}: fastnn has no half precision yet. Use 'float32'.")
        try:
            self.compute_dtype = self.variable_dtype = standardize_dtype(name)
        except ValueError:
            raise ValueError(f"Cannot convert {name!r} to a dtype policy. Use a dtype such as 'float32'.") from None
        self.name = name

    def get_config(self) -> dict:
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicy":
        return cls(**config)

    def __eq__(self, other) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def get(identifier) -> DTypePolicy:
    """The policy that `identifier` (None, a policy, a dtype or its name, a serialized policy) stands for."""
    if identifier is None or isinstance(identifier, DTypePolicy):
        return identifier or DTypePolicy()
    if isinstance(identifier, dict):
        if identifier.get("class_name") not in ("DTypePolicy", "FloatDTypePolicy"):
            raise ValueError(f"Cannot interpret a dtype policy from {identifier}.")
        return DTypePolicy(identifier["config"]["name"])
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(standardize_dtype(identifier))
