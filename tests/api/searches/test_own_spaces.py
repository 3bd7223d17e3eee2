"""POST /api/v1/searches/ with own_space, and the form's field: judged before launch, kept, shown and given again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from django.test import Client
from rest_framework.test import APIClient

from automl.spaces import data_of
from knowledgebase.accounts.models import User
from knowledgebase.searches.bridge.engine import _frozen_language_models, _space, prepare_start
from knowledgebase.searches.models import Dataset, Search

URL = "/api/v1/searches/"
BERT, ROBERTA = "hub:google-bert/bert-base-uncased", "hub:FacebookAI/roberta-base"
SHORT = {
    "base": "tunelore",
    "name": "short/1",
    "language_models": [BERT, ROBERTA],
    "methods": ["full", "linear"],
    "parameters": {"full.epochs": {"low": 2, "high": 3}, "batch_size": [8]},
}
LINEAR = {
    "name": "words/2",
    "methods": [
        {
            "name": "linear",
            "needs_language_model": False,
            "parameters": {
                "ngrams": {"type": "choice", "options": ["word"]},
                "ngram_max": {"type": "integer", "low": 1, "high": 2},
                "min_df": {"type": "choice", "options": [1]},
                "sublinear_tf": {"type": "flag"},
                "c": {"type": "real", "low": 0.1, "high": 10.0, "log": True},
                "class_weights": {"type": "choice", "options": [False]},
            },
        }
    ],
}


def launch(client: APIClient, dataset: Dataset, **changes: Any) -> Any:
    return client.post(URL, {"dataset": str(dataset.pk), "budget": {"trials": 3}} | changes, format="json")


def changed(**values: Any) -> dict[str, Any]:
    """The space of words with other hyper-parameters."""
    [method] = LINEAR["methods"]
    return LINEAR | {"methods": [method | {"parameters": method["parameters"] | values}]}  # type: ignore[index]


def test_it_is_kept_whole_and_searched_over(
    alice: APIClient, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = launch(alice, dataset, own_space=SHORT)
    assert answer.status_code == 201, answer.content
    found = alice.get(f"{URL}{answer.json()['id']}/").json()
    assert found["space"].startswith("short/1#")
    assert found["own_space"]["name"] == found["space"]
    assert found["own_space"]["language_models"] == [BERT, ROBERTA]
    search = Search.objects.get(pk=found["id"])
    monkeypatch.setattr(
        "knowledgebase.searches.bridge.engine.pin_language_model", lambda key: f"{key}@{'0' * 40}"
    )
    pinned = _frozen_language_models(search)
    assert pinned == (f"{BERT}@{'0' * 40}", f"{ROBERTA}@{'0' * 40}")
    space = _space(search, pinned)
    drawn = space.sample(np.random.default_rng(1), 200)
    assert {one.method for one in drawn} == {"full", "linear"}
    assert {one.language_model for one in drawn} == {None, *pinned}
    full = [one.hyperparameters for one in drawn if one.method == "full"]
    assert {values["epochs"] for values in full} == {2, 3}
    assert {values["batch_size"] for values in full} == {8}
    assert {one.space for one in drawn} == {found["space"]}


def test_what_was_answered_can_be_given_again(alice: APIClient, dataset: Dataset) -> None:
    first = launch(alice, dataset, own_space=SHORT).json()
    second = launch(alice, dataset, own_space=first["own_space"]).json()
    assert (second["space"], second["own_space"]) == (first["space"], first["own_space"])
    other = launch(alice, dataset, own_space=SHORT | {"methods": ["full"]}).json()
    assert other["space"] != first["space"]  # the same name, another space


def test_methods_and_language_models_narrow_it(
    alice: APIClient, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = launch(alice, dataset, own_space=SHORT, methods=["full"], language_models=[BERT])
    assert found.status_code == 201, found.content
    search = Search.objects.get()
    monkeypatch.setattr("knowledgebase.searches.bridge.engine.pin_language_model", lambda key: f"{key}@1")
    pinned = _frozen_language_models(search)
    space = _space(search, pinned)
    assert (pinned, [method.name for method in space.methods]) == ((f"{BERT}@1",), ["full"])


def test_a_space_without_language_models_starts_without(alice: APIClient, dataset: Dataset) -> None:
    assert launch(alice, dataset, own_space=LINEAR).status_code == 201
    search = Search.objects.get()
    start = prepare_start(search)
    assert start.language_models == ()
    [method] = _space(search, start.language_models).methods
    assert method.name == "linear"


def test_an_open_base_is_over_what_is_asked_for(alice: APIClient, dataset: Dataset) -> None:
    space = {"base": "tunelore", "methods": ["lora"]}
    found = launch(alice, dataset, own_space=space, language_models=[BERT]).json()
    search = Search.objects.get(pk=found["id"])
    assert search.own_space["language_models"] == [BERT]
    assert search.language_models == []
    assert search.space.startswith("tunelore/1#")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"own_space": {"base": "tunlore"}}, "'tunlore' is unknown"),
        ({"own_space": {"base": "tunelore", "methods": ["ful"]}}, "methods.0: 'ful' is no method"),
        (
            {"own_space": SHORT | {"parameters": {"epochs": {"low": 5, "high": 5}}}},
            "finite low < high, got low=5",
        ),
        ({"own_space": SHORT | {"language_models": ["hub:a/b/c"]}}, "unknown language model 'hub:a/b/c'"),
        (
            {"own_space": SHORT | {"language_models": ["path:/etc"]}},
            "'/etc' cannot be read: no folder is allowed",
        ),
        ({"own_space": SHORT | {"language_models": [f"{BERT}@a", f"{BERT}@b"]}}, "at several revisions"),
        ({"own_space": SHORT, "language_models": ["hub:some/body"]}, "are not among"),
        ({"own_space": SHORT | {"name": "a b"}}, "a space needs one of up to 60 letters"),
        ({"own_space": LINEAR | {"name": "proposal/1"}}, "the name of a ready-made space"),
        (
            {"own_space": {"name": "no/1", "methods": [{"name": "boost", "needs_language_model": False}]}},
            "it knows no method 'boost'",
        ),
        ({"own_space": {"base": "xautolm"}}, "the runner cannot run it"),
        (
            {"own_space": changed(ngrams={"type": "choice", "options": ["letters"]})},
            "of 'linear' it takes word, char as ngrams, not 'letters'",
        ),
        (
            {"own_space": changed(ngram_max={"type": "real", "low": 1.0, "high": 2.0})},
            "takes whole numbers as ngram_max, not 1.0",
        ),
        ({"own_space": changed(c={"type": "flag"})}, "takes numbers as c, not False"),
        (
            {"own_space": changed(sublinear_tf={"type": "choice", "options": [1]})},
            "true or false as sublinear_tf",
        ),
        ({"own_space": changed(ngram_max={"type": "integer", "low": 1, "high": 2**60})}, "within 2**53"),
        ({"own_space": LINEAR | {"name": "x" * 700}}, "has a word of 700 characters"),
        ({"own_space": SHORT | {"language_models": [BERT] * 2001}}, "more than 2,000 parts"),
        ({"own_space": {"methods": 5, "name": "a/1"}}, "methods must be a list, got 5"),
        ({"own_space": {"base": ["tunelore"]}}, "base must be the name of a ready-made space"),
        ({"own_space": SHORT, "space": "tunelore"}, "leave one of them out"),
    ],
)
def test_what_is_wrong_is_said_before_launch(
    changes: dict[str, Any], words: str, alice: APIClient, dataset: Dataset
) -> None:
    answer = launch(alice, dataset, **changes)
    assert answer.status_code == 422, answer.content
    [error] = answer.json()["errors"]
    assert error["pointer"] == ("space" if "space" in changes else "own_space")
    assert words in error["message"]
    assert not Search.objects.exists()


def test_a_method_that_it_does_not_have_is_refused(alice: APIClient, dataset: Dataset) -> None:
    [error] = launch(alice, dataset, own_space=SHORT, methods=["probe"]).json()["errors"]
    assert (error["pointer"], error["message"]) == ("methods", "'probe' is unknown; known: full, linear")


def test_strangers_do_not_see_it(alice: APIClient, charlie: APIClient, dataset: Dataset) -> None:
    found = launch(alice, dataset, own_space=LINEAR).json()
    assert charlie.get(f"{URL}{found['id']}/").status_code == 404


# The form ---------------------------------------------------------------------------------------------------------

FIELDS = {"trials": "2", "wall_s": "30", "memory_gib": "2", "slots": "1", "objectives": ["score"]}
YAML = """base: tunelore
name: few/1
methods: [linear]
parameters:
  c: {low: 0.5, high: 1e1}
  sublinear_tf: true
