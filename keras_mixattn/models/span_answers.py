"""From the scores of windows to the best spans of a context."""

from typing import NamedTuple

import numpy as np

_BEST = 20  # spans of a question that share its probability


class SpanCandidate(NamedTuple):
    """A possible answer; `context[start:stop]` is `text`.

    Attributes:
        text: The answer.
        start: Its first character.
        stop: The character after its last one.
        score: Its logarithm of a probability, up to a constant.
        probability: Its share among the best spans of the question, the 20
            best ones or as many as are asked for, if more.
    """

    text: str
    start: int
    stop: int
    score: float
    probability: float


class QuestionAnswer(NamedTuple):
    """What a span labeler says to a question.

    Attributes:
        candidates: The best spans, the best one first; none if the context
            has no words, or no start of the conditional head lies in it.
        no_answer_score: How much more likely it is that there is no answer;
            the larger, the surer. What to compare it with is found on held
            out questions; zero is a start.
    """

    candidates: list[SpanCandidate]
    no_answer_score: float

    def text(self, threshold: float = np.inf) -> str:
        """Returns the best answer, or `""` for none.

        Args:
            threshold: The `no_answer_score` above which there is none.
                Defaults to infinity: there always is one.
        """
        if not self.candidates or self.no_answer_score > threshold:
            return ""
        return self.candidates[0].text


def read_answers(
    windows,
    outputs: list[dict],
    contexts: list[str],
    n_best: int,
    max_length: int,
) -> list[QuestionAnswer]:
    """Finds the best spans over all windows of each question.

    A span counts in a window only if no other sees more of the context of
    its first token, as in the official code. Of the plain head all other
    spans are compared, of the conditional one those from its starts.

    Args:
        windows: The `SpanWindows`.
        outputs: What the model predicted for each, as arrays, of as many
            tokens as it needs.
        contexts: The context of each question.
        n_best: Most spans of a question.
        max_length: Most tokens of a span.

    Returns:
        A `QuestionAnswer` for each context.
    """
    found = [{} for _ in contexts]
    no_answer = np.full(len(contexts), np.inf)
    kept = max(n_best, _BEST)
    for example, scores, starts, stops, owned in zip(
        windows.examples,
        outputs,
        windows.starts,
        windows.stops,
        windows.owned,
        strict=True,
    ):
        scored = _scored_starts(scores)
        firsts, lasts, totals = _scored_spans(
            *scored, starts >= 0, owned, max_length
        )
        for span in np.argsort(-totals, kind="stable")[:kept]:
            # Pieces that stand for the same characters are one place.
            place = (int(starts[firsts[span]]), int(stops[lasts[span]]))
            known = found[example].get(place, -np.inf)
            found[example][place] = max(float(totals[span]), known)
        no_answer[example] = min(
            no_answer[example], _no_answer(scores, *scored)
        )
    is_relative = "impossible_logit" not in outputs[0]
    return [
        _answer(_ranked(places)[:kept], context, score, n_best, is_relative)
        for places, context, score in zip(
            found, contexts, no_answer.tolist(), strict=True
        )
    ]


def _scored_starts(scores):
    """Returns starts, `(K,)`, their scores, and those of ends, `(K, T)`."""
    start = scores["start_logits"].astype("float64")
    end = scores["end_logits"].astype("float64")
    if "start_beams" not in scores:
        tokens = len(start)
        return np.arange(tokens), start, np.broadcast_to(end, (tokens, tokens))
    firsts = scores["start_beams"]
    return firsts, _log_softmax(start)[firsts], _log_softmax(end)


def _scored_spans(firsts, start, end, allowed, owned, max_length):
    """Returns first token, last token and score of the spans of a row."""
    kept = allowed[firsts] & owned[firsts]
    firsts, start, end = firsts[kept, None], start[kept, None], end[kept]
    lasts = firsts + np.arange(max_length)  # (starts, lengths)
    inside = lasts < end.shape[1]
    lasts = np.where(inside, lasts, 0)
    is_span = inside & allowed[lasts]
    totals = start + np.take_along_axis(end, lasts, axis=1)
    firsts = np.broadcast_to(firsts, lasts.shape)
    return firsts[is_span], lasts[is_span], totals[is_span]


def _no_answer(scores, firsts, start, end):
    """Returns the score of [CLS], or of the classifier if there is one."""
    if "impossible_logit" in scores:
        return float(scores["impossible_logit"])
    at_first = np.flatnonzero(firsts == 0)
    if len(at_first):
        return float(start[at_first[0]] + end[at_first[0], 0])
    # No end was scored for it: it is at most as likely as its start.
    return float(_log_softmax(scores["start_logits"].astype("float64"))[0])


def _ranked(places):
    return sorted(places.items(), key=lambda item: (-item[1], item[0]))


def _answer(best, context, no_answer, n_best, is_relative):
    if not best:
        return QuestionAnswer([], np.inf)
    scores = np.array([score for _, score in best])
    shares = np.exp(_log_softmax(scores)).tolist()
    candidates = [
        SpanCandidate(context[start:stop], start, stop, score, share)
        for ((start, stop), score), share in zip(best, shares, strict=True)
    ]
    if is_relative:
        no_answer -= candidates[0].score
    return QuestionAnswer(candidates[:n_best], no_answer)


def _log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
