"""The import command over formats: counts, repetition, what a person may see of it, and nothing in parts."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from tunelore.record import canonical

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.accounts.services import create_user
from knowledgebase.experiences.importers import FORMATS, parquet
from knowledgebase.experiences.models import Experience, Task
from tests.import_samples import (
    CARD,
    MlflowRun,
    evaluation,
    failed_evaluation,
    peft_result,
    trainer_state,
    worst_evaluation,
    write_mlflow_db,
    write_optuna_db,
    write_run,
    write_store,
)

pytestmark = pytest.mark.django_db
COUNTS = ("read", "imported", "merged", "refused")


@pytest.fixture(autouse=True)
def admin(db):
    return create_user("admin", is_superuser=True)


@pytest.fixture
def imported(capsys):
    """The report of an import as (read, imported, merged, refused), and its reasons."""

    def run(*arguments):
        call_command("import_experiences", *map(str, arguments), "--json")
        told = json.loads(capsys.readouterr().out)
        assert set(told) == {*COUNTS, "reasons"}
        assert told["read"] == told["imported"] + told["merged"] + told["refused"]
        assert sum(told["reasons"].values()) == told["refused"]
        return tuple(told[name] for name in COUNTS), told["reasons"]

    return run


@pytest.fixture
def exported(capsys):
    def run(*arguments):
        call_command("export_experiences", *map(str, arguments), "--json")
        return json.loads(capsys.readouterr().out)

    return run


def contents():
    return sorted(canonical(record) for record in Experience.objects.values_list("record", flat=True))


def test_a_store_twice_changes_nothing(imported, tmp_path):
    write_store(tmp_path, failed_evaluation(), worst_evaluation(), evaluation())
    assert imported(tmp_path) == ((3, 2, 1, 0), {})
    before = contents()
    assert imported(tmp_path) == ((3, 0, 3, 0), {})
    assert contents() == before


def test_an_import_is_one_entry_of_the_audit_with_its_counts(imported, admin, tmp_path):
    write_store(tmp_path, failed_evaluation(), worst_evaluation(), evaluation())
    imported(tmp_path, "--dry-run")
    assert not AuditEntry.objects.filter(action__startswith="experience.").exists()
    imported(tmp_path, "--visibility", "hub", "--origin", "thesis")
    [entry] = AuditEntry.objects.filter(action__startswith="experience.")
    assert (entry.action, entry.actor, entry.target) == ("experience.import", admin, "thesis")
    counts = {"read": 3, "imported": 2, "merged": 1, "refused": 0}
    assert entry.facts == {**counts, "visibility": "hub", "complete": True}


def test_files_of_a_store_one_by_one_are_the_same(imported, tmp_path):
    paths = write_store(tmp_path, failed_evaluation(), worst_evaluation(), evaluation())
    assert imported(*paths) == ((3, 2, 1, 0), {})
    for path in paths:
        assert imported(path)[0] == (1, 0, 1, 0)
    assert Experience.objects.count() == 2


def test_an_import_that_broke_off_is_started_again(imported, tmp_path):
    paths = write_store(tmp_path, *(evaluation(f1=place / 100) for place in range(10)))
    imported(*paths[:4])
    assert imported(tmp_path)[0] == (10, 6, 4, 0)


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz", "all.parquet"])
def test_our_own_files_lose_nothing(imported, exported, record, failed_record, tmp_path, name):
    sent = [record(extra={"für": ["x", 1e-7, {"deep": None}]}), failed_record(), record(unknown_field="=1+1")]
    (tmp_path / "first.jsonl").write_text("".join(json.dumps(one) + "\n" for one in sent), encoding="utf-8")
    imported(tmp_path / "first.jsonl")
    told = exported(tmp_path / name)
    assert (told["exported"], told["left_out"], told["dropped"]) == (3, 0, {})
    before = contents()
    assert before == sorted(canonical(one) for one in sent)
    Experience.objects.all().delete()
    assert imported(tmp_path / name)[0] == (3, 3, 0, 0)
    assert contents() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_what_came_from_the_experience_store_goes_back_through_the_hub(imported, exported, tmp_path):
    write_store(tmp_path / "store", failed_evaluation(), worst_evaluation(), evaluation())
    imported(tmp_path / "store")
    assert exported(tmp_path / "back")["dropped"] == {}
    told = {
        folder: {
            path.relative_to(tmp_path / folder): path.read_bytes()
            for path in (tmp_path / folder).rglob("*.json")
        }
        for folder in ("store", "back")
    }
    assert told["store"] == told["back"]


def test_two_records_never_share_a_file_of_an_export(imported, exported, tmp_path):
    write_store(tmp_path / "store", evaluation(), evaluation(f1=0.5), evaluation(f1=0.6))
    imported(tmp_path / "store")
    places = ("a.json", "a.json", "a.json/2024-10-28/b.json")
    for row, place in zip(Experience.objects.order_by("change_seq"), places, strict=True):
        row.record["extra"]["xautolm"]["files"][0]["path"] = place
        row.save()
    assert exported(tmp_path / "back")["exported"] == 3
    texts = sorted(path.read_text() for path in (tmp_path / "store").rglob("*.json"))
    assert sorted(path.read_text() for path in (tmp_path / "back").rglob("*.json") if path.is_file()) == texts


def test_an_export_says_what_it_drops(imported, exported, record, failed_record, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(record()) + "\n" + json.dumps(failed_record("killed")))
    imported(tmp_path / "a.jsonl")
    told = exported(tmp_path / "store", "--format", "xautolm")
    assert (told["exported"], told["left_out"]) == (1, 1)
    assert told["dropped"]["limits"] == 1
    assert exported(tmp_path / "other", "--dry-run") == told
    assert not (tmp_path / "other").exists()


def test_an_export_is_what_its_person_may_see(imported, exported, record, owner, stranger, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(record()))
    imported(tmp_path / "a.jsonl", "--user", owner.user.username)
    assert exported(tmp_path / "b.jsonl", "--user", stranger.user.username)["exported"] == 0
    assert exported(tmp_path / "b.jsonl", "--user", owner.user.username)["exported"] == 1
    assert (
        exported(tmp_path / "b.jsonl", "--user", owner.user.username, "--filter", "method = lora")["exported"]
        == 0
    )


def test_an_export_that_fails_leaves_what_was_there(exported, tmp_path):
    (tmp_path / "a.jsonl").write_text("kept")
    for arguments in (("--filter", "no such field = 1"), ("--user", "nobody")):
        with pytest.raises(CommandError):
            exported(tmp_path / "a.jsonl", *arguments)
    with pytest.raises(CommandError, match="say --format"):
        exported(tmp_path / "a.xlsx")
    with pytest.raises(CommandError, match="cannot be written"):
        exported(tmp_path / "a.jsonl" / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == "kept"


def test_an_export_beside_another_is_whole(exported, imported, record, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(record()))
    imported(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl.part").write_text("what another one is writing\n")
    (tmp_path / f"b.jsonl.{os.getpid()}.part").write_text("what one of this number left\n")
    exported(tmp_path / "b.jsonl")
    assert imported(tmp_path / "b.jsonl")[0] == (1, 0, 1, 0)
    assert (tmp_path / "b.jsonl.part").exists()
    assert not (tmp_path / f"b.jsonl.{os.getpid()}.part").exists()


def test_a_table_of_another_kind_is_refused(imported, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["record"]}), tmp_path / "rows.parquet")
    pq.write_table(pa.table({"record": [1]}), tmp_path / "numbers.parquet")
    _, reasons = imported(tmp_path / "rows.parquet", tmp_path / "numbers.parquet")
    assert sorted(reasons) == [
        "numbers.parquet: column 'record' holds int64, not text",
        "rows.parquet: has no column 'record' that holds records as JSON; columns: text",
    ]


def test_rows_of_a_table_that_are_no_records(imported, record, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [json.dumps(record()), "{", None, "[1]"]
    pq.write_table(pa.table({"record": texts}), tmp_path / "mixed.parquet")
    counts, reasons = imported(tmp_path / "mixed.parquet")
    assert counts == (4, 1, 0, 3)
    assert any("row 2" in reason for reason in reasons)


def test_a_table_that_is_cut_is_refused(imported, record, tmp_path):
    whole = io.BytesIO()
    parquet.write([record() for _ in range(20)], whole)
    (tmp_path / "cut.parquet").write_bytes(whole.getvalue()[:-100])
    counts, reasons = imported(tmp_path / "cut.parquet")
    assert counts == (1, 0, 0, 1)
    assert "not a complete Parquet file" in next(iter(reasons))


def test_one_record_or_a_list_of_them_as_json(imported, record, tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(record(), indent=2))
    (tmp_path / "list.json").write_text(json.dumps([record(), record(id="x")]))
    assert imported(tmp_path / "one.json")[0] == (1, 1, 0, 0)
    assert imported(tmp_path / "list.json")[0] == (2, 1, 0, 1)


def test_a_list_that_is_called_lines_is_refused_as_a_whole(imported, record, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps([record(), record()], indent=1))
    counts, reasons = imported(tmp_path / "a.jsonl")
    assert counts == (1, 0, 0, 1)
    assert list(reasons) == ["a.jsonl: is a JSON list, not one record a line; name it .json to have it read"]


def test_a_byte_order_mark_is_no_part_of_a_record(imported, record, tmp_path):
    sent = record()
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(sent).encode() + b"\n")
    assert imported(tmp_path / "a.jsonl")[0] == (1, 1, 0, 0)
    assert Experience.objects.get().record == sent


def test_what_nobody_reads_is_refused_by_name(imported, tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n")
    (tmp_path / "training_args.bin").write_bytes(b"\x80\x04.")
    (tmp_path / "tool.json").write_text('{"other": {}}')
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs.tar.gz").write_bytes(b"\x1f\x8b")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name, words in (
        ("table.csv", "of no format that is read here"),
        ("training_args.bin", "pickles are not read"),
        ("tool.json", "of no format that is read here"),
        ("empty", "holds nothing that is read here"),
        ("runs.tar.gz", "is an archive; unpack it"),
        ("pipe.jsonl", "is neither a file nor a folder"),
    ):
        counts, reasons = imported(tmp_path / name)
        assert counts == (1, 0, 0, 1)
        assert words in next(iter(reasons))
    with pytest.raises(CommandError, match="not a file or folder"):
        imported(tmp_path / "absent")


def test_reasons_stay_few_where_entries_are_many(imported, tmp_path):
    (tmp_path / "a.jsonl").write_text("{\n" * 1_500)
    counts, reasons = imported(tmp_path / "a.jsonl")
    assert counts == (1_500, 0, 0, 1_500)
    assert len(reasons) == 1_001
    assert reasons["and others, whose places are not told"] == 500


def test_links_are_refused_wherever_they_stand(imported, record, tmp_path):
    (tmp_path / "secret.jsonl").write_text(json.dumps(record()))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (folder / "also").symlink_to(tmp_path, target_is_directory=True)
    for path, count in ((folder, 2), (folder / "link.jsonl", 1)):
        counts, reasons = imported(path)
        assert counts == (count, 0, 0, count)
        assert all("links are not followed" in reason for reason in reasons)


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_as_every_format_is_refused_or_read(imported, record, tmp_path, name):
    (tmp_path / "a.jsonl").write_text(json.dumps(record()) + "\n")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "binary.dat").write_bytes(bytes(range(256)))
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "null.json").write_text("null")
    write_run(tmp_path / "run", trainer_state(), README_md=CARD)
    write_mlflow_db(tmp_path / "mlflow.db", MlflowRun())
    write_optuna_db(tmp_path / "optuna.db")
    (tmp_path / "peft.json").write_text(json.dumps(peft_result()))
    write_store(tmp_path / "store", evaluation())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for path in files:
        imported(path, "--format", name)
    assert set(Experience.objects.values_list("via", flat=True)) <= {"callback", f"import:{name}"}


def test_a_chosen_format_leaves_the_others(imported, record, tmp_path):
    write_store(tmp_path, evaluation())
    (tmp_path / "a.jsonl").write_text(json.dumps(record()))
    assert imported(tmp_path, "--format", "jsonl")[0] == (1, 1, 0, 0)
    assert imported(tmp_path, "--format", "xautolm")[0] == (1, 1, 0, 0)


def test_progress_and_notes_go_beside_the_report(admin, tmp_path, capsys):
    long = [{"Voting": {f"p{place:03d}": {"value": place} for place in range(300)}}]
    write_store(tmp_path, evaluation(algorithms=long), evaluation(f1=None, accuracy=None))
    call_command("import_experiences", str(tmp_path))
    told = capsys.readouterr()
    assert "2 read, 2 imported, 0 merged, 0 refused" in told.out
    assert "44 hyper-parameters do not fit" in told.err


@pytest.mark.shared_data
def test_the_classic_store_packed_and_unpacked(imported, exported, shared_data, tmp_path):
    packed = shared_data / "autogoal-fork-classic-store.jsonl.gz"
    infinities = {"Infinity": float("inf"), "-Infinity": float("-inf")}
    with gzip.open(packed, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            content = {
                key: infinities.get(value, value) if isinstance(value, str) else value
                for key, value in entry["content"].items()
            }
            path = tmp_path / "store" / entry["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=4), encoding="utf-8")
    assert imported(tmp_path / "store") == ((2554, 1722, 832, 0), {})
    assert imported(packed) == ((2554, 0, 2554, 0), {})
    statuses = Counter(Experience.objects.values_list("status", flat=True))
    assert statuses == {"ok": 895, "error": 417, "timeout": 222, "oom": 188}
    assert Task.objects.filter(comparable=True).count() == 0
    assert exported(tmp_path / "back")["exported"] == 1722
    for path in (tmp_path / "store").rglob("*.json"):
        assert (tmp_path / "back" / path.relative_to(tmp_path / "store")).read_bytes() == path.read_bytes()
