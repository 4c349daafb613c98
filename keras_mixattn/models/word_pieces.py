"""WordPiece: the longest pieces of a vocabulary that a word begins with."""

# Words that are remembered; beyond, all are forgotten and cut anew.
_MOST_WORDS = 200_000

LONGEST_WORD = 100


class WordPieces:
    """Cuts words, greedily from the left, and remembers them.

    A word of more than 100 characters, or with a rest that no piece begins,
    is the unknown token as a whole.

    Args:
        ids: Dict from piece to id.
        unknown: The unknown token.
        suffix_indicator: What pieces begin with that go on with a word.
    """

    def __init__(self, ids: dict, unknown: str, suffix_indicator: str):
        self._ids = dict(ids)
        self._unknown = [unknown]
        self._suffix_indicator = suffix_indicator
        self._longest = max(map(len, self._ids))
        self._known = {}

    def __call__(self, word: str) -> list[str]:
        """Cuts a word.

        Args:
            word: Letters without white space, at least one.

        Returns:
            List of pieces.
        """
        if len(word) > LONGEST_WORD:
            return self._unknown
        pieces = self._known.get(word)
        if pieces is None:
            if len(self._known) >= _MOST_WORDS:
                self._known.clear()
            pieces = self._known[word] = self._cut(word)
        return pieces

    def ids(self, text: str) -> list[int]:
        """Cuts a text of words that are parted by single or more spaces.

        Args:
            text: The text.

        Returns:
            The ids of its pieces.
        """
        return [
            self._ids[piece]
            for word in text.split(" ")
            if word
            for piece in self(word)
        ]

    def _cut(self, word):
        pieces, start, prefix = [], 0, ""
        while start < len(word):
            # No piece is longer than the longest.
            end = min(len(word), start + self._longest)
            while prefix + word[start:end] not in self._ids:
                end -= 1
                if end == start:
                    return self._unknown
            pieces.append(prefix + word[start:end])
            start, prefix = end, self._suffix_indicator
        return pieces
