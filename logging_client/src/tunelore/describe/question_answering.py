"""The eleven meta-features of a question-answering task, by name. Knows no file, no tokeniser and no store.

Source: XAutoLM's extractor for generative tasks, with its own words (letters and digits, no stemming).
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

EXTRACTOR = "tunelore.question-answering"
VERSION = 1
MAX_PAIRS = 2_000
MAX_WORDS = 2_000  # of one text
_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = (
    "a about above after again all also am an and any are as at be because been before being below between both but "
    "by can could did do does doing down during each few for from further had has have having he her here hers him "
    "his how i if in into is it its itself just me more most my no nor not now of off on once only or other our ours "
    "out over own same she should so some such than that the their theirs them then there these they this those "
    "through to too under until up very was we were what when where which while who whom why will with would you "
    "your yours"
)
_STOP = frozenset(_STOP_WORDS.split())
Embed = Callable[[list[str]], Sequence[Sequence[float]]]


def question_answering_metafeatures(
    prompts: Sequence[str],
    targets: Sequence[str],
    *,
    embed: Embed | None = None,
    seconds: float = 30.0,
    seed: int = 42,
) -> dict[str, Any]:
    """`task.metafeatures` of a record, from the training rows: context and question, and the (first) answer.

    prompts and targets: (rows,), the same length, at least one row (ValueError otherwise). Lengths are characters,
    deviations divide by N, both over all rows; ratios, novelty and ROUGE-L in [0, 1] are over at most 2,000 rows (a
    seeded sample, `sampled` true above) and as many of them as `seconds` allow. `prompt_target_similarity` is the mean
    cosine of what `embed` gives for both texts, and None without it.
    """
    if len(prompts) != len(targets):
        raise ValueError(f"{len(prompts)} prompts but {len(targets)} targets; give one target a prompt")
    if not prompts:
        raise ValueError("no rows: meta-features describe at least one prompt")
    until = time.monotonic() + seconds
    values: dict[str, float | None] = {"instances": len(prompts)}
    for name, texts in (("prompt", prompts), ("target", targets)):
        mean, deviation = _lengths(texts)
        values[f"mean_{name}_length"], values[f"{name}_length_deviation"] = mean, deviation
    rows = list(range(len(prompts)))
    if len(rows) > MAX_PAIRS:
        rows = sorted(random.Random(seed).sample(rows, MAX_PAIRS))  # noqa: S311 - a sample of rows is no secret
    seen, found = _over_pairs([(prompts[row], targets[row]) for row in rows], until)
    values |= found
    values["prompt_target_similarity"] = None
    if embed is not None and time.monotonic() < until:
        chosen = rows[:seen]
        values["prompt_target_similarity"] = _similarity(
            embed([prompts[row] for row in chosen]), embed([targets[row] for row in chosen])
        )
    return {
        "extractor": EXTRACTOR,
        "version": VERSION,
        "sampled": seen < len(prompts),
        "values": {name: values[name] for name in NAMES},
    }


NAMES = (
    "instances",
    "mean_prompt_length",
    "prompt_length_deviation",
    "prompt_type_token_ratio",
    "mean_target_length",
    "target_length_deviation",
    "target_type_token_ratio",
    "length_ratio",
    "vocabulary_novelty",
    "prompt_target_similarity",
    "rouge_l",
)


def _lengths(texts: Sequence[str]) -> tuple[float, float]:
    lengths = [len(text) for text in texts]
    mean = math.fsum(lengths) / len(lengths)
    return mean, math.sqrt(math.fsum((length - mean) ** 2 for length in lengths) / len(lengths))


def _over_pairs(pairs: list[tuple[str, str]], until: float) -> tuple[int, dict[str, float | None]]:
    """How many pairs the time was enough for (at least one), and the means over them."""
    ratios, novelties, rouges = [], [], []
    kinds: dict[str, set[str]] = {"prompt": set(), "target": set()}
    tokens = {"prompt": 0, "target": 0}
    for prompt, target in pairs:
        words = {"prompt": _words(prompt), "target": _words(target)}
        for name, found in words.items():
            content = [word for word in found if word.isalpha() and word not in _STOP]
            kinds[name].update(content)
            tokens[name] += len(content)
        ratios.append(len(target) / len(prompt) if prompt else 0.0)
        novelties.append(_novelty(words["prompt"], words["target"]))
        rouges.append(rouge_l(words["prompt"], words["target"]))
        if time.monotonic() > until:
            break
    means = {"length_ratio": ratios, "vocabulary_novelty": novelties, "rouge_l": rouges}
    shares = {
        f"{name}_type_token_ratio": len(kinds[name]) / tokens[name] if tokens[name] else None
        for name in kinds
    }
    return len(ratios), {**{name: math.fsum(one) / len(one) for name, one in means.items()}, **shares}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())[:MAX_WORDS]


def _novelty(prompt: list[str], target: list[str]) -> float:
    known = set(prompt)
    return sum(word not in known for word in target) / len(target) if target else 0.0


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """F1 of the longest common subsequence of words, in [0, 1]; 0 where either is empty."""
    if not one or not other:
        return 0.0
    common = _common(one, other)
    return 2 * common / (len(one) + len(other))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of the usual table in the bits of one number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(other):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(other)) - 1
    row = full
    for word in one:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & full
    return (full & ~row).bit_count()


def _similarity(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float | None:
    cosines = [_cosine(left, right) for left, right in zip(one, other, strict=True)]
    known = [cosine for cosine in cosines if cosine is not None]
    return math.fsum(known) / len(known) if known else None


def _cosine(left: Sequence[float], right: Sequence[float]) -> float | None:
    lengths = math.sqrt(math.fsum(a * a for a in left)) * math.sqrt(math.fsum(b * b for b in right))
    return math.fsum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else None
