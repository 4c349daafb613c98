"""Masks tokens for masked language modelling, by example number alone.

Every random choice hangs on (seed, example number) and on nothing that came
before, so that a stream of examples can start anywhere.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# In which whole words are looked for that still fit; hardly ever is there one
# after these.
_ROUNDS = 4


class TokenMasker:
    """Chooses tokens of a window to predict, and hides most of them.

    Of the tokens that are not special, `mask_rate` are chosen, without
    repetition and at least one. Of the chosen, `mask_token_rate` become
    [MASK], `random_token_rate` become another ordinary token, and the rest
    stay as they are.

    With `whole_word` all pieces of a word are chosen or none. Words are taken
    in random order as long as they fit, so that there may be fewer tokens
    than `mask_rate` says: none at all where no word is as short.

    Args:
        vocabulary_size: Number of tokens.
        mask_token_id: Id of [MASK].
        pad_token_id: Id of [PAD].
        special_token_ids: Ids never to be predicted nor drawn at random;
            those of [MASK] and [PAD] are added.
        mask_rate: Share of the ordinary tokens that are chosen.
        mask_token_rate: Share of the chosen that become [MASK].
        random_token_rate: Share of the chosen that become a random token.
        whole_word: Whether whole words are chosen. Defaults to `False`.
        continuation_ids: Ids of the pieces that go on with a word, which
            `whole_word` needs: those that begin with `##`.
        counts_special: Whether `mask_rate` is a share of all real tokens,
            [CLS] and [SEP] included. Defaults to `False`.

    Raises:
        ValueError: A rate is not legal, all tokens are special, or
            `whole_word` lacks `continuation_ids`.

    Example:

    ```python
    masker = TokenMasker(9, 4, 0, special_token_ids=[0, 1, 2, 3, 4])
    x, y, weights = masker(tf.constant([2, 5, 6, 7, 3]), seed=[1, 2])
    assert x["mask_positions"].shape == y.shape == weights.shape == (1,)
    ```
    """

    def __init__(
        self,
        vocabulary_size: int,
        mask_token_id: int,
        pad_token_id: int,
        special_token_ids: Sequence[int],
        mask_rate: float = 0.15,
        mask_token_rate: float = 0.8,
        random_token_rate: float = 0.1,
        whole_word: bool = False,
        continuation_ids: Sequence[int] = (),
        counts_special: bool = False,
    ):
        _check_rates(mask_rate, mask_token_rate, random_token_rate)
        if whole_word and not len(continuation_ids):
            raise ValueError(
                "`whole_word` needs to know which pieces go on with a word; "
                "pass `continuation_ids`. Received: continuation_ids="
                f"{continuation_ids!r}"
            )
        is_ordinary = np.ones(vocabulary_size, bool)
        is_ordinary[[*special_token_ids, mask_token_id, pad_token_id]] = False
        if not is_ordinary.any():
            raise ValueError(
                "The vocabulary holds special tokens only. Received: "
                f"vocabulary_size={vocabulary_size}"
            )
        self.mask_token_id = mask_token_id
        self.pad_token_id = pad_token_id
        self.mask_rate = mask_rate
        self.mask_token_rate = mask_token_rate
        self.random_token_rate = random_token_rate
        self.whole_word = whole_word
        self.counts_special = counts_special
        self._is_ordinary = tf.constant(is_ordinary)
        self._ordinary_ids = tf.constant(np.flatnonzero(is_ordinary), tf.int32)
        goes_on = np.zeros(vocabulary_size, bool)
        goes_on[list(continuation_ids)] = True
        self._goes_on = tf.constant(goes_on)

    @classmethod
    def for_replaced_tokens(
        cls,
        vocabulary_size: int,
        mask_token_id: int,
        pad_token_id: int,
        special_token_ids: Sequence[int],
        mask_rate: float = 0.15,
        **options,
    ):
        """Makes a masker that hides tokens as ELECTRA and ConvBERT do.

        Of the chosen tokens 85 % become [MASK] and the others stay: a random
        token would tell the discriminator nothing of the generator. Their
        number is `mask_rate` times that of all real tokens, [CLS] and [SEP]
        included. Position 0, to which unused slots point, is never chosen; of
        a word that begins there, the other pieces count as one. The official
        code draws with repetition, counts a token drawn twice twice and gives
        the discriminator the mean of its two sampled ids; here no token is
        drawn twice.

        Args:
            vocabulary_size: Number of tokens.
            mask_token_id: Id of [MASK].
            pad_token_id: Id of [PAD].
            special_token_ids: Ids never to be predicted.
            mask_rate: Share of the real tokens that are chosen.
            **options: `whole_word` and `continuation_ids`.

        Returns:
            The masker.
        """
        return cls(
            vocabulary_size,
            mask_token_id,
            pad_token_id,
            special_token_ids,
            mask_rate,
            mask_token_rate=0.85,
            random_token_rate=0.0,
            counts_special=True,
            **options,
        )

    def max_predictions(self, sequence_length: int) -> int:
        """Returns the most tokens that are chosen in a window.

        Args:
            sequence_length: Tokens of the window, [CLS] and [SEP] included.

        Returns:
            The number of prediction slots, at least one.
        """
        if self.counts_special:
            # 19 of 128 and 79 of 512, as in the official code.
            return max(1, int((self.mask_rate + 0.005) * sequence_length))
        return max(1, round(self.mask_rate * (sequence_length - 2)))

    def __call__(self, token_ids: tf.Tensor, seed) -> tuple:
        """Masks one window.

        Args:
            token_ids: Int32 tensor of shape `(tokens,)`, a static length.
            seed: Two integers; equal seeds give equal choices.

        Returns:
            The inputs of a masked LM, a dict of int32 tensors `token_ids`,
            `segment_ids` and `padding_mask` of shape `(tokens,)` and
            `mask_positions` of shape `(predictions,)`; the original ids at
            those positions; and their float32 weights, 0 in unused slots,
            which point at position 0.
        """
        slots = self.max_predictions(token_ids.shape[0])
        seeds = tf.unstack(
            tf.random.experimental.stateless_split(seed, 3), axis=0
        )
        candidates = tf.gather(self._is_ordinary, token_ids)  # (T,)
        counted = candidates
        if self.counts_special:
            counted = token_ids != self.pad_token_id
            candidates &= tf.range(token_ids.shape[0]) > 0
        count = tf.math.count_nonzero(counted, dtype=tf.float32)
        chosen = tf.cast(tf.round(self.mask_rate * count), tf.int32)
        chosen = tf.minimum(tf.maximum(chosen, 1), slots)
        if self.whole_word:
            goes_on = tf.gather(self._goes_on, token_ids)
            candidates = _whole_words(candidates, goes_on, chosen, seeds[0])
        # Other tokens have a negative rank: never before a candidate.
        ranks = tf.random.stateless_uniform(token_ids.shape, seeds[0])
        ranks = tf.where(candidates, ranks, -1.0)
        top_ranks, positions = tf.math.top_k(ranks, slots)  # (P,)
        is_used = (tf.range(slots) < chosen) & (top_ranks >= 0)
        positions = tf.where(is_used, positions, 0)
        originals = tf.gather(token_ids, positions)
        hidden = self._hide(originals, seeds[1], seeds[2])
        # Unused slots write the token at position 0 back where it was.
        masked_ids = tf.tensor_scatter_nd_update(
            token_ids,
            positions[:, None],
            tf.where(is_used, hidden, originals),
        )
        inputs = {
            "token_ids": masked_ids,
            "segment_ids": tf.zeros_like(token_ids),
            "padding_mask": tf.cast(token_ids != self.pad_token_id, tf.int32),
            "mask_positions": positions,
        }
        labels = tf.where(is_used, originals, 0)
        return inputs, labels, tf.cast(is_used, tf.float32)

    def _hide(self, originals, choice_seed, token_seed):
        """Returns what stands in place of the chosen tokens."""
        choice = tf.random.stateless_uniform(originals.shape, choice_seed)
        drawn = tf.random.stateless_uniform(
            originals.shape,
            token_seed,
            maxval=self._ordinary_ids.shape[0],
            dtype=tf.int32,
        )
        random_ids = tf.gather(self._ordinary_ids, drawn)
        hidden = tf.where(
            choice < self.mask_token_rate + self.random_token_rate,
            random_ids,
            originals,
        )
        return tf.where(
            choice < self.mask_token_rate, self.mask_token_id, hidden
        )


def _whole_words(candidates, goes_on, budget, seed):
    """Chooses words in random order as long as they fit.

    Args:
        candidates: Bool tensor of shape `(tokens,)`, the ordinary tokens.
        goes_on: Bool tensor, whether a token goes on with a word.
        budget: The most tokens to choose.
        seed: Two integers.

    Returns:
        Bool tensor of shape `(tokens,)`.
    """
    tokens = candidates.shape[0]
    after_ordinary = tf.concat([[False], candidates[:-1]], axis=0)
    starts = ~(goes_on & candidates & after_ordinary)
    words = tf.cumsum(tf.cast(starts, tf.int32)) - 1  # word of each token
    lengths = tf.math.unsorted_segment_sum(
        tf.cast(candidates, tf.int32), words, tokens
    )
    order = tf.argsort(tf.random.stateless_uniform((tokens,), seed))
    lengths = tf.gather(lengths, order)
    is_taken = tf.zeros_like(candidates)
    # A word that does not fit ends a round; the next one skips it.
    for _ in range(_ROUNDS):
        room = budget - tf.reduce_sum(tf.where(is_taken, lengths, 0))
        fits = ~is_taken & (lengths > 0) & (lengths <= room)
        used = tf.cumsum(tf.where(fits, lengths, 0))
        is_taken |= fits & (used <= room)
    of_word = tf.scatter_nd(
        order[:, None], tf.cast(is_taken, tf.int32), (tokens,)
    )
    return candidates & (tf.gather(of_word, words) > 0)


def _check_rates(mask_rate, mask_token_rate, random_token_rate):
    if not 0 < mask_rate < 1:
        raise ValueError(
            "`mask_rate` must lie between 0 and 1. Received: "
            f"mask_rate={mask_rate}"
        )
    shares = (mask_token_rate, random_token_rate)
    if min(shares) < 0 or sum(shares) > 1:
        raise ValueError(
            "`mask_token_rate` and `random_token_rate` must not be "
            "negative and must not exceed 1 together. Received: "
            f"mask_token_rate={mask_token_rate}, "
            f"random_token_rate={random_token_rate}"
        )
