"""Which recorded runs an estimate rests on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.services import estimate

pytestmark = pytest.mark.django_db


def test_a_task_with_very_many_runs_leaves_room_for_the_others(
    owner: Any, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest of each, in the order asked for."""
    made = [record() for _ in range(9)]
    for place, one in enumerate(made):
        one["task"]["dataset"]["fingerprint"] = f"rows-sha256:{int(place < 2):064x}"
    record_experiences(made, owner=owner.user, team=owner.team)
    monkeypatch.setattr(estimate, "RUNS_OF_A_TASK", 3)
    rows = Experience.objects.order_by("-change_seq").values_list("pk", "task__digest")
    found = list(estimate.newest_of_each_task(rows))
    assert sorted(Counter(task for _, task in found).values()) == [2, 3]
    assert [str(pk) for pk, _ in found] == [made[place]["id"] for place in (8, 7, 6, 1, 0)]
