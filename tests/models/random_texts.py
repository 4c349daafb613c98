"""Texts that nobody would write, for what must hold of every text."""

import random

# Known words and others, accents apart and together, emoji, white space of
# all kinds, a word longer than tokenizers take, letters that fold to two.
PARTS = [
    *("a", "good", "bad", "film", "films", "Café", "CAFE\u0301S", "GOOD"),
    *("é", "e\u0301", "\u0301", "straße", "ﬁlm", "İ", "日本", "한글", "😀"),
    *("👩\u200d💻", "x" * 101, "well-known", "don't", "[MASK]", "...", "–"),
    *(" ", "  ", "\t", "\n", "\u00a0", "\u2003", "\x00", "\u200b", ", ", "!"),
]


def random_text(seed: int, parts: int = 17) -> str:
    """Returns a text of fewer than `parts` parts, some with spaces between."""
    rng = random.Random(seed)
    return "".join(
        rng.choice(PARTS) + rng.choice(["", " "])
        for _ in range(rng.randrange(parts))
    )
