"""The tokenizer of every family: WordPiece with BERT's special tokens."""

import keras_hub


class BertStyleTokenizer(keras_hub.tokenizers.WordPieceTokenizer):
    """Cuts text into word pieces; knows [CLS], [SEP], [PAD] and [MASK].

    The shared base of the families' tokenizers, which add the backbone they
    belong to. `keras_hub.models.BertTokenizer` cannot serve: presets find it
    by its own backbone.

    Args:
        vocabulary: List of word pieces, or the path of a file with one a
            line.
        lowercase: Whether text is lower-cased and its accents stripped.
            Defaults to `False`.
        **kwargs: See `keras_hub.tokenizers.WordPieceTokenizer`.
    """

    def __init__(self, vocabulary=None, lowercase: bool = False, **kwargs):
        for token, attribute in (
            ("[CLS]", "cls_token"),
            ("[SEP]", "sep_token"),
            ("[PAD]", "pad_token"),
            ("[MASK]", "mask_token"),
            ("[CLS]", "start_token"),
            ("[SEP]", "end_token"),
        ):
            self._add_special_token(token, attribute)
        super().__init__(vocabulary=vocabulary, lowercase=lowercase, **kwargs)
