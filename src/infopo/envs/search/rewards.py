"""What a short answer is worth beside the right ones: exact match, words in common, and the variant that looks at form.

Defined in "SQuAD" (arXiv 1606.05250; normalisation), "Search-R1" (arXiv 2503.09516; exact match and form) and "IGPO"
(arXiv 2510.14967; sets of words).
"""

import re
import string
from collections.abc import Sequence

ANSWER_SPLIT = "<|answer_split|>"
_PUNCTUATION = {ord(mark): None for mark in string.punctuation}
_BLANKS = {ord(mark): " " for mark in string.punctuation}


def normalised_answer(text: str) -> str:
    """Lower case, without punctuation, articles and spare blanks.

    >>> normalised_answer("The  Eiffel-Tower.")
    'eiffeltower'
    """
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, right: Sequence[str]) -> float:
    """1 where the answer is, normalised, one of the right ones; else 0.

    >>> exact_match("a cat", ["Cat", "dog"]), exact_match("Eiffel Tower, Paris", ["Eiffel Tower"])
    (1.0, 0.0)
    """
    return float(normalised_answer(answer) in {normalised_answer(one) for one in right})


def word_set_f1(answer: str, right: str) -> float:
    """The best F1 of the answer's set of words and that of a right one; alternatives are apart by `ANSWER_SPLIT`.

    >>> word_set_f1("new new york", "New York City<|answer_split|>NYC")
    0.8
    """
    words = _words(answer)
    scores = [0.0]
    for one in right.split(ANSWER_SPLIT):
        wanted = _words(one)
        if words & wanted:
            scores.append(2 * len(words & wanted) / (len(words) + len(wanted)))
    return max(scores)


def form_reward(*, correct: bool, valid_form: bool, answered: bool, retrieved: bool) -> float:
    """Search-R1's variant with a price on form. `retrieved`: a block that was found contains the right answer.

    >>> form_reward(correct=True, valid_form=False, answered=True, retrieved=True)
    0.8
    >>> form_reward(correct=False, valid_form=True, answered=True, retrieved=True)
    0.3
    """
    if correct:
        return 1.0 if valid_form else 0.8
    if valid_form:
        return 0.3 if retrieved else 0.2
    return 0.1 if answered else 0.0


def _words(text: str) -> set[str]:
    return set(text.lower().translate(_BLANKS).split())