"""


@pytest.fixture
def pages(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_form_takes_yaml_and_the_page_shows_it(pages: Client, dataset: Dataset) -> None:
    url = f"/searches/new/{dataset.pk}/"
    assert 'name="own_space"' in pages.get(url).content.decode()
    started = pages.post(url, FIELDS | {"own_space": YAML, "methods": ["full", "linear"]})
    assert started.status_code == 302
    search = Search.objects.get()
    assert search.space.startswith("few/1#")
    page = pages.get(f"/searches/{search.pk}/")
    shown = page.context["page"].own_space
    assert data_of(shown) == search.own_space
    assert "written for this search" in page.content.decode()
    again = pages.post(url, FIELDS | {"own_space": json.dumps(search.own_space)})
    assert again.status_code == 302
    assert {one.space for one in Search.objects.all()} == {search.space}


def test_a_page_of_a_named_space_shows_none(alice: APIClient, pages: Client, dataset: Dataset) -> None:
    found = launch(alice, dataset).json()
    assert found["own_space"] == {}
    assert "written for this search" not in pages.get(f"/searches/{found['id']}/").content.decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: tunelore\nbase: proposal\n", "stands here a second time"),
        ("- tunelore\n", "is no object"),
        ("{", "not readable as JSON"),
        ("a: [" * 3000, "nested too deeply"),
        ("base: tunelore\nmethods: [ful]\n", "is &#x27;full&#x27; meant?"),
        ("name: " + "x" * 20_001, "at most 20,000"),
        ("<script>alert(1)</script>", "is no object"),
        ("!!python/object/apply:os.system [ls]", "not readable as YAML"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(
    text: str, words: str, pages: Client, dataset: Dataset
) -> None:
    refused = pages.post(f"/searches/new/{dataset.pk}/", FIELDS | {"own_space": text})
    assert refused.status_code == 422
    assert words in refused.content.decode().replace("&quot;", '"')
    assert "<script>alert" not in refused.content.decode()
    assert not Search.objects.exists()


def test_the_estimate_is_asked_for_by_a_post(pages: Client, dataset: Dataset) -> None:
    url = f"/searches/new/{dataset.pk}/"
    side = pages.post(f"{url}estimate/", FIELDS | {"own_space": YAML})
    assert side.status_code == 200
    assert side.context["side"].asked.own_space["methods"] == ["linear"]
    wrong = pages.post(f"{url}estimate/", FIELDS | {"own_space": "methods: 5"})
    assert "own_space" in wrong.context["side"].estimate.reason
    # Without JavaScript the same page comes back: the text is too long for an address.
    plain = pages.post(url, FIELDS | {"own_space": YAML, "estimate": "1"})
    assert plain.status_code == 200
    assert "few/1" in plain.content.decode()
    assert not Search.objects.exists()
