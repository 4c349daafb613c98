"""The tokenizer of every family: BERT's, with its special tokens."""

import os
import sys

import keras_hub
import numpy as np

from keras_mixattn.models.bert_characters import character_map
from keras_mixattn.models.graph_word_pieces import GraphWordPieces
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.word_pieces import WordPieces


class BertStyleTokenizer(
    FromAnyPreset, keras_hub.tokenizers.WordPieceTokenizer
):
    """Cuts text into word pieces; knows [CLS], [SEP], [PAD] and [MASK].

    The ids are those of HuggingFace's fast BERT tokenizer for the same
    vocabulary, in Python and in TensorFlow's graphs. Bytes that are not UTF-8
    are left out.

    The shared base of the families' tokenizers, which add the backbone they
    belong to. `keras_hub.models.BertTokenizer` cannot serve: presets find it
    by its own backbone.

    Args:
        vocabulary: List of word pieces, or the path of a file with one a
            line.
        lowercase: Whether text is lower-cased. Defaults to `False`.
        strip_accents: Whether accents are stripped. Defaults to `lowercase`,
            as BERT's tokenizer does.
        **kwargs: See `keras_hub.tokenizers.WordPieceTokenizer`. With
            `split=False` or `special_tokens_in_strings=True` texts are cut by
            KerasHub's rules.
    """

    def __init__(
        self,
        vocabulary=None,
        lowercase: bool = False,
        strip_accents: bool | None = None,
        **kwargs,
    ):
        for token, attribute in (
            ("[CLS]", "cls_token"),
            ("[SEP]", "sep_token"),
            ("[PAD]", "pad_token"),
            ("[MASK]", "mask_token"),
            ("[CLS]", "start_token"),
            ("[SEP]", "end_token"),
        ):
            self._add_special_token(token, attribute)
        if strip_accents is None:
            strip_accents = lowercase
        super().__init__(
            vocabulary=vocabulary,
            lowercase=lowercase,
            strip_accents=strip_accents,
            **kwargs,
        )

    @property
    def characters(self):
        """What becomes of each character of a text, a `CharacterMap`."""
        return character_map(
            self.lowercase, self.strip_accents, self.split_on_cjk
        )

    def load_assets(self, dir_path):
        # KerasHub's own strips white space that belongs to a token.
        path = os.path.join(dir_path, "vocabulary.txt")
        with open(path, encoding="utf-8", newline="\n") as file:
            self.set_vocabulary([line.removesuffix("\n") for line in file])

    def save_assets(self, dir_path):
        path = os.path.join(dir_path, "vocabulary.txt")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{token}\n" for token in self.vocabulary)

    def set_vocabulary(self, vocabulary):
        super().set_vocabulary(vocabulary)
        self.word_pieces = self._graph = None
        if self.vocabulary is not None:
            ids = {token: i for i, token in enumerate(self.vocabulary)}
            self.word_pieces = WordPieces(
                ids, self.oov_token, self.suffix_indicator
            )

    def tokenize(self, inputs):
        if not self.split or self.special_tokens_in_strings:
            return super().tokenize(inputs)
        vocabulary = self.get_vocabulary()
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or tensorflow.executing_eagerly():
            return self._in_python(inputs)
        if self._graph is None:
            self._graph = GraphWordPieces(
                self.characters,
                vocabulary,
                self.oov_token,
                self.suffix_indicator,
                self.compute_dtype,
            )
        return self._in_graph(tensorflow, inputs)

    def _in_python(self, inputs):
        if hasattr(inputs, "to_list"):  # a ragged tensor
            inputs = inputs.to_list()
        elif not isinstance(inputs, str | bytes | list | tuple):
            inputs = np.asarray(inputs).tolist()
        pieces = self._pieces_of(inputs)
        if self._is_id and (self.sequence_length or _is_text(inputs)):
            return np.array(pieces, self.compute_dtype)
        return pieces

    def _pieces_of(self, inputs):
        """Cuts a text, or each text of a list or of lists."""
        if not _is_text(inputs):
            return [self._pieces_of(one) for one in inputs]
        text = inputs
        if isinstance(text, bytes):
            text = text.decode("utf-8", errors="replace")
        text = text.translate(self.characters)
        if self._is_id:
            pieces, padding = self.word_pieces.ids(text), 0
        else:
            words = filter(None, text.split(" "))
            pieces = [x for word in words for x in self.word_pieces(word)]
            padding = ""
        length = self.sequence_length
        if length:
            pieces = pieces[:length] + [padding] * (length - len(pieces))
        return pieces

    @property
    def _is_id(self):
        return self.compute_dtype != "string"

    def _in_graph(self, tf, inputs):
        with tf.device("cpu"):  # strings are nowhere else
            if not isinstance(inputs, tf.RaggedTensor):
                inputs = tf.convert_to_tensor(inputs)
            rank = inputs.shape.rank
            if rank > 1 and not isinstance(inputs, tf.RaggedTensor):
                inputs = tf.RaggedTensor.from_tensor(
                    inputs, ragged_rank=rank - 1
                )
            if rank > 1:
                pieces = inputs.with_flat_values(
                    self._graph(inputs.flat_values)
                )
            else:
                pieces = self._graph(tf.reshape(inputs, [-1]))
            if self.sequence_length:
                shape = pieces.shape.as_list()[:-1] + [self.sequence_length]
                pieces = pieces.to_tensor(shape=shape)
            return pieces[0] if rank == 0 else pieces

    def get_config(self):
        # KerasHub leaves this one out.
        return {**super().get_config(), "split_on_cjk": self.split_on_cjk}


def _is_text(value):
    if not isinstance(value, str | bytes | list | tuple):
        raise ValueError(
            "A tokenizer takes strings, or lists or tensors of them. "
            f"Received: {value!r}"
        )
    return isinstance(value, str | bytes)
