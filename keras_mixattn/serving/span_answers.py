"""The best span of a context, from the scores of its windows."""

import tensorflow as tf

from keras_mixattn.serving.answers import Answer
from keras_mixattn.serving.rows import resized
from keras_mixattn.serving.steps import run_in_steps

# As `answer` of the task: most tokens of a span, and spans that share the
# probability of a question.
_LONGEST = 30
_BEST = 20
_NONE = float("-inf")
# The scores where there is no span; JSON has no infinity.
_HIGHEST = tf.float32.max


class SpanAnswer(Answer):
    """The best span of a context, and how likely it is that there is none.

    Scores are those of the task's `answer`: a span counts in the window that
    sees most of the context of its first token, and the best spans of all
    windows are compared.
    """

    def __init__(self, task):
        super().__init__(task)
        if task.conditional:
            self.least_width = task.beam_size

    def more_inputs(self, token_ids):
        return {"start_positions": tf.fill([tf.shape(token_ids)[0]], -1)}

    def tails(self, token_ids):
        width = tf.shape(token_ids)[1]
        scores = [width], tf.float64
        tails = {"no_answer": ([], tf.float64), "start": scores}
        if not self.task.conditional:
            return {**tails, "end": scores}
        beams = tf.minimum(width, self.task.beam_size)
        return {
            **tails,
            "firsts": ([beams], tf.int32),
            # Of each first token the ends that a span may have.
            "ends": ([beams, _LONGEST], tf.float64),
        }

    def read(self, outputs, token_ids):
        # In float64, as the task does.
        start = tf.cast(outputs["start_logits"], tf.float64)
        end = tf.cast(outputs["end_logits"], tf.float64)
        if not self.task.conditional:
            kept = {"start": start, "end": end}
            no_answer = start[:, 0] + end[:, 0]
        else:
            firsts = outputs["start_beams"]
            start, end = tf.nn.log_softmax(start), tf.nn.log_softmax(end)
            lasts, _ = _lasts(firsts, tf.shape(start)[1])
            kept = {
                "firsts": firsts,
                "start": start,
                "ends": tf.gather(end, lasts, batch_dims=2),
            }
            no_answer = _score_of_first_token(firsts, start, end)
        if self.task.answerability:
            no_answer = tf.cast(outputs["impossible_logit"], tf.float64)
        return {**kept, "no_answer": no_answer}

    def finish(self, kept, rows):
        width = tf.shape(kept["start"])[1]
        count = tf.size(rows.lengths, tf.int64)
        texts = tf.range(count)
        if rows.origin is None:
            places = _places_of_tokens(rows, width)
        else:
            places = _places_of_pieces(rows.origin, width)
            count = tf.size(rows.origin.text, tf.int64)
            texts = rows.origin.windows.texts
        answer = _best_of_texts(*_best_of_rows(kept, *places), texts, count)
        no_answer = tf.math.unsorted_segment_min(
            kept["no_answer"], texts, count
        )
        if not self.task.answerability:
            no_answer -= answer["score"]
        is_found = answer["probability"] > 0
        answer["no_answer_score"] = tf.where(is_found, no_answer, _HIGHEST)
        answer["score"] = tf.where(is_found, answer["score"], -_HIGHEST)
        for name in ("score", "probability", "no_answer_score"):
            answer[name] = tf.cast(answer[name], tf.float32)
        if rows.origin is not None:
            start, stop = answer["start"], answer["stop"]
            answer["answer"] = tf.strings.substr(
                rows.origin.text, start, stop - start
            )
        return answer


def _score_of_first_token(firsts, start, end):
    """Returns the score of [CLS], which stands for no answer, `(R,)`."""
    is_first = tf.equal(firsts, 0)  # (R, K)
    ends = tf.where(is_first, end[:, :, 0], _NONE)
    followed = start[:, 0] + tf.reduce_max(ends, axis=1)
    # Without an end scored for it, it is at most as likely as its start.
    return tf.where(tf.reduce_any(is_first, axis=1), followed, start[:, 0])


def _lasts(firsts, width):
    """Returns the last tokens of spans, `(R, K, 30)`, and if they exist."""
    lasts = firsts[:, :, None] + tf.range(_LONGEST)
    inside = lasts < width
    return tf.where(inside, lasts, 0), inside


def _places_of_tokens(rows, width):
    """Returns the first and next place of tokens, and who may begin a span.

    Tokens outside of the context have a next place of -1.
    """
    places = tf.range(width)  # (T,)
    in_context = resized(rows.segment_ids, width, 0) > 0
    in_context &= places < rows.lengths[:, None] - 1  # not the last [SEP]
    starts = tf.broadcast_to(places, tf.shape(in_context))
    return starts, tf.where(in_context, starts + 1, -1), in_context


