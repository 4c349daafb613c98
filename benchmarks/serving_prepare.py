"""Makes the models that are served, in a process of its own.

`python -m benchmarks.serving_prepare SIZE FOLDER` writes into the folder

- `hugging_face`: HuggingFace's classifier with random weights;
- `exports/DTYPE/1`: our export of the same, converted;
- `texts.json`: what is asked, and `checked.json`: texts among them with
  HuggingFace's answers in float32, each computed by itself, without padding.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from transformers import ConvBertForSequenceClassification

from benchmarks import problem
from benchmarks.cells import DTYPES
from benchmarks.contenders.pytorch import build_model
from benchmarks.serving_cells import CLASS_NAMES
from benchmarks.serving_cells import MAX_LENGTH
from benchmarks.serving_hugging_face import HuggingFaceModel
from benchmarks.serving_texts import served_texts
from benchmarks.serving_texts import vocabulary
from keras_mixattn.conversion import convert
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.serving import export_saved_model

TEXTS = 1000
CHECKED = 16


def write_hugging_face(size: str, folder: pathlib.Path) -> None:
    """Writes HuggingFace's classifier and its tokenizer.

    Args:
        size: A key of `problem.SIZES`.
        folder: The directory, created if missing.
    """
    encoder = build_model(size)
    config = encoder.config
    config.num_labels = len(CLASS_NAMES)
    config.id2label = dict(enumerate(CLASS_NAMES))
    config.label2id = {name: index for index, name in config.id2label.items()}
    config.classifier_dropout = 0.0
    model = ConvBertForSequenceClassification(config)
    model.convbert.load_state_dict(encoder.state_dict())
    # Large enough that texts get different answers, as of a trained head.
    scale = config.hidden_size**-0.5
    random = np.random.default_rng(problem.SEED)
    for layer, deviation in (
        (model.classifier.dense, scale),
        (model.classifier.out_proj, 3 * scale),
    ):
        for weight in layer.parameters():
            values = random.standard_normal(tuple(weight.shape), "float32")
            weight.data = torch.from_numpy(
                (deviation * values).astype("float32")
            )
    model.save_pretrained(folder)
    pieces = vocabulary(config.vocab_size)
    text = "".join(f"{piece}\n" for piece in pieces)
    (folder / "vocab.txt").write_text(text, encoding="utf-8")
    settings = {"do_lower_case": True, "tokenizer_class": "ConvBertTokenizer"}
    text = json.dumps(settings)
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def write_exports(folder: pathlib.Path) -> None:
    """Converts HuggingFace's classifier and exports it in each dtype.

    Its padding leaks into the answers; ours is masked, so that a row's answer
    hangs on no other row. Without padding the two are the same.

    Args:
        folder: Holds `hugging_face`, gets `exports`.
    """
    convert(folder / "hugging_face", folder / "preset", padding="mask")
    task = ConvBertTextClassifier.from_preset(str(folder / "preset"))
    for dtype in DTYPES:
        export_saved_model(
            task,
            folder / "exports" / dtype,
            max_length=MAX_LENGTH,
            dtype=dtype,
            verify=False,
        )


def write_texts(folder: pathlib.Path) -> None:
    """Writes what is asked, and the right answers to some of it.

    Args:
        folder: Holds `hugging_face`.
    """
    source, texts = served_texts(TEXTS)
    document = {"source": source, "texts": texts}
    (folder / "texts.json").write_text(json.dumps(document), encoding="utf-8")
    by_length = sorted(texts, key=len)
    chosen = [
        by_length[round(place)]
        for place in np.linspace(0, len(texts) - 1, CHECKED)
    ]
    model = HuggingFaceModel(folder / "hugging_face", "float32")
    answers = [model.probabilities([text])[0].tolist() for text in chosen]
    document = {"texts": chosen, "probabilities": answers}
    (folder / "checked.json").write_text(json.dumps(document), encoding="utf-8")


def main() -> None:
    """Prepares the size that the command line names."""
    size, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    write_hugging_face(size, folder / "hugging_face")
    write_exports(folder)
    write_texts(folder)


if __name__ == "__main__":
    main()
