"""DTypePolicyMap: policies by the paths of layers."""

import re
from collections.abc import MutableMapping

from fastnn import dtype_policy
from fastnn.dtype_policy import DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by paths, or by regular expressions that a whole path must match.

    Args:
        default_policy: of paths that no key matches; the global policy by default.
        policy_map: `{path or expression: policy}`.

    Raises:
        TypeError: for a `policy_map` that is no dict.
        ValueError: on setting a key twice, or to what is no policy; on looking up a path that several keys match.

    Example:
        >>> map = fastnn.dtype_policies.DTypePolicyMap(policy_map={"encoder/.*": fastnn.DTypePolicy("float16")})
        >>> map["encoder/dense"].name, map["decoder"].name
        ('float16', 'float32')
    """

    def __init__(self, default_policy=None, policy_map=None):
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"If specified, `policy_map` must be a dict. Received: policy_map={policy_map} of type "
                f"{type(policy_map)}"
            )
        self._given_default = default_policy
        self._default = dtype_policy.get(default_policy)
        self._policies = dict(policy_map or {})

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that no key matches."""
        return self._default

    @property
    def name(self) -> str:
        return f"map_{self._default.name}"

    @property
    def compute_dtype(self) -> str:
        return self._default.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self._default.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        return self._default.quantization_mode

    def __getitem__(self, key):
        if key in self._policies:
            return self._policies[key]
        keys = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(keys) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: {keys}. Please make sure each path "
                "only matches at most one dtype policy specification key in the DTypePolicyMap."
            )
        return self._policies[keys[0]] if keys else self._default

    def __setitem__(self, key, policy):
        if key in self._policies:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap with value {self._policies[key]}. Please make sure to not "
                "use duplicated keys."
            )
        try:
            self._policies[key] = dtype_policy.get(policy)
        except Exception:
            raise ValueError(
                f"Cannot interpret the assigned value by `keras.dtype_policies.get`. Received: {policy} of type "
                f"{type(policy)}"
            ) from None

    def __delitem__(self, key):
        del self._policies[key]

    def __len__(self):
        return len(self._policies)

    def __iter__(self):
        return iter(self._policies)

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__

    def get_config(self):
        given = self._given_default
        return {
            "default_policy": None if given is None else dtype_policy.serialize(self._default),
            "policy_map": {key: _without_source(dtype_policy.serialize(p)) for key, p in self._policies.items()},
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        default, policies = config["default_policy"], config["policy_map"] or {}
        return cls(
            None if default is None else dtype_policy.deserialize(default, custom_objects),
            {key: dtype_policy.deserialize(policy, custom_objects) for key, policy in policies.items()},
        )

    def __repr__(self) -> str:
        policies = [(key, policy.name) for key, policy in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self._default.name}, mapping={policies}>"


def _without_source(saved: dict) -> dict:
    """A policy's config without its float dtype, which the one who reads it chooses, as in Keras."""
    key = "source_name" if "source_name" in saved["config"] else "name"
    return {**saved, "config": {**saved["config"], key: None}}


dtype_policy._CLASSES["DTypePolicyMap"] = DTypePolicyMap
