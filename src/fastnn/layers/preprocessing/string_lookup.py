"""StringLookup: strings to indices, and back."""

from fastnn.layers.preprocessing.index_lookup import IndexLookup
from fastnn.layers.preprocessing.strings import Strings
from fastnn.layers.text import to_bytes


class StringLookup(IndexLookup):
    """The index of each string in a vocabulary.

    Args:
        max_tokens: how many indices there may be, those of special tokens included; None for any number.
        num_oov_indices: how many indices unknown strings share: with several, FarmHash64 says which; with 0 they are
            an error.
        mask_token: a string that stands for nothing: it gets index 0, or counts for nothing in vectors.
        oov_token: what `invert` makes of indices of unknown strings.
        vocabulary: list or array of strings, or the path of a text file with a string a line; else call `adapt`.
        idf_weights: what each string of `vocabulary` counts for "tf_idf".
        invert: whether indices go in and strings come out, as an array of `bytes` objects.
        output_mode: "int" gives indices; "one_hot", "multi_hot" and "count" vectors as `CategoryEncoding` does, int64;
            "tf_idf" counts times `idf_weights`.
        pad_to_max_tokens: whether vectors have `max_tokens` places, whatever the vocabulary.
        sparse: only False.
        encoding: of the strings.
        salt: an integer or two: unknown strings are told apart by SipHash with this key.

    Input shape: any; an array or (nested) list of `str` or `bytes`.

    Raises:
        ValueError: for arguments that do not fit.
        RuntimeError: when it is called before it has a vocabulary.

    Example:
        >>> layer = fastnn.layers.StringLookup(vocabulary=["a", "b", "c"])
        >>> layer([["a", "c"], ["z", "b"]])
        array([[1, 3],
               [0, 2]])
        >>> fastnn.layers.StringLookup(vocabulary=["a", "b", "c"], invert=True)([1, 3])
        array([b'a', b'c'], dtype=object)
    """

    vocabulary_dtype = "string"

    def __init__(
        self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token="[UNK]", vocabulary=None,
        idf_weights=None, invert=False, output_mode="int", pad_to_max_tokens=False, sparse=False, encoding="utf-8",
        name=None, salt=None, **kwargs,
    ):  # fmt: skip
        self.encoding = encoding
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
            vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, name=name, salt=salt, **kwargs,
        )  # fmt: skip

    def _keys(self, values):
        return to_bytes(values, self.encoding)

    def _searched(self, values):
        return values if isinstance(values, Strings) else Strings(values, self.encoding)

    def _as_arrays(self, inputs):
        strings = None if self.invert else Strings.of_list(inputs, self.encoding)
        return super()._as_arrays(inputs) if strings is None else strings

    def _token(self, key):
        return key.decode(self.encoding)

    def get_config(self):
        config = super().get_config()
        del config["vocabulary_dtype"]
        return {**config, "encoding": self.encoding}
