"""Raw text: what parts two documents, and what each fault says."""

import gzip

import pytest

from keras_mixattn.data import document_files
from keras_mixattn.data import documents as documents_module
from keras_mixattn.data import read_documents
from keras_mixattn.data import texts
from keras_mixattn.data.docstrings import Document
from keras_mixattn.data.docstrings import module_split
from keras_mixattn.data.text_files import Table
from keras_mixattn.errors import InputError
from tests.fixtures import shared_file


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text if isinstance(text, bytes) else text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "A.TXT"])
def test_blank_lines_part_documents(tmp_path, name):
    text = "\ufeffOne\r\nlong  line.\r\n\r\n \t\nTwo\u0085still two.\n\n\n"
    path = write(tmp_path / name, text)
    assert list(read_documents(path)) == [
        "One long  line.",
        "Two\u0085still two.",
    ]


def test_tables_give_a_document_a_row(tmp_path):
    csv = write(tmp_path / "a.csv", 'id,text\n1,"a ""b"",\nc"\n2,\n3, d \n')
    tsv = write(tmp_path / "b.tsv", 'text\tid\n"e\t4\n\nf, g\t5\n')
    jsonl = write(tmp_path / "c.jsonl.gz", '{"text": "h\\ni"}\n\n')
    assert list(read_documents([csv, tsv, str(jsonl)])) == [
        'a "b",\nc',
        "d",
        '"e',
        "f, g",
        "h\ni",
    ]


def test_text_column(tmp_path):
    path = write(tmp_path / "a.csv", "body,text\nfirst,second\n")
    assert list(read_documents(path, text_column="body")) == ["first"]


def test_directories_are_read_in_sorted_order(tmp_path):
    write(tmp_path / "b.txt", "third")
    write(tmp_path / "a" / "z.txt.gz", "second")
    write(tmp_path / "a" / "c.tsv", "text\nfirst")
    write(tmp_path / "a" / "picture.png", b"\xff\x00")
    assert list(read_documents(tmp_path)) == ["first", "second", "third"]


def test_docstrings_by_split(monkeypatch):
    modules = [f"numpy.module{number}" for number in range(31)]
    monkeypatch.setattr(
        documents_module,
        "docstring_documents",
        lambda: [
            Document("numpy", name, f"Text of {name}.") for name in modules
        ],
    )
    everything = list(read_documents("docstrings"))
    train = list(read_documents("docstrings:train"))
    held_out = list(read_documents(["docstrings:dev", "docstrings:test"]))
    assert everything == [f"Text of {name}." for name in modules]
    assert train == [
        f"Text of {name}." for name in modules if module_split(name) == "train"
    ]
    assert sorted(train + held_out) == sorted(everything)
    assert 0 < len(held_out) < len(train)


def test_a_tfds_name_gives_a_document_an_example(monkeypatch):
    asked = []

    def read(*arguments):
        asked.append(arguments)
        rows = [(1, {"text": " One. "}), (2, {"text": ""}), (3, {"text": "b"})]
        return Table(["text", "title"], iter(rows))

    monkeypatch.setattr(texts, "read_tfds_table", read)
    documents = read_documents("tfds:wiki40b/en", split="test", data_dir="d")
    assert list(documents) == ["One.", "b"]
    assert asked == [("tfds:wiki40b/en", "test", "d")]


def test_files_of_a_source(tmp_path):
    first = write(tmp_path / "a" / "z.txt.xz", "not read here")
    second = write(tmp_path / "b.jsonl", "{}")
    write(tmp_path / "c.zip", "x")
    assert document_files(tmp_path) == [first, second]
    assert document_files(str(second)) == [second]
    assert document_files("docstrings:dev") == ["docstrings:dev"]
    assert document_files("tfds:a/b") == ["tfds:a/b"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pdf", "x", "'.*a.pdf' is no source.*.txt, .tsv, .csv, .jsonl"),
        ("a.txt", "", "a.txt' is empty"),
        ("a.txt", b"ab\ncd\xe9\n", "0xe9 at offset 5 .line 2. .*UTF-8"),
        ("a.csv", "", "a.csv' is empty"),
        ("a.csv", "\n\n", "a.csv' holds only blank lines"),
        ("a.csv", "id,title\n1,x\n", "no column 'text'.*are: id, title"),
        ("a.csv", "id,id\n1,x\n", "names a column twice: id, id"),
        ("a.csv", 'text\nx\n"y\nz\n', "no valid CSV.* line 3 .*quotes"),
        ("a.csv", "text,id\nx,1\ny\n", "line 3 has 1 fields .* has 2"),
        ("a.tsv", "text\nx\ny\tz\n", "line 3 has 2 fields .* has 1"),
        ("a.jsonl", '{"text": "x"}\n{"text"\n', "line 2 is no valid JSON"),
        ("a.jsonl", '["x"]\n', "line 1 holds a JSON list"),
        ("a.jsonl", '{"text": "x"}\n{"t": 1}\n', "line 2 has no text"),
    ],
)
def test_faults_of_a_file(tmp_path, name, content, words):
    path = write(tmp_path / name, content)
    with pytest.raises(InputError, match=words):
        list(read_documents(path))


def test_faults_of_a_gzip_file(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(InputError, match="not a whole gzip file"):
        list(read_documents(path))
    path.write_bytes(gzip.compress(bytes(range(97, 123)) * 9)[:-9])
    with pytest.raises(InputError, match="not a whole gzip file"):
        list(read_documents(path))


def test_faults_of_a_source(tmp_path):
    with pytest.raises(InputError, match="no-such.txt' does not exist"):
        list(read_documents(tmp_path / "no-such.txt"))
    with pytest.raises(InputError, match="holds no file that ends in .txt"):
        list(read_documents(tmp_path))
    with pytest.raises(InputError, match="'docstrings:all' names no split"):
        list(read_documents("docstrings:all"))


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        (("text", "newsarticles", "NewsArticles.csv.gz"), 3824 - 36),
        (("long", "imdb", "test.jsonl.gz"), 25000),
        (("text", "novels100", "train-07.txt.gz"), 10),
    ],
)
def test_counts_of_known_files(parts, count):
    path = shared_file("data", *parts)
    assert sum(1 for _ in read_documents(path)) == count
