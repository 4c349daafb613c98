"""Text in: documents, labelled texts, vocabularies, windows, batches."""

from keras_mixattn.data.docstrings import Document
from keras_mixattn.data.docstrings import docstring_documents
from keras_mixattn.data.docstrings import module_split
from keras_mixattn.data.documents import read_documents
from keras_mixattn.data.labelled_texts import LabelledTexts
from keras_mixattn.data.labelled_texts import read_labelled_texts
from keras_mixattn.data.length_batches import LengthBatches
from keras_mixattn.data.masking import TokenMasker
from keras_mixattn.data.masking import masked_lm_dataset
from keras_mixattn.data.package_task import package_sentences
from keras_mixattn.data.sentence_structure import SentenceStructureExamples
from keras_mixattn.data.sentence_structure import sentence_structure_examples
from keras_mixattn.data.sentences import split_sentences
from keras_mixattn.data.token_windows import token_windows
from keras_mixattn.data.vocabulary import SPECIAL_TOKENS
from keras_mixattn.data.vocabulary import learn_vocabulary
from keras_mixattn.data.vocabulary import load_vocabulary
from keras_mixattn.data.vocabulary import save_vocabulary

__all__ = [
    "SPECIAL_TOKENS",
    "Document",
    "LabelledTexts",
    "LengthBatches",
    "SentenceStructureExamples",
    "TokenMasker",
    "docstring_documents",
    "learn_vocabulary",
    "load_vocabulary",
    "masked_lm_dataset",
    "module_split",
    "package_sentences",
    "read_documents",
    "read_labelled_texts",
    "save_vocabulary",
    "sentence_structure_examples",
    "split_sentences",
    "token_windows",
]
