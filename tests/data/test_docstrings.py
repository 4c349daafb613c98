"""The embedded corpus: what is taken from a package, and what is not."""

import sys
from collections import Counter

import pytest

from keras_mixattn.data import docstring_documents
from keras_mixattn.data import module_split
from keras_mixattn.data.docstrings import Document
from keras_mixattn.errors import InputError

FILES = {
    "__init__.py": '''
"""The package."""
raise RuntimeError("imported")
''',
    "b.py": '''
"""Module b."""
if True:
    class Outer:
        """Class.

        Text:
            indented.
        """
        async def method(self):
            """Method."""
            def inner():
                """Inner function."""
            """A string, not a docstring."""
try:
    pass
except ValueError:
    def fallback():
        "\\d One line."
''',
    "a/newdocs.py": '''
add_newdoc("place", "thing", """
    Text of a thing.

    """)
add_newdoc("place", "thing", ("part", """
    Text of a part."""))
def copy():
    """Module b."""
''',
    "a/broken.py": '"""Never."""\ndef (:',
    "a/b_test.py": '"""Never."""',
    "a/test_b.py": '"""Never."""',
    "tests/c.py": '"""Never."""',
    "_vendor/c.py": '"""Never."""',
    "site-packages/c.py": '"""Never."""',
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, content in FILES.items():
        path = tmp_path / "mixattn_sample" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    return "mixattn_sample"


def test_what_is_taken_and_in_which_order(package):
    documents = list(docstring_documents([package]))
    assert {document.package for document in documents} == {package}
    assert [document[1:] for document in documents] == [
        ("mixattn_sample", "The package."),
        ("mixattn_sample.a.newdocs", "Text of a thing."),
        ("mixattn_sample.a.newdocs", "Text of a part."),
        ("mixattn_sample.a.newdocs", "Module b."),
        ("mixattn_sample.b", "Class.\n\nText:\n    indented."),
        ("mixattn_sample.b", "Method."),
        ("mixattn_sample.b", "Inner function."),
        ("mixattn_sample.b", "\\d One line."),
    ]
    assert package not in sys.modules


def test_a_missing_package_is_named():
    with pytest.raises(InputError, match="'no_such_package' is not installed"):
        list(docstring_documents(["no_such_package"]))


def test_numpy_and_its_added_documentation():
    documents = list(docstring_documents(["numpy"]))
    texts = [document.text for document in documents]
    assert len(set(texts)) == len(texts) > 1000
    assert sum(map(len, texts)) > 1_000_000
    assert documents[0] == Document("numpy", "numpy.__config__", texts[0])
    assert any(
        document.module == "numpy._core._add_newdocs"
        and document.text.startswith("arange(")
        for document in documents
    )


def test_module_split_hangs_on_the_name_alone():
    names = [f"package.module{number}" for number in range(2000)]
    splits = Counter(map(module_split, names))
    assert splits["train"] == pytest.approx(1600, abs=80)
    assert splits["dev"] == pytest.approx(200, abs=50)
    assert splits["test"] == pytest.approx(200, abs=50)
    assert [module_split(f"numpy.{name}") for name in ("linalg", "ma")] == [
        "train",
        "dev",
    ]
