"""The reference's defects by name, every one off unless asked for.

Knows no algorithm: priors and samplers look here and behave accordingly. The names describe what goes wrong
in the published system (XAutoLM on AutoGOAL); they exist so that its figures can be reproduced and each mend
measured (docs/xautolm.md). Nine of them move a prior or a search and have a letter of their own, `NINE`:

    B1   rank_failures              W1   no_neg_means_neg
    B2   misplaced_crowding         W8   draw_missing_values
    B3   infinite_seconds           W11  utilities_per_series
    B10  no_exploration_when_warm   W12  fronts_across_tasks
                                    W13  count_twins_twice
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from automl.errors import SamplerError

#: Letter of a defect that moves priors or search -> its name.
NINE: Mapping[str, str] = {
    "B1": "rank_failures",
    "B2": "misplaced_crowding",
    "B3": "infinite_seconds",
    "B10": "no_exploration_when_warm",
    "W1": "no_neg_means_neg",
    "W8": "draw_missing_values",
    "W11": "utilities_per_series",
    "W12": "fronts_across_tasks",
    "W13": "count_twins_twice",
}


@dataclass(frozen=True)
class Defects:
    """Which defects of the reference are switched on."""

    rank_failures: bool = False
    """B1: the best of a generation are taken even when they failed, so that failures are learnt from as
    examples.
    """
    no_own_failures: bool = False
    """A search's own failures push nothing down."""
    misplaced_crowding: bool = False
    """B2: inner crowding distances are written at the position in the front and read at the point's index."""
    infinite_seconds: bool = False
    """B3: a failure's infinite time takes part in the scaling for crowding, which makes all finite gaps
    vanish.
    """
    clamped_draws: bool = False
    """B7: normal draws outside of the range are clamped: most of the mass of a fresh model lies on the ends."""
    natural_scale: bool = False
    """Numbers are drawn on their natural scale, also where orders of magnitude matter."""
    collapsing_deviation: bool = False
    """B8: deviations have neither floor nor ceiling and shares no floor: after some updates nothing varies."""
    unnormalised_methods: bool = False
    """Methods have weights that are never normalised, so that one update moves them less and less."""
    no_exploration_when_warm: bool = False
    """B10: a warm start leaves no uniform share."""
    repeat_pipelines: bool = False
    """A pipeline may be proposed again while it is pending or after it was tried."""
    no_neg_means_neg: bool = False
    """W1: "neg" is looked for anywhere in a prior's name, so that `no-neg` uses all failures, as `f-neg` does
    (`automl.priors.named`).
    """
    draw_missing_values: bool = False
    """W8: a stored value that is missing or foreign is drawn at random and learnt from."""
    utilities_per_series: bool = False
    """W11: utilities are scaled within a series of runs instead of a task: the only run of a weak series gets
    all there is.
    """
    fronts_across_tasks: bool = False
    """W12: front utilities compare raw scores and seconds of different tasks."""
    count_twins_twice: bool = False
    """W13: a run that was recorded twice counts twice."""
    every_failure_counts: bool = False
    """Whatever did not end well is evidence against its pipeline: killed runs and foreign limits too."""

    @classmethod
    def reference(cls) -> Defects:
        """All of them: the published behaviour."""
        return cls(**{field.name: True for field in fields(cls)})

    @classmethod
    def named(cls, names: Iterable[str]) -> Defects:
        """The listed ones, by name or letter; SamplerError naming one that does not exist."""
        known, wanted = {field.name for field in fields(cls)}, [NINE.get(name, name) for name in names]
        if unknown := [name for name in wanted if name not in known]:
            raise SamplerError(f"defect {unknown[0]!r} is unknown; use some of {sorted(known)}")
        return cls(**dict.fromkeys(wanted, True))

    def names(self) -> list[str]:
        """The names of those that are on."""
        return [field.name for field in fields(self) if getattr(self, field.name)]
