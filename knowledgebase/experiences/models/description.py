"""What records say of a task or language model beyond its identity, kept apart for each audience.

A row holds the words of one wording for one audience: who may see a record of that audience may see them, nobody
else. It never changes, and goes with the last experience that says so. What a reader is told of a task or language
model is put together of the rows of their own audiences; that choice is here, and knows no query.

    audience   "user:<id>" for private, "team:<id>" for a team's, "hub" for what everybody here may see
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

HUB = "hub"
RECORD = "record"
# Bits of `rank` below the version: whole data or a sample, and how many values are known (at most 100).
KNOWN_BITS, WHOLE_BIT = 7, 7


def audience_of(visibility: str, team_id: int | None, owner_id: int | None) -> str:
    """Who may see a record; "user:" is nobody. A team's record without a team is its owner's alone."""
    if visibility in ("hub", "public"):
        return HUB
    return f"team:{team_id}" if visibility == "team" and team_id is not None else f"user:{owner_id or ''}"


def nearness(audience: str) -> int:
    """0 for the reader's own, 1 for a team's, 2 for everybody's: what is nearer has its way."""
    return 0 if audience.startswith("user:") else 1 if audience.startswith("team:") else 2


def rank_of(metafeatures: Mapping[str, Any]) -> int:
    """Which measurement of one extractor is better: newer version, then whole data, then more values; 0 for none."""
    if not metafeatures:
        return 0
    known = sum(value is not None for value in metafeatures.get("values", {}).values())
    whole, version = not metafeatures.get("sampled", False), int(metafeatures["version"])
    return version << (WHOLE_BIT + 1) | whole << WHOLE_BIT | min(known, (1 << KNOWN_BITS) - 1)


class Description(models.Model):
    """One wording for one audience."""

    digest = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of the audience, what is described, and the wording"
    )
    audience = models.CharField(max_length=32)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.audience} {self.digest[:8]}"


class TaskDescription(Description):
    """What records call a task, where its rows are from, and what was measured on them."""

    task = models.ForeignKey(
        "experiences.Task", on_delete=models.CASCADE, related_name="descriptions", db_index=False
    )
    name = models.CharField(max_length=300, blank=True, db_index=True)
    dataset_source = models.CharField(max_length=32, blank=True)
    dataset_name = models.CharField(max_length=300, blank=True)
    dataset_config = models.CharField(max_length=200, blank=True)
    dataset_revision = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=90, blank=True)
    languages = models.JSONField(default=list, blank=True)
    domain = models.CharField(max_length=200, blank=True)
    metafeatures = models.JSONField(default=dict, blank=True, help_text="extractor, version, sampled, values")
    extractor = models.CharField(max_length=100, blank=True, help_text="of the meta-features")
    rank = models.BigIntegerField(default=0, help_text="`rank_of` the meta-features")

    class Meta:
        indexes = (
            models.Index(fields=("task", "audience"), name="task_description_of"),
            models.Index(fields=("audience", "task"), name="task_description_for"),
        )


class LanguageModelDescription(Description):
    """The features that records give of a language model and, in their gaps, the shipped catalogue."""

    language_model = models.ForeignKey(
        "experiences.LanguageModel", on_delete=models.CASCADE, related_name="descriptions", db_index=False
    )
    features = models.JSONField(default=dict, blank=True)
    feature_sources = models.JSONField(
        default=dict, blank=True, help_text="feature -> record, or the catalogue and its source"
    )
    parameters = models.BigIntegerField(null=True, blank=True)
    architecture = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = (models.Index(fields=("language_model", "audience"), name="language_model_described"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(parameters__isnull=True) | models.Q(parameters__gte=0),
                name="described_parameters_positive",
            ),
        )


@dataclass(frozen=True)
class TaskWords:
    """What one reader is told of a task. Empty: nothing that they may see says it."""

    name: str = ""
    dataset_source: str = ""
    dataset_name: str = ""
    fingerprint: str = ""
    languages: Sequence[str] = ()
    domain: str = ""
    metafeatures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LanguageModelWords:
    """What one reader is told of a language model."""

    features: Mapping[str, Any] = field(default_factory=dict)
    feature_sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """As much of a task's description as choosing among several needs."""

    key: int
    audience: str
    extractor: str
    rank: int


def best_measured(rows: Iterable[Measured]) -> Measured | None:
    """Whose meta-features count; None where none has any. `rows` by key, of one reader's audiences.

    Those of the nearest audience that has some, however new others' are. Of these the first extractor stays: its
    newer version, whole data and more values replace what it said before, another extractor replaces nothing.
    """
    measured = [row for row in rows if row.rank]
    nearest = min((nearness(row.audience) for row in measured), default=0)
    measured = [row for row in measured if nearness(row.audience) == nearest]
    same = [row for row in measured if row.extractor == measured[0].extractor]
    return max(same, key=lambda row: (row.rank, -row.key), default=None)


def task_words(rows: Iterable[TaskDescription]) -> TaskWords:
    """What a reader is told, of all rows of one task in their audiences: for each part the nearest, then the first."""
    ordered = sorted(rows, key=lambda row: (nearness(row.audience), row.pk))
    by_key = {row.pk: row for row in ordered}
    best = best_measured(Measured(row.pk, row.audience, row.extractor, row.rank) for row in ordered)
    dataset = next((row for row in ordered if row.dataset_name), ordered[0] if ordered else None)
    return TaskWords(
        name=next((row.name for row in ordered if row.name), ""),
        dataset_source=dataset.dataset_source if dataset else "",
        dataset_name=dataset.dataset_name if dataset else "",
        fingerprint=next((row.fingerprint for row in ordered if row.fingerprint), ""),
        languages=next((row.languages for row in ordered if row.languages), ()),
        domain=next((row.domain for row in ordered if row.domain), ""),
        metafeatures=by_key[best.key].metafeatures if best else {},
    )


def language_model_words(rows: Iterable[LanguageModelDescription]) -> LanguageModelWords:
    """Likewise: the nearest and then the first record to name a feature has its way, the catalogue fills the gaps."""
    features: dict[str, Any] = {}
    sources: dict[str, str] = {}
    ordered = sorted(rows, key=lambda row: (nearness(row.audience), row.pk))
    for is_record in (True, False):
        for row in ordered:
            for name, value in row.features.items():
                source = row.feature_sources.get(name, RECORD)
                if name not in features and (source == RECORD) is is_record:
                    features[name], sources[name] = value, source
    return LanguageModelWords(features, sources)


def columns_of(features: Mapping[str, Any]) -> tuple[int | None, str]:
    """The two features that have columns of their own: parameters (a count) and architecture (a text)."""
    parameters, architecture = features.get("parameters"), features.get("architecture")
    is_count = isinstance(parameters, int) and not isinstance(parameters, bool) and 0 <= parameters < 2**63
    return (parameters if is_count else None), (architecture[:100] if isinstance(architecture, str) else "")
