"""Public data sets by name: their files and how they are fine-tuned on.

Paths are below `data_directory`; epochs, lengths and heads are those of the
official fine-tuning code where it has the task. Rate and batch size are the
keys' defaults, which are those of a small encoder there; a base one has 1e-4.

The published `layer_decay` of 0.8 is for encoders that were pre-trained for
long, and no task sets it: with one of four layers and 4,000 steps it took 9
points of accuracy from SST-2 and from TREC (3,000 texts, 3 epochs, one seed).
"""

from keras_mixattn.errors import InputError

_SQUAD = {
    "kind": "answers",
    "epochs": 2,
    "sequence_length": 512,
    "conditional_head": True,
}
_TAGS = {"kind": "tags", "epochs": 5}
_LONG = {"sequence_length": 512, "batch_size": 16}
_EVERY_FIFTH = {"test_rows": [5, 0, 1]}

# Name -> keys of a fine-tuning configuration.
TASKS = {
    "glue/sst2": {
        "train": ["cls/sst2_glue/train.tsv"],
        "test": ["cls/sst2_glue/dev.tsv"],
        "class_names": ["negative", "positive"],
        "dev_share": 0.03,
    },
    "glue/cola": {
        "train": ["cls/cola/in_domain_train.tsv"],
        "test": [
            "cls/cola/in_domain_dev.tsv",
            "cls/cola/out_of_domain_dev.tsv",
        ],
        "text_column": 3,
        "label_column": 1,
        "class_names": ["unacceptable", "acceptable"],
        "metric": "matthews",
    },
    "glue/mrpc": {
        "train": ["pair/mrpc/train.tsv"],
        "dev": ["pair/mrpc/val.tsv"],
        "test": ["pair/mrpc/test.tsv"],
        "text_column": "#1 String",
        "text_pair_column": "#2 String",
        "label_column": "Quality",
        "class_names": ["different", "paraphrase"],
        "both_orders": True,
    },
    "glue/stsb": {
        "kind": "score",
        "train": ["pair/stsb/train.csv"],
        "dev": ["pair/stsb/dev.csv"],
        "test": ["pair/stsb/test.csv"],
        "text_column": 0,
        "text_pair_column": 1,
        "label_column": 2,
        "score_range": [0.0, 5.0],
        "both_orders": True,
        "epochs": 10,
    },
    "glue/rte": {
        "train": ["pair/rte/train.tsv"],
        "test": ["pair/rte/dev.tsv"],
        "text_column": "sentence1",
        "text_pair_column": "sentence2",
        "label_column": "label",
        "epochs": 10,
    },
    "qnli_like": {
        "train": ["pair/qnli_like_from_squadshifts/train.tsv"],
        "test": ["pair/qnli_like_from_squadshifts/test.tsv"],
        "text_column": "question",
        "text_pair_column": "sentence",
        "label_column": "label",
    },
    "sick/entailment": {
        "train": ["pair/sick/train.tsv"],
        "dev": ["pair/sick/trial.tsv"],
        "test": ["pair/sick/test.tsv"],
        "text_column": "sentence_A",
        "text_pair_column": "sentence_B",
        "label_column": "entailment_judgment",
        "sequence_length": 64,
        "epochs": 5,
    },
    "sick/relatedness": {
        "kind": "score",
        "train": ["pair/sick/train.tsv"],
        "dev": ["pair/sick/trial.tsv"],
        "test": ["pair/sick/test.tsv"],
        "text_column": "sentence_A",
        "text_pair_column": "sentence_B",
        "label_column": "relatedness_score",
        "score_range": [1.0, 5.0],
        "sequence_length": 64,
        "epochs": 5,
    },
    "snips/intents": {
        "train": ["cls/snips/train.jsonl"],
        "test": ["cls/snips/validate.jsonl"],
        "text_column": "data",
        "label_column": "intent",
        "sequence_length": 64,
    },
    "snips/slots": {
        **_TAGS,
        "train": ["cls/snips/train.jsonl"],
        "test": ["cls/snips/validate.jsonl"],
        "text_column": "data",
        "sequence_length": 64,
    },
    "trec6": {
        "train": ["cls/trec6/train.txt"],
        "test": ["cls/trec6/test.txt"],
        "separator": " ",
        "text_column": 1,
        "label_column": 0,
        "class_names": [
            "description",
            "entity",
            "abbreviation",
            "human",
            "location",
            "number",
        ],
        "sequence_length": 64,
        "epochs": 5,
    },
    "banking77": {
        "train": ["cls/banking77/train.csv"],
        "test": ["cls/banking77/test.csv"],
        "sequence_length": 64,
        "epochs": 5,
    },
    "sms_spam": {
        "train": ["cls/sms_spam/sms.tsv"],
        **_EVERY_FIFTH,
        "drop_repeats": True,
        "text_column": 1,
        "label_column": 0,
    },
    "goemotions": {
        "kind": "classes",
        "train": ["cls/goemotions/train.tsv"],
        "dev": ["cls/goemotions/dev.tsv"],
        "test": ["cls/goemotions/test.tsv"],
        "text_column": 0,
        "label_column": 1,
        "sequence_length": 64,
    },
    "wnut17": {
        **_TAGS,
        "train": ["ner/wnut17/train.conll"],
        "dev": ["ner/wnut17/dev.conll"],
        "test": ["ner/wnut17/test.conll"],
    },
    "wikigold": {
        **_TAGS,
        "train": ["ner/wikigold/wikigold.conll.txt"],
        **_EVERY_FIFTH,
    },
    "btc": {
        **_TAGS,
        "train": [f"ner/btc/{part}.conll" for part in "abefgh"],
        **_EVERY_FIFTH,
    },
    "ncbi_disease": {
        **_TAGS,
        "train": ["ner/ncbi_disease/train.txt"],
        "dev": ["ner/ncbi_disease/dev.txt"],
        "test": ["ner/ncbi_disease/test.txt"],
    },
    "conll2000": {
        **_TAGS,
        "train": ["ner/conll2000_chunking/train.txt"],
        "test": ["ner/conll2000_chunking/test.txt"],
        "sequence_length": 256,
        "epochs": 3,
    },
    "squadshifts": {
        **_SQUAD,
        "train": [
            "qa/squadshifts/new_wiki_v1.0.json",
            "qa/squadshifts/reddit_v1.0.json",
        ],
        "test": ["qa/xquad_en/xquad.en.json"],
        "dev_share": 0.05,
    },
    "imdb": {
        **_LONG,
        "train": ["long/imdb/train.jsonl.gz"],
        "test": ["long/imdb/test.jsonl.gz"],
        "text_column": "text",
        "label_column": "label",
        "class_names": ["negative", "positive"],
        "dev_share": 0.05,
    },
    "movie_reviews": {
        **_LONG,
        "train": ["long/movie_reviews_polarity2/all.jsonl.gz"],
        # The official fold cv9: the last hundred of each class.
        "test_rows": [1000, 900, 1000],
        "text_column": "text",
        "label_column": "label",
        "class_names": ["negative", "positive"],
        "epochs": 5,
    },
    "hyperpartisan": {
        **_LONG,
        "train": ["long/hyperpartisan/train.jsonl"],
        "test": ["long/hyperpartisan/dev.jsonl"],
        "text_column": "text",
        "label_column": "label",
        "epochs": 10,
    },
}


def task_keys(name: str, data_directory: str | None) -> dict:
    """Returns the keys of a task, with its files below a directory.

    Args:
        name: A key of `TASKS`.
        data_directory: Where the files are.

    Returns:
        Keys of a fine-tuning configuration.

    Raises:
        InputError: The task is unknown, or no directory is given.

    Example:

    ```python
    task_keys("glue/sst2", "data")["test"]
    # ['data/cls/sst2_glue/dev.tsv']
    ```
    """
    if name not in TASKS:
        raise InputError(
            f"The key 'task' is {name!r}; known tasks are "
            f"{', '.join(TASKS)}; for other data leave it out and give "
            "`kind` and `train`."
        )
    if data_directory is None:
        raise InputError(
            f"The task {name!r} needs `data_directory`, below which its files "
            f"are, such as {TASKS[name]['train'][0]}."
        )
    # Rows may be longer than those an encoder was pre-trained on.
    keys = {"repeat_positions": True, **TASKS[name]}
    for split in ("train", "dev", "test"):
        if split in keys:
            keys[split] = [f"{data_directory}/{file}" for file in keys[split]]
    return keys
