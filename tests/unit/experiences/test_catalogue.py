"""Language models: what a record says wins, the catalogue fills the gaps, and each feature has a source."""

from __future__ import annotations

import csv

import pytest
from django.core.management import call_command

from knowledgebase.experiences.models import LanguageModelDescription
from knowledgebase.experiences.selectors import language_model_summaries
from knowledgebase.experiences.services import record_experiences
from knowledgebase.experiences.services.catalogue import FILE, entries, entry_for

pytestmark = pytest.mark.django_db
BERT = "google-bert/bert-base-uncased"


def stored(person, record, **language_model):
    made = record(language_model={"source": "hub", "name": BERT, **language_model})
    [result] = record_experiences([made], owner=person.user, team=person.team)
    assert result.problem is None
    key = f"hub:{language_model.get('name', BERT)}"
    return next(one for one in language_model_summaries(person.user) if one.key.startswith(key))


def test_a_bare_name_gets_the_catalogues_features(owner, record):
    row = stored(owner, record)
    assert (row.features["layers"], row.features["hidden_size"], row.parameters) == (12, 768, 109_482_240)
    assert row.architecture == "bert"
    assert row.feature_sources["layers"].startswith("catalogue: published configuration")


def test_what_the_record_says_wins(owner, record):
    row = stored(owner, record, features={"layers": 6, "own": "yes", "context": None})
    assert (row.features["layers"], row.features["own"], row.features["context"]) == (6, "yes", 512)
    sources = row.feature_sources
    assert (sources["layers"], sources["own"]) == ("record", "record")
    assert sources["context"].startswith("catalogue")


def test_a_later_record_fills_gaps_and_overrules_the_catalogue_but_no_record(owner, record):
    stored(owner, record, features={"layers": 6})
    row = stored(owner, record, features={"layers": 7, "hidden_size": 1, "parameters": 5, "extra": 2})
    assert (row.features["layers"], row.features["hidden_size"], row.features["extra"]) == (6, 1, 2)
    assert row.parameters == 5
    assert row.feature_sources["hidden_size"] == "record"


def test_old_names_variants_and_folders(owner, record):
    assert stored(owner, record, name="bert-base-uncased").features["layers"] == 12
    assert entry_for("hub", BERT.upper(), "") is entry_for("hub", "bert-base-uncased", "")
    assert entry_for("hub", BERT, "layers=3") is None
    assert entry_for("path", BERT, "") is None
    assert entry_for("hub", "nobody/knows", "") is None


def test_those_from_before_the_catalogue_are_described_by_the_command(owner, record, capsys):
    stored(owner, record)
    LanguageModelDescription.objects.update(
        features={"layers": 3}, feature_sources={}, parameters=None, architecture=""
    )
    for said in ("1 of 1", "0 of 1"):
        call_command("describe_language_models")
        assert said in capsys.readouterr().out
    [row] = language_model_summaries(owner.user)
    assert (row.features["layers"], row.features["heads"], row.parameters) == (3, 12, 109_482_240)


def test_every_entry_is_plausible_and_has_its_source():
    rows = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len({row["name"] for row in rows}) > 80
    for entry in entries().values():
        known = entry.features
        assert entry.source.startswith("published configuration")
        assert 1e6 < known["parameters"] < 1e11
        # Embedding and layers make most of it: a slipped column would not fit.
        assert known["vocabulary"] * min(known["hidden_size"], 128) < known["parameters"]
        assert known["hidden_size"] % 2 == 0
        assert known["kind"] in ("encoder", "decoder", "encoder-decoder")
