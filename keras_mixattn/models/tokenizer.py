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
        lowercase: Whether text is lower-cased. Defaults to `False`.
        strip_accents: Whether accents are stripped. Defaults to `lowercase`,
            as BERT's tokenizer does.
        **kwargs: See `keras_hub.tokenizers.WordPieceTokenizer`.
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

    def get_config(self):
        # KerasHub leaves this one out.
        return {**super().get_config(), "split_on_cjk": self.split_on_cjk}
