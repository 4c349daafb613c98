"""Tagged words: real files in miniature, tags, ids, TensorFlow data sets."""

import gzip
import json

import pytest
import tensorflow_datasets as tfds

from keras_mixattn.data import TaggedWords
from keras_mixattn.data import read_tagged_words
from keras_mixattn.errors import InputError
from tests.data.tfds_sets import store


def write(path, text):
    content = text.encode()
    path.write_bytes(
        gzip.compress(content) if path.suffix == ".gz" else content
    )
    return path


def named_tags(read):
    return [[read.tag_names[tag] for tag in tags] for tags in read.tags]


# As WNUT-17 and BTC: tabs, "#" words, a lone tab between sentences, an empty
# word, a word with a space.
TWEETS = (
    "#MH17\tB-event\n#x\tI-event\n\t\n@\tB-person\n\tO\nke s \tO\n\n\nok\tO\n"
)
# As WikiGold: IOB1, parted by spaces.
ARTICLE = (
    "-DOCSTART- O\n\n010 I-MISC\nis O\n\nNew I-LOC\nYork I-LOC\nNYC B-LOC\n"
    "-DOCSTART- O\nAda I-PER\n"
)
# As CoNLL-2000 and NCBI-disease: more columns than two.
CHUNKS = "He PRP B-NP\nreckons VBZ B-VP\n\nthe DT B-NP\ndeficit NN I-NP\n"
TREEBANK = """\
# sent_id = 1
# text = Vámonos al #1
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tvm\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
2.1\tgo\tgo\tVERB\t_\t_\t_\t_\t1:x\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tsp\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tda\t_\t5\tdet\t_\t_
5\t#1\t#1\tSYM\tw\t_\t1\tobl\t_\t_

# sent_id = 2
1\t10 000\t10 000\tNUM\tz\t_\t0\troot\t_\t_
"""


@pytest.mark.parametrize("name", ["a.conll", "a.bio", "A.TXT", "a.tsv.gz"])
def test_columns_parted_by_tabs(tmp_path, name):
    read = read_tagged_words(write(tmp_path / name, TWEETS))
    assert read.words == [["#MH17", "#x"], ["@", "", "ke s"], ["ok"]]
    assert read.tag_names == [
        "O",
        "B-event",
        "B-person",
        "I-event",
        "I-person",
    ]
    assert read.tags == [[1, 3], [2, 0, 0], [0]]
    assert len(read) == 3


def test_iob1_parted_by_spaces(tmp_path):
    read = read_tagged_words(write(tmp_path / "a.conll.txt", ARTICLE))
    assert read.words == [["010", "is"], ["New", "York", "NYC"], ["Ada"]]
    assert named_tags(read) == [
        ["B-MISC", "O"],
        ["B-LOC", "I-LOC", "B-LOC"],
        ["B-PER"],
    ]
    assert read.tag_names == ["O"] + [
        f"{prefix}-{kind}" for prefix in "BI" for kind in ("LOC", "MISC", "PER")
    ]


def test_broken_iob2_is_mended_as_the_scorer_reads_it(tmp_path):
    text = "a B-X\nb I-Y\nc O\nd I-X\ne B-X\n"
    read = read_tagged_words(write(tmp_path / "a.conll", text))
    assert named_tags(read) == [["B-X", "B-Y", "O", "B-X", "B-X"]]


def test_chosen_columns(tmp_path):
    path = write(tmp_path / "a.txt", CHUNKS)
    assert named_tags(read_tagged_words(path)) == [
        ["B-NP", "B-VP"],
        ["B-NP", "I-NP"],
    ]
    parts_of_speech = read_tagged_words(path, tag_column=1)
    assert parts_of_speech.tag_names == ["DT", "NN", "PRP", "VBZ"]
    assert parts_of_speech.tags == [[2, 3], [0, 1]]
    assert read_tagged_words(path, 1, 0).words[0] == ["PRP", "VBZ"]


def test_spaces_and_line_ends(tmp_path):
    text = "\ufeffa  B-X \r\n\u00a0 I-X\r\n \t\r\nb O\r\n"
    read = read_tagged_words(write(tmp_path / "a.conll", text))
    assert read.words == [["a", "\u00a0"], ["b"]]
    assert named_tags(read) == [["B-X", "I-X"], ["O"]]


def test_conllu(tmp_path):
    path = write(tmp_path / "a.conllu", TREEBANK)
    read = read_tagged_words(path)
    assert read.words == [["Vamos", "nos", "a", "el", "#1"], ["10 000"]]
    assert named_tags(read) == [["VERB", "PRON", "ADP", "DET", "SYM"], ["NUM"]]
    assert read.tag_names == sorted(read.tag_names)
    read = read_tagged_words(path, "LEMMA", "DEPREL")
    assert read.words[0][0] == "ir"
    assert read.tag_names == ["case", "det", "obj", "obl", "root"]


