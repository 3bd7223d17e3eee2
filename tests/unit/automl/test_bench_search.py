"""The bench of samplers: its family is frozen, what is reported was never tuned on, and nobody is left out."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from automl.fronts import hypervolume
from automl.priors import PRIORS, build_prior, prior_options
from automl.testing import World
from automl.values import Pipeline

BENCH = "bench_search"
WORLD = World()


def test_the_family_is_what_it_was_before_the_first_sampler_ran(bench: ModuleType) -> None:
    assert bench.frozen() == "v1-280cd1", (
        "family.py or worlds.py has changed: all figures so far are of another family; raise VERSION, measure all"
        " of it again and write the new text here"
    )


def test_what_is_reported_is_never_tuned_on(bench: ModuleType) -> None:
    worlds = importlib.import_module("search.worlds")
    assert not {spec.seed for spec in worlds.TUNING} & {spec.seed for spec in worlds.REPORTED}
    for regime in (*worlds.REGIMES, "transfergraph"):
        reported, tuning = (set(bench.cases(regime, 10, tuning=on)) for on in (False, True))
        assert len(reported) == (70 if regime == "transfergraph" else 80)
        for place in ("task", "seed"):
            assert not {getattr(one, place) for one in reported} & {getattr(one, place) for one in tuning}


def test_the_regimes_are_what_they_are_called(bench: ModuleType) -> None:
    worlds = importlib.import_module("search.worlds")
    stores = {regime: worlds.store("plain", regime, 0) for regime in worlds.REGIMES}
    true = stores["helpful"]
    ran = [[run.pipeline.key() for run in runs] for runs in stores.values()]
    assert all(keys == ran[0] for keys in ran)
    scores = np.array([-1.0 if run.score is None else run.score for run in true])
    for regime, low, high in (("irrelevant", -0.5, 0.9), ("misleading", -0.2, 0.2), ("inverted", -1.0, -0.5)):
        task = [row for row, run in enumerate(true) if run.task == true[0].task and run.score is not None]
        both = [row for row in task if stores[regime][row].score is not None]
        ranks = [
            np.argsort(np.argsort(values))
            for values in (scores[both], [stores[regime][row].score for row in both])
        ]
        assert low <= np.corrcoef(*ranks)[0, 1] <= high, regime
    failed = np.mean([run.status != "ok" for run in true])
    assert 0.3 < failed < 0.5


def test_every_published_prior_has_an_arm(bench: ModuleType) -> None:
    found = {repr(arm.prior_options) for arm in bench.arms() if arm.prior_options is not None}
    assert {name for name in PRIORS if repr(prior_options(name)) not in found} == set()
    names = [arm.name for arm in bench.arms()]
    assert len(names) == len(set(names))
    assert {"knn-25", "low-liar", "tpe-portfolio", "process"} <= set(bench.present(quick=True)) < set(names)
    assert {"knn-25", "knn-50", "low-liar", "squad-high-max", "replay", "pge-cold"} <= set(names)


def test_optuna_takes_part_with_and_without_a_store(bench: ModuleType) -> None:
    pytest.importorskip("optuna")
    found = {arm.name: arm for arm in bench.arms()}
    for sampler in ("tpe", "optuna-nsga2"):
        for ending in ("", "-neighbours", "-portfolio"):
            arm = found[sampler + ending]
            assert arm.rival
            assert arm.prior == ("store" if ending else "none")


def test_a_search_is_kept_by_the_code_that_it_runs(bench: ModuleType) -> None:
    prints = importlib.import_module("search.fingerprint")
    random = prints.reached(
        [*prints.EVERYBODY, "automl.samplers.uniform"], (*prints.NOT_FOLLOWED, "automl.priors")
    )
    process = prints.reached([*prints.EVERYBODY, "automl.samplers.process"], prints.NOT_FOLLOWED)
    assert {"automl.space.space", "automl.fronts", "search.searches"} <= random
    assert not any(name.startswith(("automl.estimators", "automl.priors")) for name in random)
    assert {"automl.estimators.seconds", "automl.priors.prior", "automl.neighbours"} <= process
    assert not any(name.startswith(("automl.gate", "automl.runners", "search.family")) for name in process)
    with pytest.raises(FileNotFoundError, match=r"search\.nobody"):
        prints.fingerprint("", ["search.nobody"], store=False)


def test_comments_are_no_code(bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = importlib.import_module("search.fingerprint")
    monkeypatch.setitem(prints.FOLDERS, "place", tmp_path)
    (tmp_path / "place").mkdir()

    def seen(text: str) -> str:
        (tmp_path / "place" / "one.py").write_text(text, encoding="utf-8")
        for kept in (prints._tree, prints._imports, prints._code):
            kept.cache_clear()
        return str(prints.fingerprint("", ["place.one"], store=False))

    first = seen('"""Text."""\n\ndef f() -> int:\n    return 1\n')
    assert seen('"""Other."""\n# why\ndef f() -> int:\n    """One."""\n    return (1)\n') == first
    assert seen('"""Text."""\n\ndef f() -> int:\n    return 2\n') != first


def test_a_portfolio_is_worth_more_than_uniform_draws_on_a_related_task(bench: ModuleType) -> None:
    made = importlib.import_module("search.portfolio")
    prior = build_prior(WORLD.space, WORLD.evidence([1, 2, 3], 80), WORLD.target(0))
    found = made.portfolio(WORLD.space, prior, 6)
    assert len({one.key() for one in found}) == 6
    rng = np.random.default_rng(5)
    drawn = [_volume(WORLD.space.sample(rng, 6)) for _ in range(40)]
    assert _volume(found) > np.quantile(drawn, 0.9)
    assert made.portfolio(WORLD.space, None, 6) == []


def _volume(pipelines: list[Pipeline]) -> float:
    runs = [WORLD.result(one) for one in pipelines]
    good = [(score, seconds) for _, _, score, seconds in runs if score is not None]
    limit = WORLD.target(0).limits.wall_s
    assert limit is not None
    return hypervolume([score for score, _ in good], [seconds for _, seconds in good], limit_s=limit)


def test_a_flat_space_gives_pipelines_back(bench: ModuleType) -> None:
    syne = importlib.import_module("search.syne")
    flat = syne.Flat(WORLD.space)
    for pipeline in WORLD.space.sample(np.random.default_rng(3), 40):
        values = dict(zip(flat.items, flat.values(pipeline), strict=True))
        assert flat.pipeline(values).key() == pipeline.key()


def test_without_syne_tune_there_are_no_such_arms(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syne = importlib.import_module("search.syne")
    monkeypatch.delenv(syne.VARIABLE, raising=False)
    monkeypatch.setattr(syne, "ENVIRONMENT", tmp_path)
    assert not [arm for arm in bench.arms() if arm.name.startswith("syne-")]
    (tmp_path / "installed.txt").write_text("an older list", encoding="utf-8")
    assert not syne.available()
    (tmp_path / "installed.txt").write_text(syne.requirements(), encoding="utf-8")
    assert [arm.name for arm in bench.arms() if arm.name.startswith("syne-")] == [
        f"syne-{name}" for name in syne.NAMES
    ]


def test_a_result_says_everything_of_each_task_and_is_drawn(bench: ModuleType) -> None:
    report = importlib.import_module("search.report")
    drawing = importlib.import_module("search.drawing")
    table = {
        (name, "helpful"): [
            report.Searched.of(name, case, _found(good))
            for case in bench.cases("helpful", 2, tuning=False)[:6]
        ]
        for name, good in (("process", 0.75), ("pge-cold", 0.5), ("replay", 0.625))
    }
    arms = [arm for arm in bench.arms() if (arm.name, "helpful") in table]
    result = bench.document(table, arms, ["helpful"], 2)
    [row] = [one for one in result["rows"] if one["arm"] == "pge-cold"]
    for place in (row, *row["tasks"]):
        assert place["failures"] == 0.5
        assert place["seconds"] == pytest.approx(0.3)  # 2 s in turn with 4 s, of 10 s
        assert place["best"] == place["best_curve"][-1] == place["best_clock"]["20"] == 0.5
        assert len(place["curve"]) == len(place["best_curve"]) == 50
        assert place["curve"][-1] == pytest.approx(0.4)
        assert place["clock"]["1"] == place["clock"]["20"] == pytest.approx(0.4)
        assert (place["process_ahead"], place["beyond_cold"]) == (pytest.approx(0.2), 1.0)
        assert 0 < place["p"] <= 1
    assert [(one["family"], one["task"]) for one in row["tasks"]] == [
        ("plain", 0),
        ("plain", 2),
        ("plain", 5),
    ]
    assert result["bars"] == {}  # of some samplers alone nothing is claimed
    assert drawing.svg(result).count("<polyline") == 4 * 2  # pge-cold is in the table only
    with pytest.raises(ValueError, match="no searches of 'noisy'"):
        drawing.svg(result, "noisy")


def _found(score: float) -> dict[str, object]:
    """A search in which every other trial fails, and all that succeed are the same."""
    trials = [["ok", score, 2.0, 2.0], ["timeout", None, 4.0, 4.0]] * 25
    return {"limit_s": 10.0, "best": 1.0, "trials": trials, "start_s": 0.1, "suggest_s": [0.001] * 50}


def test_seconds_of_failures_are_counted(bench: ModuleType) -> None:
    searches = importlib.import_module("search.searches")
    trials = [["timeout", None, 4.0, 4.0]] * 5 + [["ok", 0.5, 2.0, 2.0]]
    found = {"limit_s": 10.0, "best": 1.0, "trials": trials}
    volumes = searches.curve(found)
    assert volumes == [0.0] * 5 + [pytest.approx(0.4)]
    assert [searches.by_clock(found, volumes, limits) for limits in (2.0, 2.1, 2.2)] == [
        0.0,
        0.0,
        pytest.approx(0.4),
    ]
