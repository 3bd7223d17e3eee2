"""The reference's priors by the names of its result files, each one line of configuration.

Knows how such a line reads; knows no evidence. A line is words in any order:

    f-pos | a-pos | no-pos   fixed rate 0.05, one pull shared by all, or no successes at all (none when unsaid)
    f-neg | a-neg | no-neg   the same of failures, 0.02
    euc | cos                the distance; Euclidean when unsaid
    k=<number>               how fast evidence fades with distance; 0, not at all, when unsaid
    weighted_sum | linear_front | logarithmic_front
    v2                       the second version: task, machine and meaning apart, the other weighted sum
    knn=<k>                  the memory baseline

Source: the names of XAutoLM's result files and the table of its candidates; its parser sets the standard normaliser
(the second version logarithms, then min-max), all evidence, weights one half each and no least score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from automl.errors import EvidenceError
from automl.priors.defects import Defects
from automl.priors.options import PriorOptions
from automl.priors.rates import Rate

#: "<level>-<kind>" where it is the same on every task, "<task>/<level>-<kind>" where it is not.
PRIORS: Mapping[str, str] = {
    "low-liar": "f-pos cos k=0.5",
    "moderate-liar": "f-pos a-neg",
    "high-liar": "f-pos f-neg",
    "liar/low-median": "no-pos a-neg euc k=0.5 linear_front",
    "liar/low-max": "no-pos a-neg weighted_sum",
    "liar/moderate-median": "a-pos a-neg euc k=0.5 weighted_sum",
    "liar/moderate-max": "no-pos f-neg cos k=0.5 weighted_sum",
    "liar/high-median": "no-pos f-neg euc k=0.5 linear_front",
    "liar/high-max": "f-pos f-neg weighted_sum",
    "sst-2/low-median": "no-pos a-neg euc k=0.5 linear_front",
    "sst-2/low-max": "no-pos a-neg weighted_sum",
    "sst-2/moderate-median": "a-pos no-neg euc k=0.5 linear_front",
    "sst-2/moderate-max": "f-pos a-neg logarithmic_front",
    "sst-2/high-median": "a-pos f-neg euc k=0.5 weighted_sum",
    "sst-2/high-max": "no-pos f-neg cos k=0.5 weighted_sum",
    "meld/low-median": "no-pos a-neg euc k=0.5 linear_front",
    "meld/low-max": "no-pos a-neg weighted_sum",
    "meld/moderate-median": "a-pos no-neg cos k=0.5 linear_front",
    "meld/moderate-max": "no-pos f-neg euc k=1 weighted_sum",
    "meld/high-median": "no-pos f-neg euc k=0.5 linear_front",
    "meld/high-max": "f-pos f-neg logarithmic_front",
    "ag-news/low-median": "no-pos a-neg euc k=0.5 linear_front",
    "ag-news/low-max": "no-pos a-neg weighted_sum",
    "ag-news/moderate-median": "a-pos no-neg cos k=0.5 linear_front",
    "ag-news/moderate-max": "f-pos a-neg logarithmic_front",
    "ag-news/high-median": "no-pos f-neg euc k=0.5 linear_front",
    "ag-news/high-max": "no-pos f-neg weighted_sum",
    "drop/low-max": "v2 a-pos no-neg cos k=0.5 logarithmic_front",
    "drop/moderate-max": "v2 f-pos f-neg logarithmic_front",
    "drop/high-max": "v2 a-pos f-neg linear_front",
    "squad/low-max": "v2 a-pos no-neg weighted_sum",
    "squad/moderate-max": "v2 a-pos f-neg cos k=0.5 weighted_sum",
    "squad/high-max": "v2 a-pos f-neg logarithmic_front",
    "knn-25": "knn=25",
    "knn-50": "knn=50",
}
POSITIVE = {"f-pos": Rate("fixed", 0.05), "a-pos": Rate("adaptive", 1.0), "no-pos": None}
NEGATIVE = {"f-neg": Rate("fixed", 0.02), "a-neg": Rate("adaptive", 1.0), "no-neg": None}
METRICS = {"euc": "euclidean", "cos": "cosine"}
UTILITIES = ("weighted_sum", "linear_front", "logarithmic_front")
#: What the second version weighs: the machine, the task, the meaning of its texts.
SECOND_PARTS = (("system", 0.3), ("meta", 0.4), ("semantic", 0.3))
EVERYTHING = 10_000


def prior_options(line: str, defects: Defects | None = None) -> PriorOptions:
    """The options of a prior by its name in `PRIORS` or by such a line; no defect unless asked for.

    EvidenceError naming a word that is not known, said twice or in contradiction to another.
    """
    chosen = defects or Defects()
    words = PRIORS.get(line, line).split()
    if not words:
        raise EvidenceError(f"a prior needs a name or a line, got {line!r}; names: {', '.join(PRIORS)}")
    picked = _picked(words, line)
    base = replace(PriorOptions.reference(), defects=chosen)
    if "knn" in picked:
        if len(words) > 1:
            raise EvidenceError(f"{line!r}: knn=<k> stands alone")
        return replace(base, memory_k=_whole(picked["knn"], line), scales=())
    second = "v2" in picked
    positive, negative = POSITIVE.get(picked.get("pos", "")), NEGATIVE.get(picked.get("neg", ""))
    if picked.get("neg") == "no-neg" and chosen.no_neg_means_neg:
        negative = NEGATIVE["f-neg"]
    metric = METRICS.get(picked.get("metric", ""), "cosine" if second else "euclidean")
    return replace(
        base,
        k_positive=EVERYTHING if positive else 0,
        k_negative=EVERYTHING if negative else 0,
        positive=positive or base.positive,
        negative=negative or base.negative,
        metric=metric,
        beta_scale=_number(picked.get("k", "0"), line),
        utility=_utility(picked.get("utility", "weighted_sum"), second=second),
        scales=("log", "min_max") if second else ("standard",),
        parts=SECOND_PARTS if second else (),
    )


def _picked(words: list[str], line: str) -> dict[str, str]:
    """What each word is about -> the word, or what follows its equals sign."""
    found: dict[str, str] = {}
    for word in words:
        about = _about(word)
        if about is None:
            raise EvidenceError(
                f"{line!r}: {word!r} is unknown; a prior is named in {list(PRIORS)} or written with the words"
                f" {', '.join([*POSITIVE, *NEGATIVE, *METRICS, *UTILITIES])}, k=<number>, v2, knn=<k>"
            )
        if about in found:
            raise EvidenceError(f"{line!r} says {about} twice: {found[about]!r} and {word!r}")
        found[about] = word.partition("=")[2] or word
    return found


def _about(word: str) -> str | None:
    for about, known in (("pos", POSITIVE), ("neg", NEGATIVE), ("metric", METRICS), ("utility", UTILITIES)):
        if word in known:
            return about
    name, equals, _ = word.partition("=")
    if equals and name in ("k", "knn"):
        return name
    return "v2" if word == "v2" else None


def _utility(name: str, *, second: bool) -> str:
    return name if name.endswith("_front") else f"weighted_sum_v{2 if second else 1}"


def _number(text: str, line: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EvidenceError(f"{line!r}: k= needs a number, got {text!r}") from None


def _whole(text: str, line: str) -> int:
    if not text.isdigit():
        raise EvidenceError(f"{line!r}: knn= needs a whole number, got {text!r}")
    return int(text)