def test_json_lists(tmp_path):
    rows = [
        {"id": 0, "tokens": ["Ada", "King"], "ner_tags": ["B-PER", "I-PER"]},
        {"id": 1, "tokens": ["ok"], "ner_tags": ["O"]},
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert read_tagged_words(path) == TaggedWords(
        [["Ada", "King"], ["ok"]], [[1, 2], [0]], ["O", "B-PER", "I-PER"]
    )


def test_ids_for_tags(tmp_path):
    rows = [{"words": ["Ada", "King", "is"], "tags": [10, "9", 0]}]
    path = write(tmp_path / "a.jsonl", json.dumps(rows[0]))
    assert read_tagged_words(path).tag_names == ["0", "9", "10"]
    names = ["O", "B-PER", "I-PER", *"abcdef", "I-X", "I-PER2"]
    with pytest.raises(InputError, match="line 1 has the unknown tag 'B-PER2'"):
        read_tagged_words(path, tag_names=names)
    names = ["O", *"abcdefgh", "I-PER", "B-PER"]
    read = read_tagged_words(path, tag_names=names)
    assert named_tags(read) == [["B-PER", "I-PER", "O"]]


def test_texts_in_parts(tmp_path):
    rows = [
        [
            {"text": "Add "},
            {"text": "Cita Romántica", "entity": "playlist"},
            {"text": ", or "},
            {"text": "a", "entity": "artist"},
            {"text": " "},
            {"text": "b c", "entity": "artist"},
            {"text": ".\n"},
        ],
        [
            {"text": "Meers", "entity": "city"},
            {"text": ",("},
            {"text": "MP here", "entity": "state", "score": 1},
        ],
    ]
    lines = [json.dumps({"intent": "x", "data": row}) for row in rows]
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    read = read_tagged_words(path, "data")
    assert read.words == [
        ["Add", "Cita", "Romántica,", "or", "a", "b", "c."],
        ["Meers,(MP", "here"],
    ]
    # The city and the state share a word: the state keeps its other one.
    assert named_tags(read) == [
        ["O", "B-playlist", "I-playlist", "O"]
        + ["B-artist", "B-artist", "I-artist"],
        ["B-city", "B-state"],
    ]


def test_tag_names_of_train_fix_the_ids_of_dev(tmp_path):
    train = write(tmp_path / "train.conll", "a\tI-X\nb\tB-Y\n")
    dev = write(tmp_path / "dev.conll", "a\tO\nb\tB-Y\nc\tI-Y\n")
    names = read_tagged_words(train).tag_names
    assert names == ["O", "B-X", "B-Y", "I-X", "I-Y"]
    assert read_tagged_words(dev, tag_names=names).tags == [[0, 2, 4]]


def test_a_new_tag_of_dev_is_an_error(tmp_path):
    path = write(tmp_path / "dev.conll", "a\tO\n\nb\tO\nc\tB-Z\n")
    with pytest.raises(
        InputError,
        match="dev.conll', line 4 has the unknown tag 'B-Z'; the 3 .*: O, B-X",
    ):
        read_tagged_words(path, tag_names=["O", "B-X", "I-X"])


@pytest.fixture(scope="module")
def tfds_directory(tmp_path_factory):
    """A prepared data set whose declared tags are neither sorted nor whole."""
    tag = tfds.features.ClassLabel(names=["I-PER", "O", "B-LOC", "I-LOC"])
    part = tfds.features.ClassLabel(names=["V", "N"])
    features = {
        "tokens": tfds.features.Sequence(tfds.features.Text()),
        "ner": tfds.features.Sequence(tag),
        "pos": tfds.features.Sequence(part),
    }
    examples = [
        {"tokens": ["Ada", "fuhr"], "ner": [0, 1], "pos": [1, 0]},
        {"tokens": ["Köln"], "ner": [3], "pos": [-1]},
    ]
    directory = tmp_path_factory.mktemp("tfds")
    return store(directory, "toy_tags", features, examples)


def test_a_tensorflow_data_set(tfds_directory):
    read = read_tagged_words(
        "tfds:toy_tags", split="train", data_dir=tfds_directory
    )
    assert read.words == [["Ada", "fuhr"], ["Köln"]]
    assert read.tag_names == ["I-PER", "O", "B-LOC", "I-LOC", "B-PER"]
    assert read.tags == [[4, 1], [2]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tag_column": "x"}, "no column 'x' for `tag_c.*: ner, pos, tokens"),
        ({"tag_column": "pos"}, "line 2 has no list of tags in column 'pos'"),
        ({"split": "test"}, "no split 'test'; it has: train"),
        ({"tag_names": ["O", "B-LOC"]}, "line 1 has the unknown tag 'B-PER'"),
    ],
)
def test_faults_of_a_tensorflow_data_set(tfds_directory, arguments, words):
    with pytest.raises(InputError, match=words):
        read_tagged_words("tfds:toy_tags", data_dir=tfds_directory, **arguments)
