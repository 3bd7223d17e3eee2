"""What users of other trackers told of in their threads, and the test that says it does not happen here."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tunelore import TuneLoreCallback, exits, record, trouble, wrap
from tunelore.observe import series
from tunelore.spool.file import SpoolWriter
from tunelore.spool.outbox import parcels

from tests.unit.tunelore.processes import TRAINER, finish, outcome

HERE = Path(__file__).parent
CONTRACT = "../../api/experiences/test_client_contract.py"
# thread -> file and test; a thread is named as on GitHub.
STORIES: dict[str, tuple[str, str]] = {
    # the tracker breaks, slows or blocks training
    "verl-project/verl#4904": ("test_bad_hubs.py", "test_a_hub_in_trouble"),
    "radixark/miles#2571": ("test_bad_hubs.py", "test_a_hub_that_comes_back_while_training_goes_on"),
    "Lightning-AI/pytorch-lightning#12833": ("test_bad_hubs.py", "test_an_address_without_a_hub"),
    "clearml/clearml#187": ("test_process_ends.py", "test_a_hub_that_is_away_costs_no_run_and_no_time"),
    "huggingface/transformers#28779": (
        "test_callback_training.py",
        "test_no_hook_raises_whatever_it_is_given",
    ),
    "huggingface/transformers#34701": (
        "test_bad_input.py",
        "test_hooks_fuzzed_with_wrong_types_raise_nothing_and_lose_no_run",
    ),
    "ultralytics/ultralytics#24705": ("test_bad_hubs.py", "test_a_home_that_cannot_be_written"),
    "luxonis/luxonis-ml#193": ("test_bad_hubs.py", "test_a_hub_in_trouble"),
    "axolotl-ai-cloud/axolotl#2630": (
        "test_stories.py",
        "test_a_checkpoint_folder_that_takes_no_file_costs_one_warning",
    ),
    "mlflow/mlflow#1550": ("test_stories.py", "test_a_disk_that_takes_its_time_delays_no_log_call"),
    "mlflow/mlflow#1760": ("test_sending.py", "test_the_sender_tries_again_until_the_hub_is_back"),
    "mlflow/mlflow#11518": ("test_sending.py", "test_a_server_that_says_nothing_is_given_up"),
    "Azure/azure-sdk-for-python#45403": (
        "test_sending.py",
        "test_the_sender_obeys_retry_after_even_at_the_end",
    ),
    "wandb/wandb#7671": ("test_sending.py", "test_a_hub_that_never_answers_is_not_waited_for_at_the_end"),
    "wandb/wandb#1287": ("test_sending.py", "test_trouble_with_the_hub_is_said_at_the_start"),
    "wandb/wandb#1086": (CONTRACT, "test_a_token_that_is_revoked_while_a_run_goes_on"),
    "huggingface/transformers#16594": ("test_bad_hubs.py", "test_without_a_terminal_and_with_closed_streams"),
    "hiyouga/LlamaFactory#3530": ("test_bad_hubs.py", "test_without_a_terminal_and_with_closed_streams"),
    "clearml/clearml#783": ("test_sending.py", "test_a_hub_that_never_answers_is_not_waited_for_at_the_end"),
    "ray-project/ray#60117": ("test_callback_training.py", "test_hooks_are_those_of_the_installed_trainer"),
    # lost runs, offline synchronisation
    "wandb/wandb#5561": ("test_spool_faults.py", "test_a_file_of_twenty_lines_cut_at_every_byte"),
    "wandb/wandb#1817": ("test_process_ends.py", "test_kill_nine_is_settled_by_whoever_looks_next"),
    "wandb/wandb#1297": ("test_spool.py", "test_a_finished_run_waits_also_while_its_process_lives"),
    "wandb/wandb#2919": ("test_process_ends.py", "test_a_run_killed_while_its_dataset_is_still_read"),
    "wandb/wandb#9908": ("test_plain_runs.py", "test_a_run_from_its_start_to_its_metrics"),
    "wandb/wandb#7846": ("test_spool.py", "test_the_golden_file_is_read"),
    "mlflow/mlflow#2910": ("test_cli.py", "test_sync_sends_all_and_a_second_time_nothing"),
    "clearml/clearml#583": ("test_bad_hubs.py", "test_an_address_without_a_hub"),
    "clearml/clearml#1215": ("test_cli.py", "test_status"),
    "gradio-app/trackio#133": ("test_spool_faults.py", "test_many_processes_lose_and_double_nothing"),
    "gradio-app/trackio#265": ("test_spool.py", "test_after_a_damaged_line_the_next_is_read"),
    "gradio-app/trackio#448": ("test_spool_faults.py", "test_many_processes_lose_and_double_nothing"),
    "gradio-app/trackio#495": ("test_spool_faults.py", "test_the_nth_write_failing_for_every_n"),
    # failed runs that are not recorded
    "huggingface/transformers#30333": (
        "test_process_ends.py",
        "test_a_real_trainer_out_of_memory_under_a_limit",
    ),
    "NovaSky-AI/SkyRL#1516": (
        "test_process_ends.py",
        "test_sigterm_is_preemption_and_still_ends_the_process",
    ),
    "mlflow/mlflow#3932": ("test_plain_runs.py", "test_an_uncaught_exception_without_a_block"),
    "mlflow/mlflow#5963": ("test_plain_runs.py", "test_an_exception_that_the_script_catches_is_seen"),
    "mlflow/mlflow#1832": ("test_process_ends.py", "test_ctrl_c"),
    "Lightning-AI/pytorch-lightning#10397": ("test_process_ends.py", "test_a_real_trainer_that_fails"),
    "Lightning-AI/pytorch-lightning#12291": (
        "test_process_ends.py",
        "test_an_exception_keeps_its_traceback_and_its_exit_code",
    ),
    "Netflix/metaflow#1112": (
        CONTRACT,
        "test_a_killed_run_is_provisional_until_the_clients_own_record_comes",
    ),
    "optuna/optuna#386": ("test_trainer_series.py", "test_trials_of_a_search_and_pruned_ones_are_told_apart"),
    "allenai/allennlp#2978": ("test_stories.py", "test_wrap_tells_of_an_exception_that_the_script_catches"),
    "wandb/wandb#2575": ("test_plain_runs.py", "test_who_knows_the_outcome_says_it"),
    # memory, as far as the client sees it
    "huggingface/transformers#17068": (
        "test_trainer_series.py",
        "test_silent_retries_for_memory_are_runs_of_their_own",
    ),
    "huggingface/transformers#46809": (
        "test_stories.py",
        "test_memory_that_ran_out_in_an_evaluation_is_told_apart",
    ),
    "huggingface/transformers#25956": ("test_old_transformers.py", "test_exceptions_retries_and_resumption"),
    "huggingface/transformers#29518": (
        "test_trainer_series.py",
        "test_a_resumed_run_names_the_one_it_resumes",
    ),
    "unslothai/unsloth#973": ("test_callback_training.py", "test_settings_off_the_default_are_told"),
    "Lightning-AI/pytorch-lightning#9625": (
        "test_trainer_series.py",
        "test_silent_retries_for_memory_are_runs_of_their_own",
    ),
    "huggingface/transformers#29058": (
        "test_trainer_series.py",
        "test_a_watched_trainer_tells_of_exceptions_that_the_script_catches",
    ),
    "optuna/optuna#2864": ("test_stories.py", "test_what_did_not_fit_is_told_with_all_that_decides_it"),
    "optuna/optuna#3472": ("../automl/test_values.py", "test_out_of_memory_counts_with_as_much_memory"),
    "optuna/optuna#3102": ("test_process_ends.py", "test_a_real_trainer_out_of_memory_under_a_limit"),
    "caikit/caikit-nlp#207": ("test_stories.py", "test_what_did_not_fit_is_told_with_all_that_decides_it"),
    "optuna/optuna#5190": ("test_distributed.py", "test_the_main_process_failing_under_torchrun"),
}


# Of the collection of threads: what the client has to answer for.
SECTIONS = ("### 2.1 ", "### 2.2 ", "### 2.3 ", "### 2.8 ")


def threads_of(text: str) -> set[str]:
    """Every thread in the first column of a table: `owner/name#1`, `owner/name PR#2`, `owner/name#3, #4`."""
    found = set()
    for line in text.splitlines():
        cell = line.split("|")[1] if line.startswith("|") else ""
        match = re.match(r"\s*([\w.-]+/[\w.-]+)(?: PR)?#", cell)
        if match:
            numbers = re.findall(r"#(\d+)", cell.partition("(")[0])
            found |= {f"{match[1]}#{number}" for number in numbers}
    return found


def test_every_thread_that_was_collected_is_here(shared_file: Callable[[str], Path]) -> None:
    text = shared_file("reference/users.md").read_text(encoding="utf-8")
    sections = [part for part in re.split(r"^(?=##)", text, flags=re.MULTILINE) if part.startswith(SECTIONS)]
    assert len(sections) == len(SECTIONS)
    assert threads_of("\n".join(sections)) == set(STORIES)


def named_tests(name: str) -> set[str]:
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("thread", STORIES)
def test_a_story_has_its_test(thread: str) -> None:
    name, test = STORIES[thread]
    assert test in named_tests(name)


@pytest.mark.parametrize(("hook", "phase"), [("on_prediction_step", "validate"), ("on_step_begin", "train")])
def test_memory_that_ran_out_in_an_evaluation_is_told_apart(client: Path, hook: str, phase: str) -> None:
    """It says nothing about the training batch."""

    class State:
        is_world_process_zero, global_step, epoch = True, 4, 0.5

    state: Any = State()
    callback = TuneLoreCallback(spool=client)
    callback.on_train_begin(None, state, None)
    callback.on_step_end(None, state, None)
    getattr(callback, hook)(None, state, None)
    exits.failed(MemoryError(), threading.get_ident())
    exits.close_all(20)
    (parcel,) = parcels(client)
    assert record.check(parcel.record) == []
    found = parcel.record["outcome"]
    assert (found["status"], found["cause"], found["phase"], found["step"]) == ("oom", "host", phase, 4)


class State:
    """A trainer's state as far as hooks look at it."""

    is_world_process_zero, global_step, epoch = True, 0, 0.0


