"""The wire shapes of datasets, searches and trials.

They check types and sizes of input; what may be named and how much may be asked is the services' to say.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledgebase.core.parameters import Strict
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.selectors import Sources


class ProblemPart(serializers.Serializer[Any]):
    """Why a dataset was refused or a search failed; empty when neither."""

    code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    field = serializers.CharField(required=False)


class DatasetAnswer(serializers.ModelSerializer[Dataset]):
    """A dataset as it is known; its rows are never sent."""

    problem = ProblemPart(read_only=True)
    classes = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    text_columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    languages = serializers.ListField(child=serializers.CharField(), read_only=True)
    metafeatures = serializers.DictField(read_only=True)
    task = serializers.CharField(source="task_digest", read_only=True)

    class Meta:
        model = Dataset
        fields = (
            "id",
            "name",
            "source",
            "kind",
            "state",
            "problem",
            "warnings",
            "text_columns",
            "label_column",
            "revision",
            "config",
            "languages",
            "domain",
            "fingerprint",
            "task",
            "classes",
            "train_rows",
            "validation_rows",
            "test_rows",
            "size_bytes",
            "fetched_bytes",
            "metafeatures",
            "created_at",
            "resolved_at",
            "expires_at",
        )
        read_only_fields = fields


def _kind() -> serializers.ChoiceField:
    return serializers.ChoiceField(
        choices=Dataset.Kind.choices,
        required=False,
        default=Dataset.Kind.CLASSES,
        help_text="what is to be learnt: a label for each text, or an answer to each question",
    )


class DatasetCreate(Strict):
    """A built-in dataset by name, or one of the HF Hub by owner/name and columns."""

    source = serializers.ChoiceField(choices=["builtin", "hub"])  # type: ignore[assignment]  # a field's own name
    kind = _kind()
    name = serializers.CharField(max_length=200)
    revision = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="hub: branch, tag or commit; the newest when absent",
    )
    config = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="hub: which part of a repository of several",
    )
    text_columns = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        min_length=1,
        max_length=8,
        help_text="hub: joined by a line feed; text when absent, context and question for questions",
    )
    label_column = serializers.CharField(
        max_length=200, required=False, help_text="hub: label when absent, answers for questions"
    )


class DatasetUpload(Strict):
    """A file of labelled rows: CSV, TSV, JSON Lines (each also as .gz) or Parquet.

    Of questions, the last text column is the question, those before it are its context, and the label column holds
    the answers: {"text": [...], "answer_start": [...]}, a list of them, or one.
    """

    file = serializers.FileField(help_text="training rows")
    validation = serializers.FileField(required=False, help_text="split off the training rows when absent")
    test = serializers.FileField(required=False, help_text="split off the training rows when absent")
    name = serializers.CharField(max_length=200, required=False, default="")
    kind = _kind()
    text_columns = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=8
    )
    label_column = serializers.CharField(max_length=200)
    encoding = serializers.CharField(
        max_length=40,
        required=False,
        default="",
        allow_blank=True,
        help_text="of text files; UTF-8 when absent",
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=35), required=False, default=list, max_length=64
    )
    domain = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class BudgetPart(Strict):
    """How much may be spent."""

    trials = serializers.IntegerField()
    seconds = serializers.FloatField(required=False, allow_null=True, default=None)


class LimitsPart(Strict):
    """What one trial may use."""

    wall_s = serializers.FloatField(required=False, allow_null=True)
    host_memory_bytes = serializers.IntegerField(required=False, allow_null=True)


def _names(help_text: str) -> serializers.ListField:
    child = serializers.CharField(max_length=600)
    return serializers.ListField(child=child, required=False, max_length=100, help_text=help_text)


class SearchCreate(Strict):
    """What to search for. Everything but dataset and budget has a default."""

    dataset = serializers.UUIDField()
    budget = BudgetPart()
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    limits = LimitsPart(required=False)
    slots = serializers.IntegerField(required=False, help_text="trials at the same time")
    train_rows = serializers.IntegerField(required=False, allow_null=True, help_text="cut of training rows")
    evaluation_rows = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="cut of validation and of test rows; train_rows when absent",
    )
    sampler = serializers.CharField(required=False, max_length=32)
    gate = serializers.BooleanField(
        required=False,
        help_text="skip proposals that will most likely fail or end below what is known; off when absent",
    )
    gate_options = serializers.DictField(
        required=False,
        help_text="rules, failing, margin, reach, after, audit, retries, estimator; the usual when absent",
    )
    early_stopping = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=16,
        help_text="ceiling or median: stop trainings whose curve will not reach the front; never when absent",
    )
    warm_start = serializers.BooleanField(required=False)
    objectives = _names(
        "score and seconds when absent; one or several of score, seconds, memory_bytes, trainable_parameters; "
        "energy_j is refused where the machine counts no joules"
    )
    space = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="tunelore (tunelore-answers for questions) when empty, or proposal; what the runner cannot run, "
        "as xautolm-generation on classes, is refused",
    )
    own_space = serializers.DictField(
        required=False,
        help_text="a space written for this search, as docs/spaces.md has it; then without space",
    )
    methods = _names("every method of the space when empty")
    language_models = _names("every installed one when empty, of a space that names its own all of those")
    seed = serializers.IntegerField(required=False, allow_null=True)
    idempotency_key = serializers.CharField(max_length=200, required=False, allow_blank=True)


class FrontPointAnswer(serializers.Serializer[Any]):
    """A trial that no other beats in every objective of its search at once."""

    trial = serializers.IntegerField()
    trial_id = serializers.UUIDField()
    score = serializers.FloatField()
    seconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField(allow_null=True, help_text="at its peak")
    trainable_parameters = serializers.IntegerField(allow_null=True)
    energy_j = serializers.FloatField(allow_null=True)
    method = serializers.CharField()
    language_model = serializers.CharField(allow_blank=True)
    hyperparameters = serializers.DictField()


class RunningTrialAnswer(serializers.Serializer[Any]):
    """A trial in training."""

    trial = serializers.IntegerField()
    trial_id = serializers.UUIDField()
    method = serializers.CharField()
    language_model = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField()
    phase = serializers.CharField()
    step = serializers.IntegerField(allow_null=True)
    epoch = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField(allow_null=True)
    best = serializers.FloatField(allow_null=True)


class SearchAnswer(serializers.ModelSerializer[Search]):
    """A search as it was asked for, with counts."""

    budget = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField()
    objectives = serializers.ListField(child=serializers.CharField(), read_only=True)
    methods = serializers.ListField(child=serializers.CharField(), read_only=True)
    language_models = serializers.ListField(child=serializers.CharField(), read_only=True)
    gate_options = serializers.DictField(read_only=True)
    problem = ProblemPart(read_only=True)
    trials_done = serializers.IntegerField(read_only=True)
    trials_failed = serializers.IntegerField(read_only=True)
    best_score = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Search
        fields = (
            "id",
            "title",
            "dataset",
            "state",
            "end_reason",
            "problem",
            "space",
            "sampler",
            "gate",
            "gate_options",
            "early_stopping",
            "warm_start",
            "objectives",
            "methods",
            "language_models",
            "budget",
            "limits",
            "slots",
            "train_rows",
            "evaluation_rows",
            "seed",
            "created_at",
            "started_at",
            "ended_at",
            "trials_done",
            "trials_failed",
            "best_score",
        )
        read_only_fields = fields

    def get_budget(self, search: Search) -> dict[str, float | None]:
        return {"trials": search.budget_trials, "seconds": search.budget_seconds}

    def get_limits(self, search: Search) -> dict[str, float | None]:
        return {"wall_s": search.wall_s, "host_memory_bytes": search.host_memory_bytes}


class GateAnswer(serializers.Serializer[Any]):
    """What the gate of a search did; the trials in state skipped say why, each with its prediction."""

    skips = serializers.IntegerField(help_text="proposals that were not run")
    by_rule = serializers.DictField(child=serializers.IntegerField())
    audits = serializers.IntegerField(help_text="refused proposals that were run all the same")
    ended_audits = serializers.IntegerField()
    contradicted = serializers.IntegerField(help_text="audits that ended against the rule")


class ReportAnswer(serializers.Serializer[Any]):
    """Where a search stands."""

    by_state = serializers.DictField(child=serializers.IntegerField())
    by_outcome = serializers.DictField(child=serializers.IntegerField())
    trials_done = serializers.IntegerField()
    trials_failed = serializers.IntegerField()
    best = FrontPointAnswer(
        allow_null=True, help_text="the highest score, or the least of the first objective without it"
    )
    front = FrontPointAnswer(many=True)
    running = RunningTrialAnswer(many=True)
    seconds_used = serializers.FloatField()
    time_left_s = serializers.FloatField(
        allow_null=True, help_text="estimate; null before the first trial ended"
    )


class SearchDetailAnswer(SearchAnswer):
    """A search with its report."""

    gate_report = GateAnswer(read_only=True)
    own_space = serializers.DictField(read_only=True, help_text="as it was given, whole; {} for one by name")
    dataset_state = serializers.CharField(source="dataset.state", read_only=True)
    report = ReportAnswer(read_only=True)

    class Meta(SearchAnswer.Meta):
        fields = (*SearchAnswer.Meta.fields, "own_space", "dataset_state", "report", "gate_report")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class TrialAnswer(serializers.ModelSerializer[Trial]):
    """One trial; its Experience, once there is one, has the same id."""

    hyperparameters = serializers.DictField(read_only=True)
    progress = serializers.DictField(read_only=True)
    why = serializers.SerializerMethodField(
        help_text="what the sampler and the gate said for it; tasks and experiences as far as the caller sees them"
    )
    pruning = serializers.DictField(
        read_only=True, help_text="why its training was stopped early, with the score that it had reached"
    )

    class Meta:
        model = Trial
        fields = (
            "id",
            "number",
            "state",
            "method",
            "language_model",
            "hyperparameters",
            "origin",
            "probability",
            "why",
            "seed",
            "attempt",
            "progress",
            "status",
            "cause",
            "phase",
            "score",
            "seconds",
            "memory_bytes",
            "trainable_parameters",
            "energy_j",
            "pruning",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_why(self, trial: Trial) -> dict[str, Any]:
        # Without a reader's view nothing is named: a caller that forgets it leaks nothing.
        seen = self.context.get("sources") or Sources()
        return seen.reasons(trial)


class NeighbourAnswer(serializers.Serializer[Any]):
    """A known task near this one."""

    task = serializers.CharField()
    name = serializers.CharField()
    distance = serializers.FloatField()
    parts = serializers.DictField(child=serializers.FloatField())


class PriorAnswer(serializers.Serializer[Any]):
    """What the store said before the first trial; empty for a cold start."""

    digest = serializers.CharField(allow_blank=True)
    neighbours = NeighbourAnswer(many=True)
    distributions = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    uniform = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    experiences = serializers.ListField(child=serializers.UUIDField())
