"""/api/v1/priors/: what the store would try first on a task, before anything runs there."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledgebase.accounts.models import User
from knowledgebase.core.deadlines import bounded_read
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.experiences.serializers import NeighboursRequest, described
from knowledgebase.searches import bridge

SCOPES, UNSEEN = {"POST": "experiences:read"}, {"POST": (404,)}
MOST_MOVERS = 500


class PriorRequest(NeighboursRequest):
    """What to look around, the limits that a run would have, and how to weigh.

    Features are read by their names, whoever measured them.
    """

    extractor = None  # type: ignore[assignment]  # so a serializer leaves a field of its parent away
    version = None  # type: ignore[assignment]
    k = serializers.IntegerField(
        default=5, min_value=1, max_value=100, help_text="how many of the nearest tasks speak"
    )
    wall_s = serializers.FloatField(required=False, allow_null=True, min_value=1, max_value=1e7)
    host_memory_bytes = serializers.IntegerField(
        required=False, allow_null=True, min_value=2**20, max_value=2**60
    )
    score_weight = serializers.FloatField(
        default=0.7, min_value=0, max_value=1, help_text="of the score; the rest is for time"
    )
    utility = serializers.ChoiceField(choices=bridge.UTILITY_NAMES, default="rank")
    beta_scale = serializers.FloatField(
        default=0.5, min_value=0, max_value=100, help_text="how fast distant tasks fade"
    )
    leave_out = serializers.BooleanField(
        default=True, help_text="forget what was run on the task itself, to see what the others say"
    )


class PriorTask(serializers.Serializer[Any]):
    """A task that spoke."""

    task = serializers.CharField()
    name = serializers.CharField()
    distance = serializers.FloatField()


class PriorMover(serializers.Serializer[Any]):
    """An experience that moved the prior: towards its pipeline above zero, away from it below."""

    experience = serializers.UUIDField()
    push = serializers.FloatField()


class PriorDocument(serializers.Serializer[Any]):
    """Shares by decision (method, language model, each hyper-parameter) beside uniform, and what moved them."""

    neighbours = PriorTask(many=True)
    distributions = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    uniform = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    moved_by = PriorMover(many=True, help_text=f"strongest first, at most {MOST_MOVERS}")
    experiences = serializers.IntegerField(help_text="how many moved it in all")


class Priors(APIView):
    """What the store would try first."""

    scopes = SCOPES
    refusals = UNSEEN

    @extend_schema(request=PriorRequest, responses=PriorDocument)
    @bounded_read
    def post(self, request: Request) -> Response:
        """The prior of a task that is known or only described, of what you may see. Nothing is stored or run."""
        user, asked = cast(User, request.user), PriorRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        target = described(user, given)
        names = ("wall_s", "host_memory_bytes", "score_weight", "utility", "beta_scale", "leave_out")
        settings = {name: given.get(name) for name in names}
        try:
            moved = bridge.explore_prior(
                user,
                bridge.Question(
                    metafeatures=target.values,
                    task=target.digest,
                    kind=target.kind,
                    neighbours=given["k"],
                    **settings,
                ),
            )
        except bridge.Refused as refusal:
            fields = [FieldError("body", refusal.detail)]
            raise Problem(422, "no_prior", "No prior", refusal.detail, fields) from refusal
        ranked = sorted(moved.weights, key=lambda one: -abs(one[1]))
        document = {
            "neighbours": [
                {"task": task, "name": name, "distance": far} for task, name, far in moved.neighbours
            ],
            "distributions": moved.distributions,
            "uniform": moved.uniform,
            "moved_by": [{"experience": key, "push": push} for key, push in ranked[:MOST_MOVERS]],
            "experiences": len(ranked),
        }
        return Response(PriorDocument(document).data)