def test_a_disk_that_takes_its_time_delays_no_log_call(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each append to the spool takes as long as one over a sick network file system."""
    append, slept = SpoolWriter.append, threading.Event()

    def slow(self: SpoolWriter, *arguments: Any, **more: Any) -> bool:
        slept.wait(0.3)
        return append(self, *arguments, **more)

    monkeypatch.setattr(SpoolWriter, "append", slow)
    monkeypatch.setattr("tunelore.session.PROGRESS_S", 0.0)
    callback, state = TuneLoreCallback(spool=client), State()
    callback.on_train_begin(None, state, None)
    took = []
    end = time.monotonic() + 2.0  # several writes go on meanwhile
    while time.monotonic() < end:
        state.global_step += 1
        before = time.perf_counter()
        callback.on_log(None, state, None, logs={"loss": 0.5})
        took.append(time.perf_counter() - before)
        time.sleep(0.005)
    assert max(took) < 0.15  # half of one write; the machine may be busy with others
    callback.on_train_end(None, state, None)
    slept.set()
    exits.close_all(30)
    (parcel,) = parcels(client)
    assert parcel.record["cost"]["steps"] == state.global_step


def test_a_checkpoint_folder_that_takes_no_file_costs_one_warning(
    client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The place of our file is taken by a folder, which nobody can write to, not even root."""
    monkeypatch.setattr(trouble, "raise_errors", False)
    caplog.set_level("WARNING", logger=trouble.logger.name)
    args: Any = SimpleNamespace(output_dir=str(tmp_path / "out"))
    callback, state = TuneLoreCallback(spool=client), State()
    callback.on_train_begin(args, state, None)
    for state.global_step in (1, 2):
        (tmp_path / "out" / f"checkpoint-{state.global_step}" / series.NAME).mkdir(parents=True)
        callback.on_save(args, state, None)
    callback.on_evaluate(args, state, None, metrics={"eval_accuracy": 0.5})
    callback.on_train_end(args, state, None)
    exits.close_all(20)
    (parcel,) = parcels(client)
    assert parcel.record["outcome"]["status"] == "ok"
    assert trouble.counts["save"] == 2
    (warning,) = caplog.messages
    assert "Training is not affected" in warning


class Failing:
    """A trainer by its interface: `train` tells the callbacks that it begins, and fails in its second step."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def add_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def train(self) -> None:
        state = State()
        for one in self.callbacks:
            one.on_train_begin(None, state, None)
        state.global_step = 1
        for one in self.callbacks:
            one.on_step_end(None, state, None)
        raise ZeroDivisionError("in the second step")


def test_wrap_tells_of_an_exception_that_the_script_catches(client: Path) -> None:
    trainer = Failing()
    assert wrap(wrap(trainer, spool=client)) is trainer
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="in the second step"):
            trainer.train()
    exits.close_all(20)
    found = [parcel.record for parcel in parcels(client)]
    assert [outcome(one) for one in found] == [("error", None, "ZeroDivisionError")] * 2
    assert {(one["outcome"]["phase"], one["outcome"]["step"]) for one in found} == {("train", 1)}


FAST_TOKENISER = """
import tokenizers
words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[PAD]": 0, "a": 1, "[UNK]": 2}, unk_token="[UNK]"))
words = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
words(["a a"], truncation=True, max_length=6)
def at(step):
    if step == 1: raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
whole = trainer(bf16=True, gradient_accumulation_steps=2, gradient_checkpointing=False)
whole.processing_class = whole.callback_handler.processing_class = words
whole.train()
"""


def test_what_did_not_fit_is_told_with_all_that_decides_it(tmp_path: Path) -> None:
    """Language model, method, batch, length, precision, limit: what it takes never to propose it again in vain."""
    pytest.importorskip("transformers")
    code, errors, (one,) = finish(TRAINER + FAST_TOKENISER, tmp_path)
    assert code == 1, errors
    assert outcome(one) == ("oom", "device", "OutOfMemoryError")
    assert one["language_model"]["features"]["parameters"] == one["cost"]["parameters"] > 0
    assert one["pipeline"]["method"] == "full"
    settings = one["pipeline"]["hyperparameters"]
    assert (settings["batch_size"], settings["gradient_accumulation_steps"]) == (8, 2)
    assert (settings["max_length"], settings["bf16"]) == (6, True)
    assert (one["cost"]["batch_size_asked"], one["cost"]["batch_size_effective"]) == (8, 16)
    assert set(one["limits"]) == {"wall_s", "host_memory_bytes", "device_memory_bytes"}
