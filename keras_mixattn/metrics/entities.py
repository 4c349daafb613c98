"""How well entities are found in tagged words, as `conlleval` counts."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence

from keras_mixattn.errors import InputError
from keras_mixattn.metrics.pairs import check_pairs


def entities_of(tags: Iterable[str]) -> list[tuple[int, int, str]]:
    """Reads the entities off the tags of a sentence.

    Tags are IOB2: `B-PER` opens an entity of the type `PER`, `I-PER` goes on
    with it, `O` is outside. As in the `conlleval` script of CoNLL-2000 and
    2003, an `I-` that goes on with no entity of its own type opens one.

    Args:
        tags: The tag of each word.

    Returns:
        The first word of each entity, the word after its last, and its type.

    Raises:
        InputError: A tag is not legal.

    Example:

    ```python
    tags = ["B-PER", "I-PER", "O", "I-LOC", "I-ORG"]
    assert entities_of(tags) == [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "ORG")]
    ```
    """
    entities = []
    start, open_type = 0, None
    for place, tag in enumerate([*tags, "O"]):
        prefix, entity_type = _split(tag)
        if open_type is not None and (
            prefix != "I" or entity_type != open_type
        ):
            entities.append((start, place, open_type))
            open_type = None
        if open_type is None and prefix != "O":
            start, open_type = place, entity_type
    return entities


def entity_scores(
    tags: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, float | dict[str, dict[str, float]]]:
    """Compares predicted entities with the true ones, as `conlleval` does.

    An entity is right if its first word, last word and type are. A share of
    nothing, as the precision where no entity is predicted, is 0.

    Args:
        tags: The IOB2 tags of each sentence, one for each word.
        predicted: The predicted tags of each.

    Returns:
        `precision`, `recall` and `f1` over all entities, `count`, the number
        of true ones, and `types`, a dict from each type, in sorted order, to
        a dict of the same four.

    Raises:
        InputError: There are no sentences, numbers of sentences or of words
            differ, or a tag is not legal.

    Example:

    ```python
    scores = entity_scores([["B-PER", "O", "B-LOC"]], [["B-PER", "O", "O"]])
    assert scores["precision"] == 1.0
    assert scores["recall"] == 0.5
    assert scores["types"]["LOC"]["f1"] == 0.0
    ```
    """
    check_pairs("tags", tags, predicted)
    true, found, right = Counter(), Counter(), Counter()  # of each type
    for index, pair in enumerate(zip(tags, predicted, strict=True)):
        _check_words(index, *pair)
        true_entities, found_entities = map(set, map(entities_of, pair))
        true.update(_types(true_entities))
        found.update(_types(found_entities))
        right.update(_types(true_entities & found_entities))
    return {
        **_scores(right.total(), found.total(), true.total()),
        "types": {
            entity_type: _scores(
                right[entity_type], found[entity_type], true[entity_type]
            )
            for entity_type in sorted(true | found)
        },
    }


def _types(entities: Iterable[tuple[int, int, str]]) -> list[str]:
    return [entity_type for _, _, entity_type in entities]


def _split(tag: str) -> tuple[str, str]:
    prefix, _, entity_type = tag.partition("-")
    if tag != "O" and not (prefix in ("B", "I") and entity_type):
        raise InputError(
            f"{tag!r} is no IOB2 tag; write O, or B- or I- before the type, "
            "as in B-PER."
        )
    return prefix, entity_type


def _check_words(index: int, tags: Sequence[str], predicted: Sequence[str]):
    if len(tags) != len(predicted):
        raise InputError(
            f"The sentence at index {index} has {len(tags)} tags and "
            f"{len(predicted)} predicted ones; give one of each for each word."
        )


def _scores(right: int, found: int, true: int) -> dict[str, float]:
    precision = right / found if found else 0.0
    recall = right / true if true else 0.0
    both = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / both if both else 0.0,
        "count": true,
    }
