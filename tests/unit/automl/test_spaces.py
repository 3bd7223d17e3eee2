"""Ready-made spaces hold what the publications print; spaces that people write are read, or told what is wrong."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tunelore.record import language_model_key

from automl.engine import Engine
from automl.errors import SpaceError
from automl.priors import Decisions, build_prior
from automl.runners.abilities import cannot_run
from automl.samplers import SAMPLERS
from automl.space import Choice, Condition, Flag, Integer, Method, Real, Space
from automl.space.methods import narrowed_method
from automl.spaces import PRESETS, data_of, over, preset, read_space, space_from, tunelore, write_space
from automl.spaces.yaml_text import from_yaml
from automl.testing import World
from automl.values import Evidence, Pipeline
from knowledgebase.experiences.importers.xautolm.names import (
    ENCODERS,
    GENERATORS,
    METHODS,
    language_model,
)
from knowledgebase.experiences.services.catalogue import FILE

KEYS = ["package:a@1", "package:b@1"]
OPEN = ("tunelore", "tunelore-answers")


def made(name: str) -> Space:
    return preset(name, KEYS if name in OPEN else None)


def catalogue() -> dict[str, dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def names(keys: tuple[str, ...]) -> list[str]:
    return [key.removeprefix("hub:") for key in keys]


def test_xautolm_has_its_methods_and_language_models() -> None:
    space = preset("xautolm")
    assert space.name == "xautolm/1"
    kinds = [f"{how}-{family}" for family in ("encoder", "generative") for how in ("full", "partial", "lora")]
    assert [method.name for method in space.methods] == kinds
    assert {name: len(models) for name, models in space.families.items()} == {"encoder": 25, "generative": 27}
    generation = preset("xautolm-generation")
    assert [method.name for method in generation.methods] == ["full", "partial", "lora"]
    assert generation.language_models == space.families["generative"]


@pytest.mark.parametrize(
    ("name", "column", "values"),
    [
        ("xautolm", "full-encoder.batch_size", [2, 4, 8, 16, 32, 64, 128, 256]),
        ("xautolm", "lora-generative.max_length", [64, 128, 256, 512, 1024, 2048, 4096]),
        ("xautolm", "full-encoder.learning_rate", [5e-6, 1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 1e-4]),
        ("xautolm", "partial-generative.num_trainable_layers", [1, 2, 4, 8, 16, 32, 64]),
        ("xautolm", "full-encoder.num_workers", ["3/4", "half", "1/4", "default"]),
        ("xautolm", "lora-encoder.lora_bias", ["none", "all", "lora_only"]),
        ("xautolm", "lora-generative.lora_bias", ["none", "all"]),
        ("xautolm", "lora-encoder.init_lora_weights", ["gaussian", "pissa", "loftq", None]),
        ("xautolm-generation", "full.max_length", [500, 700, 900, 1024, 2048, 4096]),
        ("xautolm-generation", "lora.data_downsize", ["none", "1/4", "half"]),
    ],
)
def test_domains_are_the_published_ones(name: str, column: str, values: list[Any]) -> None:
    method, _, parameter = column.partition(".")
    found = preset(name).method(method).parameters[parameter]
    assert isinstance(found, Choice)
    assert list(found.options) == values
    assert [type(one) for one in found.options] == [type(one) for one in values]


def test_what_only_some_methods_have() -> None:
    space, generation = preset("xautolm"), preset("xautolm-generation")
    assert space.method("lora-encoder").parameters["lora_r"] == Integer(1, 32)
    assert space.method("full-encoder").parameters["epochs"] == Integer(1, 10)
    having = {method.name for method in space.methods if "dropout_rate" in method.parameters}
    assert having == {"full-encoder", "partial-encoder", "full-generative", "partial-generative"}
    assert not {"dropout_rate", "class_weighted_loss", "use_gradient_clipping"} & set(
        generation.method("full").parameters
    )
    assert generation.method("full").parameters["early_stopping_patience"] == Integer(1, 10)


def test_the_proposal_has_its_table() -> None:
    space, known = preset("proposal"), catalogue()
    assert [method.name for method in space.methods] == ["full", "lora", "partial"]
    assert space.methods[0] == tunelore(KEYS).method("full")
    rows = [known[name] for name in names(space.language_models)]
    assert len(rows) == 35
    assert sum(row["kind"] == "encoder" for row in rows) == 22
    families = [row["family"] for row in rows]
    printed = {"BERT": 5, "DistilBERT": 3, "ALBERT": 4, "ELECTRA": 3, "T5": 5, "FLAN-T5": 4, "GPT-2": 4}
    assert {family: families.count(family) for family in printed} == printed


def test_the_catalogue_and_the_importer_know_the_same_language_models() -> None:
    known = {name: row for row in catalogue().values() for name in (row["alias"], row["name"]) if name}
    space = preset("xautolm")
    encoders, generative = (names(space.families[family]) for family in ("encoder", "generative"))
    assert sorted(encoders) == sorted(ENCODERS)
    assert set(generative) <= set(GENERATORS)
    assert all(known[name]["kind"] == "encoder" for name in encoders)
    assert all(known[name]["kind"] != "encoder" for name in generative)


def test_imported_runs_speak_in_the_space_that_they_come_from() -> None:
    """A run as the reference's store has it: through the importer's names, every decision is known here."""
    values = {
        "num_trainable_layers": 2, "batch_size": 128, "max_length": 128, "learning_rate": 0.0001, "epochs": 1,
        "warmup_steps": 0, "weight_decay": 0.01, "optimizer": "adagrad", "dropout_rate": 0.3,
        "gradient_accumulation_steps": 2, "lr_scheduler": "linear", "early_stopping_delta": 0.005,
        "use_mixed_precision": True, "use_gradient_clipping": False, "gradient_clipping_max_norm": 5.0,
        "class_weighted_loss": False, "num_workers": "1/4",
    }  # fmt: skip
    model = language_model("WORD_EMB_Distilbert_Base_Multilingual_Cased")
    stored = Pipeline(METHODS["PartialFineTuneLLMEmbeddingClassifier"], values, language_model_key(model))
    space = preset("xautolm")
    assert space.reasons(space.adopt(stored)) == []
    assert len(Decisions(space).read(stored)) == 2 + len(values)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_every_ready_made_space_survives_a_file(name: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"space.{ending}"
    write_space(made(name), path)
    assert read_space(path) == made(name)


@pytest.mark.parametrize("name", ["xautolm", "xautolm-generation", "proposal"])
@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"listed"}))
def test_every_sampler_searches_the_published_spaces(name: str, sampler: str) -> None:
    space = preset(name)
    prior = build_prior(space, [], World().target(0))
    engine = Engine(space, sampler, prior=prior, seed=3)
    found = engine.ask(6)
    assert [space.reasons(one.pipeline) for one in found] == [[]] * 6
    assert np.isfinite(engine.log_weights([one.pipeline for one in found])).all()


def test_an_unknown_preset_is_told_which_there_are() -> None:
    assert preset("tunelore/1", KEYS) == tunelore(KEYS)
    for wrong in ("magic", "xautolm/9"):
        with pytest.raises(SpaceError, match=rf"'{wrong}' is unknown; use one of .*'proposal'"):
            preset(wrong)
    with pytest.raises(SpaceError, match="need a language model"):
        preset("tunelore")
    with pytest.raises(SpaceError, match=r"hub:a/b.*are not among"):
        preset("proposal", ["hub:a/b"])


def test_fewer_language_models_leave_the_methods_that_they_suit() -> None:
    small = preset("xautolm", ["hub:gpt2"])
    assert [method.name for method in small.methods] == [
        "full-generative",
        "partial-generative",
        "lora-generative",
    ]
    assert small.language_models == ("hub:gpt2",)


# families ---------------------------------------------------------------------------------------------------


def test_a_method_gets_language_models_of_its_family_only() -> None:
    space = preset("xautolm")
    for pipeline in space.sample(np.random.default_rng(0), 200):
        family = pipeline.method.partition("-")[2]
        assert pipeline.language_model in space.families[family]
    wrong = Pipeline("full-encoder", {}, "hub:gpt2")
    assert any("language model must be one of" in reason for reason in space.reasons(wrong))


def test_families_are_learnt_apart_and_recorded_methods_are_read() -> None:
    space = preset("xautolm")
    decisions = Decisions(space)
    stored = Pipeline("full", {"epochs": 3, "batch_size": 8}, "hub:gpt2")
    found = decisions.read(stored)
    assert found["method"] == [method.name for method in space.methods].index("full-generative")
    assert {"full-generative.epochs", "language_model.generative"} <= set(found)
    assert "language_model.encoder" not in found
    run = Evidence("1", "a", World().metafeatures(1), stored, "ok", score=0.9, seconds=1.0)
    shares = build_prior(space, [run], World().target(0)).distributions()
    assert set(shares["language_model.encoder"].values()) == {1 / 25}
    assert set(shares) == set(space.distributions())


@pytest.mark.parametrize(
    ("methods", "families", "words"),
    [
        ((Method("a", {}, family="magic"),), {"x": ("m",)}, "'magic', which is none of the families"),
        ((Method("a", {}, family="x"),), {"x": ()}, "need a language model and none is given in 'x'"),
        ((Method("a", {}, family="x"),), {"x": ("m", "m")}, "'m' twice in language_models.x"),
    ],
)
def test_wrong_families_are_named(
    methods: tuple[Method, ...], families: dict[str, tuple[str, ...]], words: str
) -> None:
    with pytest.raises(SpaceError, match=words):
        Space("s", methods, families=families)


# conditions -------------------------------------------------------------------------------------------------

CONDITIONAL = {
    "name": "mine/1",
    "language_models": ["hub:a/b"],
    "methods": [
        {
            "name": "full",
            "parameters": {
                "clip": {"type": "flag"},
                "norm": {"type": "real", "low": 0.1, "high": 5, "log": True, "when": {"clip": True}},
                "kind": {"type": "choice", "options": ["l1", "l2"], "when": {"clip": [True]}},
                "root": {"type": "flag", "when": {"kind": "l2"}},
                "epochs": {"type": "integer", "low": 1, "high": 3},
            },
        }
    ],
}


def test_a_condition_decides_what_a_pipeline_has() -> None:
    space = space_from(CONDITIONAL)
    drawn = space.sample(np.random.default_rng(0), 200)
    shapes = {tuple(pipeline.hyperparameters) for pipeline in drawn}
    assert shapes == {
        ("clip", "epochs"),
        ("clip", "epochs", "kind", "norm"),
        ("clip", "epochs", "kind", "norm", "root"),
    }
    assert [space.reasons(one) for one in drawn] == [[]] * 200
    assert [one.key() for one in space.decode(space.encode(drawn))] == [one.key() for one in drawn]
    finite = space.restrict(parameters={"full.norm": Choice((0.5, 1.0))})
    assert finite.size == 3 * (1 + 2 * (1 + 2))
    assert len({one.key() for one in finite.sample(np.random.default_rng(0), 3000)}) == finite.size


def test_what_does_not_apply_does_not_belong() -> None:
    space = space_from(CONDITIONAL)
    off = Pipeline("full", {"clip": False, "norm": 1.0, "epochs": 2}, "hub:a/b")
    assert space.reasons(off) == ["full.norm applies only where clip is one of [True]"]
    assert "full.norm is missing" in space.reasons(Pipeline("full", {"clip": True, "epochs": 2}, "hub:a/b"))
    assert set(Decisions(space).read(off)) == {"method", "language_model", "full.clip", "full.epochs"}


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"listed", "expert"}))
def test_samplers_keep_to_conditions(sampler: str) -> None:
    space = space_from(CONDITIONAL)
    world = World()
    store = [
        Evidence(f"{place}", "a", world.metafeatures(1), pipeline, "ok", score=place / 40, seconds=5.0)
        for place, pipeline in enumerate(space.sample(np.random.default_rng(1), 40))
    ]
    engine = Engine(space, sampler, prior=build_prior(space, store, world.target(0)), seed=1)
    from automl.values import Outcome

    for number in range(1, 31):
        [proposal] = engine.ask()
        assert space.reasons(proposal.pipeline) == []
        score = float(bool(proposal.pipeline.hyperparameters["clip"])) / 2 + number / 1000
        engine.tell(Outcome(number, proposal.pipeline, "ok", score=score, seconds=1.0 + number))


def test_narrowing_drops_what_can_never_apply() -> None:
    [method] = space_from(CONDITIONAL).methods
    off = narrowed_method(method, {"full.clip": Choice((False,))})
    assert list(off.parameters) == ["clip", "epochs"]
    only = narrowed_method(method, {"full.kind": Choice(("l1",))})
    assert list(only.parameters) == ["clip", "norm", "kind", "epochs"]
    with pytest.raises(SpaceError, match=r"full\.kind can only become narrower: must be one of"):
        narrowed_method(method, {"full.kind": Choice(("l1", "l9", "l2"))})


def test_configspace_keeps_families_and_conditions(tmp_path: Path) -> None:
    pytest.importorskip("ConfigSpace")
    from automl.space import from_configspace, read_configspace, to_configspace, write_configspace

    for space in (*map(made, PRESETS), space_from(CONDITIONAL)):
        assert from_configspace(to_configspace(space)) == space
        write_configspace(space, tmp_path / "space.json")
        assert read_configspace(tmp_path / "space.json") == space


def test_configspace_says_what_it_cannot_take(tmp_path: Path) -> None:
    library = pytest.importorskip("ConfigSpace")
    from automl.space import from_configspace, read_configspace

    def foreign() -> tuple[Any, Any]:
        source = library.ConfigurationSpace(
            space={"method": ["a", "b"], "a:x": (0.0, 1.0), "a:y": (0.0, 1.0)}
        )
        return source, source["a:y"]

    source, child = foreign()
    source.add(library.GreaterThanCondition(child, source["a:x"], 0.5))
    with pytest.raises(SpaceError, match="say it with equals or in"):
        from_configspace(source)
    source, child = foreign()
    source.add(library.EqualsCondition(child, source["method"], "b"))
    with pytest.raises(SpaceError, match="must apply to its method 'a' alone"):
        from_configspace(source)
    source, child = foreign()
    source.add(library.ForbiddenEqualsClause(source["method"], "b"))
    with pytest.raises(SpaceError, match="forbidden"):
        from_configspace(source)
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(SpaceError, match=r"bad.json: is no JSON of ConfigSpace"):
        read_configspace(tmp_path / "bad.json")
    with pytest.raises(SpaceError, match=r"none.json: cannot be read"):
        read_configspace(tmp_path / "none.json")


# files ------------------------------------------------------------------------------------------------------


def written(tmp_path: Path, text: str, name: str = "space.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_ready_made_space_made_smaller(tmp_path: Path) -> None:
    text = """
    base: tunelore
    name: mine/2
    language_models: [package:a@1]
    methods: [full, lora]
    parameters:
      batch_size: [8, 16]
      full.learning_rate: {low: 2e-5, high: 1e-4}
      full.batch_size: 8          # goes before what is said of all methods
      epochs: {high: 4}
      class_weights: false
      lora.weight_decay: {options: [0.0, 0.1]}
    """
    space = read_space(written(tmp_path, text))
    full, lora = space.methods
    assert (space.name, space.language_models) == ("mine/2", ("package:a@1",))
    assert full.parameters["learning_rate"] == Real(2e-5, 1e-4, log=True)
    assert full.parameters["batch_size"] == Choice((8,))
    assert lora.parameters["batch_size"] == Choice((8, 16))
    assert lora.parameters["epochs"] == Integer(2, 4, log=True)
    assert full.parameters["class_weights"] == Choice((False,))
    assert lora.parameters["weight_decay"] == Choice((0.0, 0.1))
    assert read_space(written(tmp_path, json.dumps({"base": "tunelore"}), "b.json"), KEYS) == tunelore(KEYS)


def test_yaml_is_read_as_its_newer_version_has_it(tmp_path: Path) -> None:
    text = """
    name: mine/1
    methods:
      - name: plain
        needs_language_model: false
        parameters:
          rate: {type: choice, options: [1e-5, 1E3, .5, 7, +3, 0x10]}
          word: {type: choice, options: [no, on, off, "1", null, true]}
    """
    values = read_space(written(tmp_path, text)).methods[0].parameters
    assert values["rate"] == Choice((1e-5, 1e3, 0.5, 7, 3, "0x10"))
    assert values["word"] == Choice(("no", "on", "off", "1", None, True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "must be an object with methods, or with a base"),
        ("base: [tunelore", "line 1.*not readable as YAML"),
        ("base: tunelore\nbase: proposal", "line 2, column 1.*'base' stands here a second time"),
        ("a: !!python/object/apply:os.getcwd []", "not readable as YAML"),
        ("a: &a [*a]", "not readable as YAML|recursive|no 'a'|methods must be"),
        ("base: magic", "'magic' is unknown; use one of"),
        ("base: 5", "base must be the name of a ready-made space, got 5"),
        ("base: proposal\nmethod: [full]", "has no 'method'; it takes base, name, methods"),
        ("base: proposal\nmethods: full", "methods must be a list of names, got 'full'"),
        ("base: proposal\nmethods: [full, 5]", "methods.1 must be a name, got 5"),
        ("base: proposal\nmethods: [full, full]", "methods has 'full' twice"),
        (
            "base: proposal\nmethods: [ful]",
            r"methods.0: 'ful' is no method of 'proposal/1' \(is 'full' meant",
        ),
        ("base: proposal\nmethods: []", "has no method; give at least one"),
        ("base: proposal\nlanguage_models: [hub:a/b]", "'hub:a/b'.*are not among"),
        ("base: proposal\nparameters: [1]", "parameters must be an object, got"),
        (
            "base: proposal\nparameters: {full.epoch: 3}",
            r"parameters.full.epoch: 'proposal/1' has no such parameter \(is 'full.epochs' meant",
        ),
        (
            "base: proposal\nparameters: {epochs: {low: 5, high: 5}}",
            "parameters.epochs: .*low < high, got low=5",
        ),
        (
            "base: proposal\nparameters: {epochs: {low: 1}}",
            r"full.epochs can only become narrower: must lie in 2..10",
        ),
        ("base: proposal\nparameters: {epochs: 11}", "can only become narrower"),
        ("base: proposal\nparameters: {epochs: {loww: 3}}", "parameters.epochs: .*has no 'loww'; it takes"),
        ("base: proposal\nparameters: {batch_size: [8, 8.0]}", "parameters.batch_size: .*must differ, got"),
        ("base: proposal\nparameters: {batch_size: []}", "parameters.batch_size: .*at least one option"),
        ("base: proposal\nparameters: {batch_size: [[8]]}", r"an option must be .*got \[8\]"),
        ("base: proposal\nparameters: {epochs: {when: {batch_size: 8}}}", "leave 'when' out"),
        ("base: proposal\nparameters: {learning_rate: {low: 0}}", "log scale needs low > 0, got 0"),
    ],
)
def test_a_wrong_file_is_told_where_and_why(text: str, words: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SpaceError, match=f"(?s)space.yaml: .*({words})"):
        read_space(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norm": {"type": "flag", "when": {"clap": True}}}, "'clap' has some value, and full has no such"),
        (
            {"clip": {"type": "flag", "when": {"epochs": 1}}},
            "depends on 'epochs', which must stand before it",
        ),
        ({"clip": {"type": "flag", "when": {"clip": True}}}, "depends on 'clip', which must stand before it"),
        (
            {"norm": {"type": "flag", "when": {"clip": 3}}},
            "waits for clip to be 3, which it never is: it must be",
        ),
        (
            {"norm": {"type": "flag", "when": "clip"}},
            r"norm.when must name one parameter with its values, got 'clip'",
        ),
        ({"norm": {"type": "flag", "when": {"clip": []}}}, "norm.when.clip: .*at least one"),
        ({"norm": {"type": "flag", "when": {"clip": [True, True]}}}, "norm.when.clip: .*must differ"),
        ({"norm": {"type": "flag", "step": 1}}, "norm: a parameter of type flag has no 'step'"),
        (
            {"norm": {"type": "real", "low": 1, "high": 2, "log": "yes"}},
            "norm: log must be true or false, got 'yes'",
        ),
    ],
)
def test_a_wrong_condition_is_told_where_and_why(change: dict[str, Any], words: str) -> None:
    data = json.loads(json.dumps(CONDITIONAL))
    parameters = data["methods"][0]["parameters"] | change
    data["methods"][0]["parameters"] = {
        name: value for name, value in parameters.items() if name in {*change, "clip", "epochs"}
    }
    with pytest.raises(SpaceError, match=f"methods.0.*({words})"):
        space_from(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"methods": [{"name": "a", "needs_language_model": "no"}]},
            "needs_language_model must be true or false, got 'no'",
        ),
        ({"methods": [{"name": "a", "family": 5}]}, "methods.0.family must be a name, got 5"),
        ({"methods": [{"name": "a", "speed": 5}]}, "methods.0 has no 'speed'; it takes name"),
        (
            {"methods": [{"name": "a"}], "language_models": {"x": "y"}},
            "language_models.x must be a list of names",
        ),
        ({"methods": [{"name": "a"}], "size": 1}, "the space has no 'size'; it takes name"),
        (
            {"methods": [{"name": "a", "parameters": {"x": {"type": 3}}}]},
            "type must be real, integer, choice, flag, got 3",
        ),
    ],
)
def test_a_wrong_whole_space_is_told_where_and_why(data: dict[str, Any], words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        space_from(data)


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    (tmp_path / "long.json").write_bytes(b" " * (2**20 + 1))
    for name, words in (
        ("none.yaml", "cannot be read: No such file"),
        ("latin.yaml", "is not UTF-8 text; save it as UTF-8"),
        ("long.json", "a space has at most 1048576"),
        (written(tmp_path, "{", "open.json").name, "line 1, column 2: not readable as JSON"),
        (written(tmp_path, '{"name": "a", "name": "b"}', "twice.json").name, "the key 'name' stands twice"),
        (written(tmp_path, "", "space.txt").name, r"is a .json, .yaml or .yml file, got '.txt'"),
    ):
        with pytest.raises(SpaceError, match=f"{name}: .*{words}"):
            read_space(tmp_path / name)


def test_conditions_on_what_is_not_there_are_refused_in_code_too() -> None:
    with pytest.raises(SpaceError, match="has a condition and is no parameter"):
        Method("a", {"x": Flag()}, conditions={"y": Condition("x", (True,))})


def test_the_examples_of_the_documentation_are_read() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "spaces.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    models = ["hub:google-bert/bert-base-uncased", "hub:distilbert/distilbert-base-uncased"]
    smaller, in_parts, whole = (space_from(from_yaml(block), models) for block in blocks)
    assert (smaller.name, smaller.language_models) == ("short-and-cheap/1", tuple(models))
    assert {method.parameters["train_fraction"] for method in in_parts.methods} == {Choice((0.11, 0.33, 1.0))}
    assert set(whole.families) == {"encoder", "generative"}
    assert all(f"| `{name}` |" in text for name in PRESETS)


def test_language_models_are_found_at_any_revision_and_other_methods_stay() -> None:
    space = tunelore(["hub:a/one@v1", "hub:a/two"])
    smaller = over(space, ["hub:a/one@c0ffee"])
    assert smaller.language_models == ("hub:a/one@c0ffee",)
    assert smaller.has_method("linear")
    with pytest.raises(SpaceError, match="hub:a/three"):
        over(space, ["hub:a/three"])


def test_a_text_is_json_or_yaml() -> None:
    assert data_of(' {"a": 1}') == data_of("a: 1") == {"a": 1}
    for deep in ("[" * 5000, '{"a":' * 5000):
        with pytest.raises(SpaceError, match="nested too deeply"):
            data_of(deep)


def test_aliases_do_not_blow_up() -> None:
    shared = "definitions:\n  rates: &rates {low: 1e-5, high: 1e-4}\nfull: *rates\nlora: *rates\n"
    assert data_of(shared)["lora"] == {"low": 1e-5, "high": 1e-4}  # type: ignore[index]
    levels = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 9)]
    with pytest.raises(SpaceError, match="aliases make it"):
        data_of("\n".join(["a0: &a0 [x]", *levels]))
    merged = [f"a{at}: &a{at} {{<<: [{', '.join([f'*a{at - 1}'] * 10)}]}}" for at in range(1, 9)]
    with pytest.raises(SpaceError, match="aliases make it"):
        data_of("\n".join(["a0: &a0 {x: 1}", *merged]))
    with pytest.raises(SpaceError, match="an alias inside of what it names"):
        data_of("a: &a [*a]")


@pytest.mark.parametrize(
    ("column", "parameter", "words"),
    [
        ("full.epochs", Integer(1, 40), ""),
        ("full.batch_size", Integer(4, 64, log=True), ""),
        ("full.weight_decay", Real(0.0, 0.3), ""),
        ("full.weight_decay", Choice((0, 1)), ""),
        ("full.batch_size", Real(4.0, 64.0), "takes whole numbers as batch_size, not 4.0"),
        ("full.epochs", Choice(("many",)), "takes numbers as epochs, not 'many'"),
        ("full.epochs", Flag(), "takes numbers as epochs, not False"),
        ("full.class_weights", Choice((0, 1)), "takes true or false as class_weights, not 0"),
        ("probe.pooling", Choice(("mean", "max")), "takes mean, cls as pooling, not 'max'"),
    ],
)
def test_the_runner_is_asked_about_values_too(column: str, parameter: Any, words: str) -> None:
    name, _, key = column.partition(".")
    method = tunelore(["hub:a/one"]).method(name)
    own = Method(name, {**method.parameters, key: parameter})
    said = cannot_run(Space("mine/1", (own,), ("hub:a/one",)), "text-classification")
    assert said == ([f"of {name!r} it {words}"] if words else [])
