"""Each of the nine defects that move a prior or a search: what it does when it is on, and nothing when it is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import SamplerError
from automl.priors import NINE, Defects, PriorOptions, build_prior, prior_options
from automl.samplers.ranking import best_of
from automl.testing import World
from automl.testing.worlds import GOOD
from automl.values import SCORE, SECONDS, Evidence, Outcome, Pipeline

WORLD = World()
PLAIN = Defects()
BOTH = (SCORE, SECONDS)
STORE = WORLD.evidence([1, 2, 3], 30)


def outcome(number: int, score: float | None, seconds: float, status: str = "ok") -> Outcome:
    pipeline = WORLD.space.sample(np.random.default_rng(number), 1)[0]
    return Outcome(number, pipeline, status, "code" if status == "error" else None, score, seconds)


def numbers(found: Sequence[Outcome]) -> list[int]:
    return [item.number for item in found]


def one(key: str, task: str, score: float, seconds: float = 5.0, **more: Any) -> Evidence:
    place = sum(map(ord, key))
    pipeline = WORLD.space.sample(np.random.default_rng(place), 1)[0]
    values: dict[str, Any] = {"pipeline": pipeline, "status": "ok", "limits": WORLD.limits, **more}
    return Evidence(
        key, task, WORLD.metafeatures(1), values.pop("pipeline"), score=score, seconds=seconds, **values
    )


def weights(evidence: Sequence[Evidence], options: PriorOptions) -> dict[str, float]:
    return dict(build_prior(WORLD.space, evidence, WORLD.target(0), options).weights)


def test_the_nine_are_named_and_off() -> None:
    assert sorted(NINE) == sorted(["B1", "B2", "B3", "B10", "W1", "W8", "W11", "W12", "W13"])
    assert not any(getattr(PLAIN, name) for name in NINE.values())
    assert Defects.named(NINE).names() == Defects.named(NINE.values()).names()
    assert len(Defects.named(NINE).names()) == 9
    with pytest.raises(SamplerError, match="B99"):
        Defects.named(["B99"])


def test_the_page_about_them_names_each() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "xautolm.md").read_text(encoding="utf-8")
    assert [letter for letter, name in NINE.items() if f"| {letter} | `{name}` |" not in page] == []


def test_b1_takes_failures_for_the_best() -> None:
    generation = [outcome(1, 0.8, 5.0), outcome(2, None, 1.0, "error"), outcome(3, None, 1.0, "error")]
    assert numbers(best_of(generation, 2, BOTH, PLAIN)) == [1]
    assert numbers(best_of(generation, 2, BOTH, Defects(rank_failures=True))) == [1, 2]


def front() -> list[Outcome]:
    """One front in the order of its scores; its third point is the loneliest inner one by far."""
    places = [(0.10, 1.0), (0.15, 1.5), (0.50, 5.0), (0.85, 8.5), (0.90, 9.0)]
    return [outcome(number, score, spent) for number, (score, spent) in enumerate(places, start=1)]


def test_b2_reads_the_gap_of_another_point() -> None:
    generation = [front()[place] for place in (2, 0, 4, 1, 3)]  # the loneliest stands first
    assert numbers(best_of(generation, 3, BOTH, PLAIN)) == [3, 1, 5]
    kept = numbers(best_of(generation, 3, BOTH, Defects(misplaced_crowding=True)))
    assert {1, 5} < set(kept)
    assert 3 not in kept


def test_b3_makes_every_gap_in_time_vanish() -> None:
    places = [(0.10, 1.0), (0.20, 5.0), (0.40, 5.1), (0.55, 5.2), (0.60, 9.0)]
    spread = [outcome(number, score, spent) for number, (score, spent) in enumerate(places, start=1)]
    generation = [*spread, outcome(6, None, 2.0, "error")]
    wrong = Defects(infinite_seconds=True)
    # By score and time the second is the loneliest inner point, by score alone the third.
    assert numbers(best_of(generation, 3, BOTH, PLAIN)) == [1, 2, 5]
    assert numbers(best_of(generation, 3, BOTH, wrong)) == [1, 3, 5]
    assert best_of(spread, 3, BOTH, wrong) == best_of(spread, 3, BOTH, PLAIN)  # without a failure nothing


def test_b10_leaves_no_uniform_share_after_a_warm_start() -> None:
    prior = build_prior(WORLD.space, STORE, WORLD.target(0))
    for defects, known in (([], False), (["no_exploration_when_warm"], True)):
        options = {"explore": 0.5, "defects": defects}
        engine = Engine(WORLD.space, "pge", prior=prior, seed=2, options=options)
        origins = {item.origin for item in engine.ask(30)}
        assert ("uniform" not in origins) == known
    cold = Engine(WORLD.space, "pge", options={"explore": 0.5, "defects": ["no_exploration_when_warm"]})
    assert "uniform" in {item.origin for item in cold.ask(30)}


def test_w1_turns_no_neg_into_f_neg() -> None:
    wrong = Defects(no_neg_means_neg=True)
    failures = {item.id for item in STORE if item.is_negative(WORLD.limits)}
    assert failures
    line = "a-pos no-neg euc k=0.5 linear_front"
    assert not failures & set(weights(STORE, prior_options(line)))
    found = weights(STORE, prior_options(line, wrong))
    assert failures <= set(found)
    assert all(-0.02 <= found[key] < 0 for key in failures)
    # What says nothing of failures is not searched for "neg" in vain.
    assert not failures & set(weights(STORE, prior_options("f-pos cos k=0.5", wrong)))


def test_w8_learns_from_what_was_never_run() -> None:
    foreign = one("1", "a", 0.5, pipeline=Pipeline("full", {"epochs": 2, "max_length": 4096}, GOOD))
    options = prior_options("f-pos f-neg")
    mended = build_prior(WORLD.space, [foreign], WORLD.target(0), options).distributions()
    assert mended["full.max_length"] == pytest.approx(dict.fromkeys(mended["full.max_length"], 0.25))
    drawn = replace(options, defects=Defects(draw_missing_values=True))
    found = build_prior(WORLD.space, [foreign], WORLD.target(0), drawn).distributions()
    assert max(found["full.max_length"].values()) > 0.27


def test_w11_lets_the_only_run_of_a_weak_series_be_the_best() -> None:
    store = [
        one("strong", "a", 0.9, series="first"),
        one("middle", "a", 0.6, seconds=9.0, series="first"),
        one("weak", "a", 0.1, seconds=30.0, series="second"),
    ]
    options = prior_options("f-pos f-neg")
    assert weights(store, options)["weak"] < 0.1 * 0.05
    wrong = replace(options, defects=Defects(utilities_per_series=True))
    assert weights(store, wrong)["weak"] == pytest.approx(0.05)
    alone = [replace(item, series=None) for item in store]
    assert weights(alone, wrong) == pytest.approx(weights(alone, options))


def test_w12_gives_an_easy_task_the_first_front() -> None:
    easy = [one("easy-1", "easy", 0.95, 1.0), one("easy-2", "easy", 0.90, 2.0)]
    hard = [one("hard-1", "hard", 0.40, 20.0), one("hard-2", "hard", 0.35, 30.0)]
    options = prior_options("f-pos f-neg linear_front")
    right = weights([*easy, *hard], options)
    assert right["hard-1"] == right["easy-1"] > right["hard-2"]
    wrong = replace(options, defects=Defects(fronts_across_tasks=True))
    found = weights([*easy, *hard], wrong)
    assert found["easy-1"] > found["easy-2"] > found["hard-1"] > found["hard-2"]


def test_w13_counts_a_failure_for_each_time_it_was_written_down() -> None:
    failed = [replace(item, score=None) for item in STORE if item.is_negative(WORLD.limits)]
    twins = failed + [replace(item, id=f"{item.id}-twin") for item in failed]
    options = prior_options("f-pos f-neg")
    assert sum(weights(twins, options).values()) == pytest.approx(-0.02 * len(failed))
    wrong = replace(options, defects=Defects(count_twins_twice=True))
    assert sum(weights(twins, wrong).values()) == pytest.approx(-0.04 * len(failed))
