"""How well entities are found in tagged words, as `conlleval` counts."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence

from keras_mixattn.errors import InputError
from keras_mixattn.iob2 import Span
from keras_mixattn.iob2 import entities_of
from keras_mixattn.metrics.pairs import check_pairs


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


def _types(entities: Iterable[Span]) -> list[str]:
    return [entity.kind for entity in entities]


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
