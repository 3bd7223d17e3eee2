"""Tasks, language models, systems and sums as the API answers them, and what it reads to find neighbours."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from tunelore.describe import statistics_metafeatures

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import Problem, invalid
from knowledgebase.core.parameters import Strict
from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import LanguageModel, System, Task

MOST_NEIGHBOURS = 100
MOST_FEATURES = 200
LARGEST = 1e300
KIND, EXTRACTOR, VERSION = "text-classification", "tunelore.text-classification", 1
OF_METAFEATURES = ("kind", "extractor", "version")


class TaskAnswer(serializers.ModelSerializer[Task]):
    """A task, and how much is known about it."""

    experiences = serializers.IntegerField(source="count")
    failed = serializers.IntegerField()
    best = serializers.FloatField(allow_null=True)
    name = serializers.CharField(
        help_text="as what you may see of it says, and so all below but kind and label"
    )
    languages = serializers.ListField(child=serializers.CharField())
    domain = serializers.CharField()
    fingerprint = serializers.CharField(source="words.fingerprint")
    metafeatures = serializers.DictField()

    class Meta:
        model = Task
        fields = (
            "digest",
            "kind",
            "name",
            "comparable",
            "label_column",
            "languages",
            "domain",
            "fingerprint",
            "metafeatures",
            "experiences",
            "failed",
            "best",
        )


class NearTaskAnswer(serializers.Serializer[Any]):
    """A near task: how far, and what each feature adds."""

    task = serializers.CharField(source="task.digest")
    name = serializers.CharField(source="task.name")
    distance = serializers.FloatField()
    parts = serializers.DictField(child=serializers.FloatField())


class TaskDetailAnswer(TaskAnswer):
    """A task with its nearest ones."""

    nearest = NearTaskAnswer(many=True)

    class Meta(TaskAnswer.Meta):
        fields = (*TaskAnswer.Meta.fields, "nearest")  # type: ignore[assignment]


class StatisticsOfRows(Strict):
    """What is known of a dataset without its rows. Lengths are in characters."""

    class_counts = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=10**12), allow_empty=False
    )
    mean_length = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=LARGEST)
    length_deviation = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=LARGEST)


class NeighboursRequest(Strict):
    """One of `task`, `metafeatures` and `statistics` says what to look around."""

    task = serializers.CharField(max_length=80, required=False, help_text="digest of a task that you may see")
    metafeatures = serializers.DictField(
        child=serializers.FloatField(allow_null=True, min_value=-LARGEST, max_value=LARGEST),
        required=False,
        help_text="named numbers, null where missing",
    )
    statistics = StatisticsOfRows(required=False)
    kind = serializers.CharField(
        max_length=64, required=False, help_text=f"of the task with these meta-features; {KIND} when absent"
    )
    extractor = serializers.CharField(
        max_length=100, required=False, help_text=f"who measured the meta-features; {EXTRACTOR} when absent"
    )
    version = serializers.IntegerField(
        required=False, min_value=0, max_value=2**53 - 1, help_text="of the extractor; 1 when absent"
    )
    k = serializers.IntegerField(default=10, min_value=1, max_value=MOST_NEIGHBOURS)


def described(user: User, asked: dict[str, Any]) -> selectors.Target:
    """What a request looks around. Problem 404 for a task out of sight, 422 for none or several descriptions."""
    given = [name for name in ("task", "metafeatures", "statistics") if asked.get(name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise invalid("task", f"give one of task, metafeatures and statistics, not {found}")
    if given != ["metafeatures"] and (own := [name for name in OF_METAFEATURES if name in asked]):
        raise invalid(own[0], f"goes with metafeatures alone; {given[0]} has its own. Leave it away")
    if given == ["task"]:
        task = selectors.visible_task(user, asked["task"])
        if not task.metafeatures:
            detail = f"task {task.digest} has no meta-features yet; nothing can be measured from it"
            raise Problem(422, "no_metafeatures", "No meta-features", detail)
        return selectors.target_of(task)
    if given == ["statistics"]:
        found_values = statistics_metafeatures(**asked["statistics"])
        return selectors.Target(
            KIND, found_values["extractor"], found_values["version"], found_values["values"]
        )
    if len(asked["metafeatures"]) > MOST_FEATURES:
        raise invalid("metafeatures", f"{len(asked['metafeatures'])} features, at most {MOST_FEATURES}")
    return selectors.Target(
        asked.get("kind", KIND),
        asked.get("extractor", EXTRACTOR),
        asked.get("version", VERSION),
        asked["metafeatures"],
    )


class TargetAnswer(serializers.Serializer[Any]):
    """What was looked around."""

    task = serializers.CharField(source="digest", allow_blank=True, help_text="empty: only described")
    kind = serializers.CharField()
    extractor = serializers.CharField()
    version = serializers.IntegerField()
    metafeatures = serializers.DictField(source="values", child=serializers.FloatField(allow_null=True))


class NeighboursAnswer(serializers.Serializer[Any]):
    """The nearest tasks, nearest first."""

    target = TargetAnswer()
    neighbours = NearTaskAnswer(many=True)


class LeaderAnswer(serializers.Serializer[Any]):
    """One experience on a leaderboard."""

    place = serializers.IntegerField(help_text="1 is the best score")
    on_front = serializers.BooleanField(help_text="nothing is better and as fast, or faster")
    experience = serializers.UUIDField(source="row.pk")
    method = serializers.CharField(source="row.method")
    language_model = serializers.CharField(source="row.language_model.key", default=None, allow_null=True)
    hyperparameters = serializers.DictField(source="row.pipeline.hyperparameters")
    score = serializers.FloatField(source="row.score")
    seconds = serializers.FloatField(source="row.evaluation_s", allow_null=True)
    memory_bytes = serializers.IntegerField(source="row.host_memory_bytes", allow_null=True)


class MetricUse(serializers.Serializer[Any]):
    """How many scores there are of a metric on a split."""

    metric = serializers.CharField(allow_blank=True)
    split = serializers.CharField(allow_blank=True)
    experiences = serializers.IntegerField()


class LeaderboardAnswer(serializers.Serializer[Any]):
    """The best of one metric on one split, and the front of score against time, fastest first."""

    task = serializers.CharField(source="task.digest")
    metric = serializers.CharField(allow_blank=True)
    split = serializers.CharField(allow_blank=True)
    compared = serializers.IntegerField(help_text="how many scores stand behind this")
    leaders = LeaderAnswer(many=True)
    front = LeaderAnswer(many=True)
    used = MetricUse(many=True, help_text="what can be asked for, most used first")


class LanguageModelAnswer(serializers.ModelSerializer[LanguageModel]):
    """A language model, and how much is known about it."""

    experiences = serializers.IntegerField(source="count")
    failed = serializers.IntegerField()
    features = serializers.DictField()

    class Meta:
        model = LanguageModel
        fields = (
            "id",
            "key",
            "source",
            "name",
            "revision",
            "variant",
            "features",
            "experiences",
            "failed",
        )


class ModelOnTaskAnswer(serializers.Serializer[Any]):
    """What it reached on one task."""

    task = serializers.CharField(source="task.digest")
    name = serializers.CharField(source="task.name")
    experiences = serializers.IntegerField(source="runs")
    failed = serializers.IntegerField()
    best = serializers.FloatField(allow_null=True)
    fastest_s = serializers.FloatField(allow_null=True)
    memory_bytes = serializers.IntegerField(allow_null=True)


class LanguageModelDetailAnswer(LanguageModelAnswer):
    """A language model with the source of each feature, and the tasks it was tried on, most tried first."""

    feature_sources = serializers.DictField(child=serializers.CharField())
    on_tasks = ModelOnTaskAnswer(many=True)

    class Meta(LanguageModelAnswer.Meta):
        fields = (*LanguageModelAnswer.Meta.fields, "feature_sources", "on_tasks")  # type: ignore[assignment]


class SystemAnswer(serializers.ModelSerializer[System]):
    """Hardware and software, and how much is known about it."""

    experiences = serializers.IntegerField(source="count")
    failed = serializers.IntegerField()
    features = serializers.DictField()
    software = serializers.DictField()

    class Meta:
        model = System
        fields = ("digest", "features", "software", "experiences", "failed")


class StatisticsAnswer(serializers.Serializer[Any]):
    """What the store knows, as far as you may see."""

    experiences = serializers.IntegerField()
    by_outcome = serializers.DictField(child=serializers.IntegerField())
    by_method = serializers.DictField(child=serializers.IntegerField())
    tasks = serializers.IntegerField()
    language_models = serializers.IntegerField()
    failed = serializers.IntegerField()
    compute_s = serializers.FloatField()
    this_week = serializers.IntegerField()