def _places_of_pieces(origin, width):
    """Likewise, in bytes of the context."""
    pieces, windows = origin.pieces, origin.windows
    offsets = tf.range(tf.cast(width, tf.int64)) - origin.prefixes[:, None]
    inside = offsets >= 0  # (R, T)
    inside &= offsets < windows.pieces.row_lengths()[:, None]
    index = windows.pieces.row_starts()[:, None] + offsets
    index = tf.where(inside, index, 0)

    def at(values, index):
        # One more, for requests without any piece.
        return tf.gather(tf.concat([values, [0]], axis=0), index)

    owned = at(tf.cast(windows.owned, tf.int32), index) > 0
    piece = at(windows.pieces.flat_values, index)
    stops = tf.where(inside, at(pieces.stops, piece), -1)
    return at(pieces.starts, piece), stops, inside & owned


def _best_of_rows(kept, starts, stops, may_begin):
    """Returns row, start, stop and score of the best spans of each row."""
    count, width = tf.unstack(tf.shape(stops))
    names = {"start", "end", "firsts", "ends"} & set(kept)

    # In steps: a row has 30 spans for each of its tokens.
    def step(rows, _):
        own = {name: tf.gather(kept[name], rows) for name in names}
        return _best_spans(
            own, tf.gather(stops, rows) >= 0, tf.gather(may_begin, rows)
        )

    tokens = [_BEST], tf.int32
    best = run_in_steps(
        step,
        tf.fill([count], width),
        {"first": tokens, "last": tokens, "score": ([_BEST], tf.float64)},
    )
    found = tf.where(best["score"] > _NONE)  # (N, 2)
    row = found[:, 0]

    def at(values, place):
        index = tf.cast(tf.gather_nd(place, found), tf.int64)
        return tf.gather_nd(values, tf.stack([row, index], axis=1))

    scores = tf.gather_nd(best["score"], found)
    return row, at(starts, best["first"]), at(stops, best["last"]), scores


def _best_spans(kept, in_context, may_begin):
    """Returns first token, last token and score of the best spans, `(R, 20)`.

    Where a row has fewer spans, the score of the rest is minus infinity.
    """
    shape = tf.shape(in_context)
    firsts = kept.get("firsts")
    if firsts is None:
        firsts = tf.broadcast_to(tf.range(shape[1]), shape)
    lasts, inside = _lasts(firsts, shape[1])  # (R, K, 30)
    ends = kept.get("ends")
    if ends is None:
        ends = tf.gather(kept["end"], lasts, batch_dims=1)
    is_span = tf.gather(may_begin, firsts, batch_dims=1)[:, :, None] & inside
    is_span &= tf.gather(in_context, lasts, batch_dims=1)
    totals = tf.gather(kept["start"], firsts, batch_dims=1)[:, :, None] + ends
    totals = tf.where(is_span, totals, _NONE)
    flat = [shape[0], tf.shape(firsts)[1] * _LONGEST]
    best = tf.math.top_k(tf.reshape(totals, flat), _BEST)
    first = tf.gather(firsts, best.indices // _LONGEST, batch_dims=1)
    last = first + best.indices % _LONGEST
    return {"first": first, "last": last, "score": best.values}


def _best_of_texts(row, starts, stops, scores, texts, count):
    """Returns the best span of each text and its share of the 20 best."""
    # One number for text, start and stop; larger than both is what follows.
    size = tf.reduce_max(tf.concat([stops, [0]], axis=0)) + 1
    size, starts, stops = (
        tf.cast(one, tf.int64) for one in (size, starts, stops)
    )
    keys = (tf.gather(texts, row) * size + starts) * size + stops
    order = tf.argsort(keys)
    # Pieces that stand for the same characters are one place.
    places, place = tf.unique(tf.gather(keys, order), tf.int64)
    best = tf.math.unsorted_segment_max(
        tf.gather(scores, order), place, tf.size(places)
    )
    of_text = places // size**2

    def by_text(values, fill):
        ragged = tf.RaggedTensor.from_value_rowids(values, of_text, count)
        values = ragged.to_tensor(fill)  # (B, N)
        # At least as many as are compared, also without any.
        missing = tf.maximum(_BEST - tf.shape(values)[1], 0)
        return tf.pad(values, [[0, 0], [0, missing]], constant_values=fill)

    top = tf.math.top_k(by_text(best, _NONE), _BEST)
    winner = top.indices[:, :1]
    is_found = top.values[:, 0] > _NONE
    place = tf.gather(by_text(places, 0), winner, batch_dims=1)[:, 0]
    shares = tf.nn.softmax(tf.maximum(top.values, tf.float64.min))[:, 0]
    return {
        "start": tf.cast(place // size % size, tf.int32),
        "stop": tf.cast(place % size, tf.int32),
        "score": tf.where(is_found, top.values[:, 0], 0.0),
        "probability": tf.where(is_found, shares, 0.0),
    }
