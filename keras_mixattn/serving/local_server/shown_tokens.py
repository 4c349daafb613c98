"""Which tokens of a text a model reads and which are cut."""

import json
from pathlib import Path

from keras_mixattn.models import FAMILIES
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.names import TOKENIZER_SETTINGS
from keras_mixattn.serving.names import in_order
from keras_mixattn.serving.pair_shares import kept_of_pair
from keras_mixattn.serving.signature_info import Signature

# A page that shows more is of no use to a reader.
_MOST = 2000
_TOKENIZERS = {
    family.tokenizer.__name__: family.tokenizer for family in FAMILIES.values()
}


class ShownTokens:
    """Cuts texts into tokens as the tokenizer of an export does.

    Args:
        path: The directory of a version, with the vocabulary and the
            tokenizer's settings in `assets.extra`.
        signature: Its `serving_default`.
    """

    def __init__(self, path: Path, signature: Signature):
        self._inputs = list(in_order(signature.inputs))
        # Texts of these tasks are read in windows, so only a question is cut.
        self._windows = bool({"starts", "start"} & set(signature.outputs))
        self._fills_masks = "tokens" in signature.outputs
        try:
            self._read(path / EXTRA_ASSETS)
        except (OSError, ValueError, KeyError, AttributeError):
            self._tokenizer = None  # an export of another program

    def of(self, texts: dict[str, str]) -> dict[str, dict] | None:
        """Returns the tokens of the texts of one row.

        Args:
            texts: A dict from name of the input to text.

        Returns:
            For each input `tokens`, strings, the first 2,000 of `count`, and
            `kept`, how many of them the model reads; `None` if the export
            does not say how it cuts.
        """
        if self._tokenizer is None:
            return None
        tokens = {
            name: self._tokens(texts[name])
            for name in self._inputs
            if name in texts
        }
        kept = self._kept([len(one) for one in tokens.values()])
        return {
            name: {"tokens": one[:_MOST], "count": len(one), "kept": count}
            for (name, one), count in zip(tokens.items(), kept, strict=True)
        }

    def _read(self, folder):
        settings = json.loads(
            (folder / "tokenizer.json").read_text(encoding="utf-8")
        )
        vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8")
        self._max_length = settings["max_length"]
        self._truncate = settings.get("truncate", "round_robin")
        self._question_length = settings.get("question_length")
        self._tokenizer = _TOKENIZERS[settings["class"]](
            vocabulary.removesuffix("\n").split("\n"),
            **{
                name: settings[name]
                for name in TOKENIZER_SETTINGS
                if name in settings
            },
        )

    def _tokens(self, text):
        mask = self._tokenizer.mask_token
        parts = text.split(mask) if self._fills_masks else [text]
        tokens = []
        for place, part in enumerate(parts):
            tokens += [mask] * (place > 0)
            tokens += [
                self._tokenizer.id_to_token(int(one))
                for one in self._tokenizer.tokenize(part)
            ]
        return tokens

    def _kept(self, counts):
        if self._windows:
            return self._kept_in_windows(counts)
        room = self._max_length - 1 - len(counts)  # [CLS], a [SEP] each
        if len(counts) < 2:
            return [min(one, room) for one in counts]
        return kept_of_pair(counts, room, self._truncate)

    def _kept_in_windows(self, counts):
        if len(counts) < 2 or self._question_length is None:
            return counts
        # [CLS], two [SEP] and at least one token of the context.
        room = min(self._question_length, self._max_length - 4)
        return [min(counts[0], room), counts[1]]
