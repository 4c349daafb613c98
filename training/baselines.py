"""What a trained model must beat: the majority class and naive Bayes."""

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from keras_mixattn.data import LabelledTexts


def baseline_accuracies(
    train: LabelledTexts, test: LabelledTexts
) -> dict[str, float]:
    """Measures two baselines.

    Naive Bayes is the multinomial one, add-one smoothed, on which
    lower-cased words, marks and pairs of neighbours occur in a text, however
    often; a pair of texts is joined to one.

    Args:
        train: Texts to learn from.
        test: Texts to measure on.

    Returns:
        The accuracies by `"majority"` and `"naive_bayes"`.

    Example:

    ```python
    train = LabelledTexts(["a b", "c d", "c"], [0, 1, 1], ["x", "y"])
    baseline_accuracies(train, LabelledTexts(["a"], [0], ["x", "y"]))
    # {'majority': 0.0, 'naive_bayes': 1.0}
    ```
    """
    majority = max(set(train.labels), key=train.labels.count)
    counter = CountVectorizer(
        ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", binary=True
    )
    naive_bayes = MultinomialNB().fit(
        counter.fit_transform(_joined(train)), train.labels
    )
    return {
        "majority": test.labels.count(majority) / len(test),
        "naive_bayes": float(
            naive_bayes.score(counter.transform(_joined(test)), test.labels)
        ),
    }


def _joined(split: LabelledTexts) -> list[str]:
    if split.text_pairs is None:
        return split.texts
    return [
        f"{first} {second}"
        for first, second in zip(split.texts, split.text_pairs, strict=True)
    ]
