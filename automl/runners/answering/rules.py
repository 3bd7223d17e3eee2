"""Scores of answers by the published rules of SQuAD (1.1 and 2.0) and DROP; knows neither rows nor networks.

Sources: Rajpurkar et al. 2016 and 2018, Dua et al. 2019, and the evaluation scripts that came with them. All scores
are in [0, 1]; an answer counts with the best of those accepted.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_PARTS = re.compile(" |-")
Spans = str | Sequence[str]


def answer_scores(given: Sequence[str], accepted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Means over questions: token_f1 and exact_match (SQuAD), drop_f1 and drop_exact_match.

    given (n,) answers, accepted (n,) lists of answers that count as right; an empty one means that the context does
    not answer the question, and only the empty answer is right. ValueError without questions.
    """
    if not given or len(given) != len(accepted):
        raise ValueError(f"{len(given)} answers to {len(accepted)} questions")
    pairs = list(zip(given, accepted, strict=True))
    rules: dict[str, Callable[[str, Sequence[str]], float]] = {
        "token_f1": token_f1,
        "exact_match": exact_match,
        "drop_f1": lambda one, right: _best(one, right, lambda a, b: drop_scores(a, b)[1]),
        "drop_exact_match": lambda one, right: _best(one, right, lambda a, b: drop_scores(a, b)[0]),
    }
    return {name: float(np.mean([rule(one, right) for one, right in pairs])) for name, rule in rules.items()}


def token_f1(given: str, accepted: Sequence[str]) -> float:
    """SQuAD's F1 over words, repeats counted; where either has no word, 1 if neither has."""
    return _best(given, accepted, _token_f1)


def exact_match(given: str, accepted: Sequence[str]) -> float:
    """1 where the words are the same in the same order, case, punctuation and articles aside."""
    return _best(given, accepted, lambda one, right: float(squad_words(one) == squad_words(right)))


def squad_words(text: str) -> list[str]:
    """Lower case, without punctuation and articles, split at blanks."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def drop_scores(given: Spans, right: Spans) -> tuple[float, float]:
    """(exact match, F1 rounded to two places) of one answer of one or more spans against another.

    Spans are matched one to one for the highest sum; one that nothing matches counts 0. A right span with a number
    counts 0 against one that does not have it.
    """
    mine, theirs = _drop_spans(given), _drop_spans(right)
    same = set(mine) == set(theirs) and len(mine) == len(theirs)
    return float(same), round(
        _aligned([set(one.split()) for one in mine], [set(one.split()) for one in theirs]), 2
    )


def drop_text(text: str) -> str:
    """As DROP compares it: parts between blanks and hyphens, numbers as floats, no articles, no other punctuation."""
    parts = [_drop_part(part) for part in _PARTS.split(text)]
    return " ".join(part for part in parts if part)


def _best(given: str, accepted: Sequence[str], score: Callable[[str, str], float]) -> float:
    # An answer of articles and punctuation alone is none (SQuAD 2.0).
    right = [one for one in accepted if squad_words(one)] or [""]
    return max(score(given, one) for one in right)


def _token_f1(given: str, right: str) -> float:
    mine, theirs = squad_words(given), squad_words(right)
    if not mine or not theirs:
        return float(mine == theirs)
    common = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * common / (len(mine) + len(theirs))


def _drop_spans(answer: Spans) -> list[str]:
    return [drop_text(span) for span in ([answer] if isinstance(answer, str) else answer)]


def _drop_part(part: str) -> str:
    lower = part.lower()
    if _is_number(lower):
        return str(float(lower))
    plain = lower.translate(_PUNCTUATION)
    # Without its punctuation it may be a number: "1,000" and "$5".
    plain = str(float(plain)) if _is_number(plain) else plain
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _aligned(given: list[set[str]], right: list[set[str]]) -> float:
    from scipy.optimize import linear_sum_assignment

    scores = np.array([[_bag_f1(mine, theirs) for mine in given] for theirs in right])
    rows, columns = linear_sum_assignment(-scores)
    return float(scores[rows, columns].sum() / max(len(given), len(right)))


def _bag_f1(given: set[str], right: set[str]) -> float:
    numbers = {word for word in right if _is_number(word)}
    if numbers and not numbers & given:
        return 0.0
    common = len(given & right)
    precision = common / len(given) if given else 1.0
    recall = common / len(right) if right else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
