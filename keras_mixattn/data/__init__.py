"""Text in: documents, labelled data, vocabularies, records, batches."""

from keras_mixattn.data.docstrings import Document
from keras_mixattn.data.docstrings import docstring_documents
from keras_mixattn.data.docstrings import module_split
from keras_mixattn.data.documents import document_files
from keras_mixattn.data.documents import read_documents
from keras_mixattn.data.labelled_texts import LabelledTexts
from keras_mixattn.data.labelled_texts import read_labelled_texts
from keras_mixattn.data.length_batches import LengthBatches
from keras_mixattn.data.masking import TokenMasker
from keras_mixattn.data.package_task import package_sentences
from keras_mixattn.data.packed_texts import packed_texts
from keras_mixattn.data.pretraining_records import PretrainingRecords
from keras_mixattn.data.questions import Answer
from keras_mixattn.data.questions import Questions
from keras_mixattn.data.questions import read_questions
from keras_mixattn.data.record_batches import masked_records_dataset
from keras_mixattn.data.record_builder import RecordBuilder
from keras_mixattn.data.record_format import MANIFEST
from keras_mixattn.data.record_format import describe_shard
from keras_mixattn.data.record_format import shard_content
from keras_mixattn.data.record_manifest import record_manifest
from keras_mixattn.data.record_manifest import save_records
from keras_mixattn.data.segment_pairs import SegmentPair
from keras_mixattn.data.segment_pairs import segment_pairs
from keras_mixattn.data.sentence_structure import SentenceStructureExamples
from keras_mixattn.data.sentence_structure import sentence_structure_examples
from keras_mixattn.data.sentences import split_sentences
from keras_mixattn.data.tagged_words import TaggedWords
from keras_mixattn.data.tagged_words import read_tagged_words
from keras_mixattn.data.text_rows import TextRow
from keras_mixattn.data.text_rows import iterate_texts
from keras_mixattn.data.texts import Texts
from keras_mixattn.data.texts import read_texts
from keras_mixattn.data.tfds_tables import TFDS_PREFIX
from keras_mixattn.data.tfds_tables import tfds_version
from keras_mixattn.data.token_windows import token_windows
from keras_mixattn.data.vocabulary import SPECIAL_TOKENS
from keras_mixattn.data.vocabulary import learn_vocabulary
from keras_mixattn.data.vocabulary import load_vocabulary
from keras_mixattn.data.vocabulary import save_vocabulary
from keras_mixattn.data.window_batches import masked_lm_dataset
from keras_mixattn.iob2 import to_iob2

__all__ = [
    "MANIFEST",
    "SPECIAL_TOKENS",
    "TFDS_PREFIX",
    "Answer",
    "Document",
    "LabelledTexts",
    "LengthBatches",
    "PretrainingRecords",
    "Questions",
    "RecordBuilder",
    "SegmentPair",
    "SentenceStructureExamples",
    "TaggedWords",
    "TextRow",
    "Texts",
    "TokenMasker",
    "describe_shard",
    "docstring_documents",
    "document_files",
    "iterate_texts",
    "learn_vocabulary",
    "load_vocabulary",
    "masked_lm_dataset",
    "masked_records_dataset",
    "module_split",
    "package_sentences",
    "packed_texts",
    "read_documents",
    "read_labelled_texts",
    "read_questions",
    "read_tagged_words",
    "read_texts",
    "record_manifest",
    "save_records",
    "save_vocabulary",
    "segment_pairs",
    "sentence_structure_examples",
    "shard_content",
    "split_sentences",
    "tfds_version",
    "to_iob2",
    "token_windows",
]
