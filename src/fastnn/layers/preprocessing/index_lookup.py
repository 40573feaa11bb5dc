"""IndexLookup: what StringLookup and IntegerLookup share. Tokens to indices by a table, and back."""

from pathlib import Path

import numpy as np

from fastnn import config, ops
from fastnn.layers.preprocessing.categories import check_mode, check_sparse, encode, encoded_shape
from fastnn.layers.preprocessing.hashing import as_key, bucket
from fastnn.layers.preprocessing.host_layer import HostLayer, batches_of
from fastnn.layers.preprocessing.strings import Strings
from fastnn.layers.preprocessing.vocabulary import TokenCounts, Vocabulary, read_lines

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
DROPPED = np.iinfo(np.int32).max  # the index of mask tokens in vectors: larger than any vector is long


class IndexLookup(HostLayer):
    """Tokens to indices. The table begins with the mask token (of indices only) and the places of unknown tokens.

    A subclass says what a token is: `vocabulary_dtype`, and `_keys`, `_key` and `_token` between what users pass and
    the keys of the table.
    """

    vocabulary_dtype = "int64"

    def __init__(
        self, max_tokens, num_oov_indices, mask_token, oov_token, vocabulary=None, idf_weights=None, invert=False,
        output_mode="int", sparse=False, pad_to_max_tokens=False, oov_method="floormod", name=None, salt=None, **kwargs,
    ):  # fmt: skip
        kind = type(self).__name__
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"If set, `max_tokens` must be greater than 1. Received: max_tokens={max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens={max_tokens}")
        if num_oov_indices < 0:
            raise ValueError(
                f"`num_oov_indices` must be greater than or equal to 0. Received: num_oov_indices={num_oov_indices}"
            )
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(
                f"Unknown value for `oov_method` argument of layer {kind}. Accepted values are 'floormod' and "
                f"'farmhash'. Received: oov_method={oov_method}"
            )
        output_mode = check_mode(kind, output_mode, _MODES)
        if invert and output_mode != "int":
            raise ValueError(
                f"`output_mode` must be `'int'` when `invert` is true. Received: output_mode={output_mode}"
            )
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(
                f"`idf_weights` should only be set if `output_mode` is `'tf_idf'`. Received: idf_weights={idf_weights} "
                f"and output_mode={output_mode}"
            )
        self._check_salt(salt, oov_method)
        frozen_size = kwargs.pop("vocabulary_size", None)
        has_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        for unused in ("trainable", "dtype"):
            kwargs.pop(unused, None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword argument(s): {kwargs}")
        super().__init__(name=name)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.output_mode = output_mode
        self.sparse = check_sparse(kind, sparse)
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method = oov_method
        self.salt = as_key(kind, salt)
        # A vocabulary from a file is saved beside the config, not in it.
        self.input_vocabulary = None if isinstance(vocabulary, str) else vocabulary
        self.input_idf_weights = idf_weights
        self.idf_weights = None
        self._has_input_vocabulary = has_vocabulary
        self._frozen_vocab_size = frozen_size
        self._vocabulary: Vocabulary | None = None
        self._inverse: np.ndarray | None = None  # the token of each index, at the end that of all others
        self._counts = TokenCounts()
        if has_vocabulary and output_mode == "tf_idf" and idf_weights is None:
            raise ValueError(
                "When specifying the `vocabulary` argument, in TF-IDF output mode, the `idf_weights` argument must "
                "also be provided."
            )
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_salt(self, salt, oov_method) -> None:
        """Raises ValueError where a salt would be ignored."""

    # -- tokens, as users and as the table know them -------------------------------------------------------------------

    def _keys(self, values) -> np.ndarray:
        """`values` as keys of the table."""
        raise NotImplementedError

    def _searched(self, values) -> np.ndarray | Strings:
        """`values` as the table finds them."""
        return self._keys(values)

    def _key(self, token):
        """One token as a key; None for None."""
        return None if token is None else self._keys(np.asarray(token))[()]

    def _token(self, key):
        """A key as users write it."""
        raise NotImplementedError

    # -- the vocabulary ------------------------------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def vocabulary_size(self) -> int:
        """How many indices there are, those of mask and unknown tokens included."""
        return self._token_start + (0 if self._vocabulary is None else len(self._vocabulary))

    def get_vocabulary(self, include_special_tokens=True) -> list:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: whether the mask token and the tokens for unknown ones are there too.
        """
        tokens = [] if self._vocabulary is None else [self._token(key) for key in self._vocabulary.tokens]
        special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
        return special + tokens if include_special_tokens else tokens

    def set_vocabulary(self, vocabulary, idf_weights=None) -> None:
        """Sets the tokens, instead of `adapt`.

        Args:
            vocabulary: list or array of tokens, with or without the special ones at the start; or the path of a text
                file with a token a line.
            idf_weights: a number for each of `vocabulary`; for "tf_idf" only. What unknown tokens count, where it is
                not said, is their mean.

        Raises:
            ValueError: for tokens that are there twice, too many of them, special ones at another place, and weights
                that do not fit.
            RuntimeError: when vectors of another length were made before.
        """
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                "`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        if isinstance(vocabulary, str):
            if self.output_mode == "tf_idf":
                raise ValueError("output_mode `'tf_idf'` does not support loading a vocabulary from file.")
            self._use(self._keys(np.array(read_lines(vocabulary), dtype=object)).tolist())
            return
        keys = self._keys(np.asarray(vocabulary)).tolist()
        if not keys:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        count = self._token_start
        special = [self._key(self.mask_token)] * self._oov_start
        special += [self._key(self.oov_token)] * min(self.num_oov_indices, len(keys))
        has_special = len(keys) >= count and keys[:count] == special
        tokens = keys[count:] if has_special else keys
        self._check_special(tokens)
        if self.max_tokens is not None and self._token_start + len(tokens) > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received vocabulary size is "
                f"{self._token_start + len(tokens)}; `max_tokens` is {self.max_tokens}."
            )
        if idf_weights is not None:
            idf_weights = np.asarray(idf_weights, np.float64)
            if idf_weights.ndim != 1 or len(idf_weights) != len(keys):
                raise ValueError(
                    f"`idf_weights` must be the same length as vocabulary. Its shape is {idf_weights.shape}; "
                    f"len(vocabulary) is {len(keys)}"
                )
        self._use(tokens)
        if idf_weights is not None:
            self._set_idf(idf_weights, 0 if has_special else self._token_start)

    def _check_special(self, tokens: list) -> None:
        reserved = {"mask": self.mask_token, "OOV": self.oov_token if self.invert else None}
        for what, token in reserved.items():
            if token is not None and self._key(token) in tokens:
                raise ValueError(
                    f"Found reserved {what} token at unexpected location in `vocabulary`. Note that passed "
                    "`vocabulary` does not need to include the OOV and mask tokens. Either remove all mask and OOV "
                    f"tokens, or include them only at the start of the vocabulary. Received: token={token!r} at "
                    f"vocabulary index {tokens.index(self._key(token))}"
                )

    def _use(self, keys: list) -> None:
        vocabulary = Vocabulary(keys)
        size = self._token_start + len(vocabulary)
        is_frozen = self.output_mode != "int" and not self.pad_to_max_tokens and self._frozen_vocab_size is not None
        if is_frozen and size != self._frozen_vocab_size:
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the vocabulary size "
                f"cannot be changed after the layer is called. Old vocab size is {self._frozen_vocab_size}, new vocab "
                f"size is {size}"
            )
        self._vocabulary, self._inverse = vocabulary, None
        self._frozen_vocab_size = size

    def _set_idf(self, weights: np.ndarray, missing: int) -> None:
        """Weights of the tokens; of the `missing` ones in front their mean, of padding zero."""
        padding = self.max_tokens - missing - len(weights) if self.pad_to_max_tokens else 0
        front = np.full(missing, weights.mean())
        self.idf_weights = np.concatenate([front, weights, np.zeros(padding)]).astype(config.floatx())

    # -- adapting ------------------------------------------------------------------------------------------------------

    @property
    def _categories(self) -> int | None:
        return self.vocabulary_size()

    @property
    def _learns(self) -> bool:
        return not self._has_input_vocabulary

    def adapt(self, data, steps=None) -> None:
        """Makes the vocabulary of the tokens in `data`, the most frequent first, at most `max_tokens` of them.

        Args:
            data: an array or a list of tokens; or a `PyDataset` or another iterable of batches of them.
            steps: how many batches at most.

        Raises:
            ValueError: when a vocabulary was passed to the layer.
        """
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data) -> None:
        """Counts the tokens of one batch: an array, whose last axis is a document; or a list of lists."""
        if self._has_input_vocabulary:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or "
                "`set_vocabulary()` method."
            )
        keys = self._searched(np.asarray(data))
        size = keys.shape[-1] if keys.shape else 1
        if isinstance(keys, Strings):
            self.count(keys, np.full(keys.size // max(size, 1), size))
        elif self.output_mode == "tf_idf":
            self._counts.add(keys.reshape(-1, size).tolist(), with_documents=True)
        else:
            self._counts.add_integers(keys)

    def count(self, keys: Strings, lengths: np.ndarray) -> None:
        """Counts the keys of documents of some lengths."""
        documents = np.repeat(np.arange(len(lengths)), lengths) if self.output_mode == "tf_idf" else None
        self._counts.add_strings(keys, len(lengths), documents)

    def reset_state(self) -> None:
        """Forgets what was counted."""
        self._counts.clear()

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if self._has_input_vocabulary or not self._counts.tokens:
            return
        limit = self.max_tokens - self._token_start if self.max_tokens else None
        tokens = self._counts.most_common(limit, without=(self._key(self.mask_token), self._key(self.oov_token)))
        self._use(tokens)
        if self.output_mode == "tf_idf":
            self._set_idf(self._counts.idf(tokens), self._token_start)
        self.reset_state()

    # -- calling -------------------------------------------------------------------------------------------------------

    def call(self, inputs):
        if self.invert:
            return self.on_host(self._invert, [inputs], inputs.shape, self.output_dtype, self._as_ops())
        made = self.on_host(lambda x: self.indices(self._searched(x)), [inputs], inputs.shape, "int64", self._as_ops())
        return self.encode(made)

    def _as_ops(self):
        """What is computed from the inputs, as a function that uses `ops`; None where that cannot be."""

    def encode(self, indices):
        """What the output mode makes of indices."""
        if self.output_mode == "tf_idf":
            counts = encode(indices, "count", self._depth, self.output_dtype)
            if type(counts) is np.ndarray:  # made for this call
                return np.multiply(counts, self.idf_weights, out=counts)
            return ops.multiply(counts, self.idf_weights)
        return encode(indices, self.output_mode, self._depth, "int64")

    @property
    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    def indices(self, keys: np.ndarray | Strings) -> np.ndarray:
        """The index of each key, int64."""
        self._check_vocabulary()
        indices = np.asarray(self._vocabulary.places(keys))
        is_outside = indices < 0
        indices += self._token_start
        if not is_outside.any():
            return indices
        if self.mask_token is None and self.num_oov_indices == 1:
            indices[is_outside] = self._oov_start
            return indices
        outside = keys[is_outside]
        is_mask = self._is_mask(outside)
        unknown = outside[~is_mask]
        if len(unknown) and self.num_oov_indices == 0:
            raise ValueError(
                "When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values "
                f"{[self._token(key) for key in unknown[:10].tolist()]}, consider setting `num_oov_indices=1`."
            )
        found = np.full(outside.shape, 0 if self.output_mode == "int" else DROPPED, np.int64)
        found[~is_mask] = self._oov_start + (self._buckets(unknown) if self.num_oov_indices > 1 else 0)
        indices[is_outside] = found
        return indices

    def _is_mask(self, keys: np.ndarray | Strings) -> np.ndarray:
        if self.mask_token is None:
            return np.zeros(keys.shape, bool)
        mask = self._key(self.mask_token)
        return keys.equals(mask) if isinstance(keys, Strings) else keys == mask

    def _buckets(self, keys: np.ndarray | Strings) -> np.ndarray:
        if isinstance(keys, np.ndarray) and self.oov_method == "floormod":
            return keys % self.num_oov_indices
        return bucket(keys if isinstance(keys, Strings) else Strings(keys), self.num_oov_indices, self.salt)

    def _invert(self, indices: np.ndarray) -> np.ndarray:
        self._check_vocabulary()
        if self._inverse is None:
            special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
            tokens = [self._token(key) for key in self._vocabulary.tokens]
            self._inverse = self._keys(np.asarray([*special, *tokens, self.oov_token]))
        is_known = (indices >= 0) & (indices < len(self._inverse) - 1)
        return self._inverse[np.where(is_known, indices, -1)]

    def _check_vocabulary(self) -> None:
        if self._vocabulary is None:
            raise RuntimeError(
                f"Layer {self.name!r} has no vocabulary: pass `vocabulary` to the layer, or call `adapt` with data."
            )

    @property
    def compute_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def variable_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def input_dtype(self) -> str:
        return "int64" if self.invert else self.vocabulary_dtype

    @property
    def output_dtype(self) -> str:
        if self.invert:
            return self.vocabulary_dtype
        return config.floatx() if self.output_mode == "tf_idf" else "int64"

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self._depth)

    # -- saving --------------------------------------------------------------------------------------------------------

    @classmethod
    def from_config(cls, config):
        check_vocabulary_is_no_path(cls, config)
        return super().from_config(config)

    def get_config(self):
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary_dtype": self.vocabulary_dtype,
            "idf_weights": as_list(self.input_idf_weights),
            "vocabulary": as_list(self.input_vocabulary),
            "vocabulary_size": self._frozen_vocab_size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    def get_build_config(self):
        return {}

    def save_own_variables(self, store) -> None:
        """Writes the weights of "tf_idf"."""
        if self.output_mode == "tf_idf":
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store) -> None:
        """Reads the weights of "tf_idf"."""
        if self.output_mode == "tf_idf":
            self.idf_weights = np.asarray(store["idf_weights"], config.floatx())

    def save_assets(self, dir_path) -> None:
        """Writes the vocabulary to `vocabulary.txt` in a folder, where it is not in the config."""
        if self.input_vocabulary is None:
            lines = [str(token) for token in self.get_vocabulary()]
            Path(dir_path, "vocabulary.txt").write_bytes("\n".join(lines).encode())

    def load_assets(self, dir_path) -> None:
        """Reads what `save_assets` wrote."""
        if self.input_vocabulary is None:
            lines = read_lines(Path(dir_path, "vocabulary.txt"))
            while lines and not lines[-1]:
                lines.pop()
            weights = self.idf_weights if self.output_mode == "tf_idf" else None
            self.set_vocabulary(self._keys(np.array(lines, dtype=object)), idf_weights=weights)


def check_vocabulary_is_no_path(cls, config: dict) -> None:
    """Raises ValueError where a config names a file to read the vocabulary from: a config opens no files."""
    if isinstance(config.get("vocabulary"), str):
        raise ValueError(
            f"The config of {cls.__name__} names a vocabulary file, {config['vocabulary']!r}, which is not read: make "
            "the layer with `vocabulary=...` yourself, or call `set_vocabulary`."
        )


def as_list(x):
    """Arrays as lists, for configs."""
    return x.tolist() if isinstance(x, np.ndarray) else x
