"""TextVectorization: text to indices of its words."""

import numpy as np

from fastnn.layers.preprocessing import tokens
from fastnn.layers.preprocessing.categories import check_mode, check_sparse
from fastnn.layers.preprocessing.host_layer import HostLayer, batches_of
from fastnn.layers.preprocessing.index_lookup import DROPPED, as_list, check_vocabulary_is_no_path
from fastnn.layers.preprocessing.string_lookup import StringLookup
from fastnn.layers.preprocessing.strings import Strings
from fastnn.layers.text import to_str
from fastnn.serialization import deserialize_keras_object

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class TextVectorization(HostLayer):
    """The words of each text, as indices or as one vector.

    Each text is standardized, split into tokens, these are joined to n-grams where wished, and looked up as
    `StringLookup` does: index 0 is padding, 1 unknown words.

    Args:
        max_tokens: how many indices there may be; None for any number.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (of ASCII letters and signs), None, or
            a function of an array of `str` that returns such an array.
        split: "whitespace", "character", None (a text is one token), or a function of an array of n `str` that returns
            n lists of tokens.
        ngrams: tokens are joined by up to so many, or by the numbers of a tuple.
        output_mode: "int" gives indices, "multi_hot", "count" and "tf_idf" one vector a text.
        output_sequence_length: to how many indices texts are cut or padded; the longest of a batch by default.
        pad_to_max_tokens: whether vectors have `max_tokens` places, whatever the vocabulary.
        vocabulary: list of words, or the path of a text file with a word a line; else call `adapt`.
        idf_weights: what each word of `vocabulary` counts for "tf_idf".
        sparse, ragged: only False.
        encoding: of the texts.

    Input shape: (n,) or (n, 1): an array or list of `str` or `bytes`.
    Output shape: (n, length) int64, or (n, size of the vocabulary).

    Raises:
        ValueError: for arguments that do not fit.
        RuntimeError: when it is called before it has a vocabulary.

    Example:
        >>> layer = fastnn.layers.TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
        >>> layer(["Foo, qux bar!", "qux baz"])
        array([[4, 1, 3, 0],
               [1, 2, 0, 0]])
    """

    def __init__(
        self, max_tokens=None, standardize="lower_and_strip_punctuation", split="whitespace", ngrams=None,
        output_mode="int", output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None, idf_weights=None,
        sparse=False, ragged=False, encoding="utf-8", name=None, **kwargs,
    ):  # fmt: skip
        check_sparse("TextVectorization", sparse)
        if ragged:
            raise ValueError("`ragged=True` cannot be used with fastnn, which has no ragged arrays.")
        tokens.check("standardize", standardize, tokens.STANDARDIZE)
        tokens.check("split", split, tokens.SPLIT)
        output_mode = check_mode("TextVectorization", output_mode, _MODES)
        if not (
            ngrams is None
            or isinstance(ngrams, int)
            or (isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams))
        ):
            raise ValueError(f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}")
        has_length = output_sequence_length is not None
        if has_length and (output_mode != "int" or not isinstance(output_sequence_length, int)):
            raise ValueError(
                "`output_sequence_length` must be None or an integer, and must not be set if `output_mode` is not "
                f"'int'. Received: output_sequence_length={output_sequence_length} and output_mode={output_mode}."
            )
        has_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        vocabulary_size = kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        self._standardize, self._split, self._ngrams = standardize, split, ngrams
        self._output_mode, self._output_sequence_length = output_mode, output_sequence_length
        self._encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, pad_to_max_tokens=pad_to_max_tokens,
            mask_token="", output_mode=output_mode, has_input_vocabulary=has_vocabulary, encoding=encoding,
            vocabulary_size=vocabulary_size,
        )  # fmt: skip

    # -- the vocabulary ------------------------------------------------------------------------------------------------

    @property
    def _learns(self) -> bool:
        return self._lookup_layer._learns

    def adapt(self, data, batch_size=None, steps=None) -> None:
        """Makes the vocabulary of the words in `data`, the most frequent first, at most `max_tokens` of them.

        Args:
            data: an array or a list of texts; or a `PyDataset` or another iterable of batches of them.
            batch_size: not used.
            steps: how many batches at most.

        Raises:
            ValueError: when a vocabulary was passed to the layer.
        """
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data) -> None:
        """Counts the words of one batch of texts."""
        if self._lookup_layer._has_input_vocabulary:
            self._lookup_layer.update_state(data)  # raises
        keys, lengths, _ = self._tokens(np.asarray(data))
        self._lookup_layer.count(keys, lengths)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens=True) -> list[str]:
        """The words in the order of their indices.

        Args:
            include_special_tokens: whether the padding and the word for unknown ones are there too.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many indices there are, those of padding and unknown words included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary, idf_weights=None) -> None:
        """Sets the words, instead of `adapt`; see `StringLookup.set_vocabulary`.

        Args:
            vocabulary: list or array of words, or the path of a text file.
            idf_weights: what each word counts, for "tf_idf".
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights=idf_weights)

    # -- calling -------------------------------------------------------------------------------------------------------

    def _tokens(self, texts: np.ndarray) -> tuple[Strings, np.ndarray, tuple]:
        """The tokens of all texts, how many are of each (int64), and the shape that the texts have without the axis of
        tokens."""
        if callable(self._standardize):
            texts = np.asarray(self._standardize(to_str(texts, self._encoding)))
        shape = texts.shape[:-1]
        if self._split is not None:
            if texts.ndim > 1 and texts.shape[-1] != 1:
                raise ValueError(
                    "When using `TextVectorization` to tokenize strings, the input rank must be 1 or the last shape "
                    f"dimension must be 1. Received: inputs.shape={texts.shape} with rank={texts.ndim}"
                )
            texts = texts[..., 0] if texts.ndim > 1 else texts
            shape = texts.shape
        widths = tuple(range(1, self._ngrams + 1)) if isinstance(self._ngrams, int) else self._ngrams
        return *tokens.tokens_of(texts, self._standardize, self._split, widths, self._encoding), shape

    def call(self, inputs):
        keys, lengths, shape = self._tokens(inputs)
        lookup = self._lookup_layer
        width, fill = int(lengths.max(initial=0)), 0
        if self._output_mode != "int":
            width, fill = max(width, 1), DROPPED
        elif self._output_sequence_length is not None:
            width = self._output_sequence_length
        indices = tokens.padded(lookup.indices(keys), lengths, width, fill)
        return lookup.encode(indices.reshape(*shape, width))

    @property
    def compute_dtype(self) -> str:
        return "string"

    @property
    def variable_dtype(self) -> str:
        return "string"

    @property
    def output_dtype(self) -> str:
        return self._lookup_layer.output_dtype

    def compute_output_shape(self, input_shape):
        if self._output_mode == "int":
            return (input_shape[0], self._output_sequence_length)
        if self._split is not None or len(input_shape) <= 1:
            input_shape = (input_shape[0], None)
        return self._lookup_layer.compute_output_shape(input_shape)

    # -- saving --------------------------------------------------------------------------------------------------------

    def get_config(self):
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": lookup.sparse,
            "ragged": False,
            "vocabulary": as_list(lookup.input_vocabulary),
            "idf_weights": as_list(lookup.input_idf_weights),
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config):
        check_vocabulary_is_no_path(cls, config)
        functions = {name: deserialize_keras_object(config[name]) for name in ("standardize", "split")}
        ngrams = tuple(config["ngrams"]) if isinstance(config["ngrams"], list) else config["ngrams"]
        return super().from_config(
            {**config, **functions, "ngrams": tuple(ngrams) if isinstance(ngrams, list) else ngrams}
        )

    def save_own_variables(self, store) -> None:
        """Writes the weights of "tf_idf"."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store) -> None:
        """Reads the weights of "tf_idf"."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path) -> None:
        """Writes the vocabulary to `vocabulary.txt` in a folder, where it is not in the config."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path) -> None:
        """Reads what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)
