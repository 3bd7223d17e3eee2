"""Joules of runs: from a folder laid out as the kernel's, whose counts rise, wrap, hide and vanish."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from automl.runners import energy
from automl.runners.abilities import cannot_measure
from automl.runners.energy import Counter, Meter, NoMeter, counters_of, meter_of, visible, why_not
from automl.runners.fetched import fetch_and_run
from automl.runners.process import run
from automl.sources.hub.store import HubStore
from automl.values import Limits
from tests.powercap import MEMORY, OTHER, PACKAGE, RANGE, advancing, make_powercap, put

UUIDS = ("GPU-1111-a", "GPU-1122-b", "GPU-2222-c")


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    return make_powercap(tmp_path / "sys")


@pytest.fixture
def for_everybody() -> Iterator[Path]:
    """A folder that other users could enter: those of `tmp_path` are for their owner alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield make_powercap(Path(folder))


def test_packages_and_memory_count_and_nothing_twice(powercap):
    meter = meter_of("cpu", str(powercap))
    assert meter.words == "package+dram"
    for zone in powercap.glob("intel-rapl*:*"):
        put(powercap, zone.name, 1_000_000 + 100)
    put(powercap, PACKAGE, 6_000_000)
    put(powercap, MEMORY, 1_500_000)
    put(powercap, OTHER, 3_250_000)
    assert meter.joules() == 5.0 + 0.5 + 2.25
    put(powercap, OTHER, 4_250_000)
    assert meter.joules() == 8.75


def test_the_folder_of_the_devices_will_do_as_well(powercap):
    """What a container can mount is the tree itself, without the links into it."""
    devices = powercap.parent.parent / "devices" / "intel-rapl"
    assert len(counters_of("cpu", str(devices))) == len(counters_of("cpu", str(powercap))) == 3


def test_a_count_that_wraps_goes_on(powercap):
    put(powercap, PACKAGE, RANGE - 1_000_000)
    meter = meter_of("cpu", str(powercap))
    put(powercap, PACKAGE, 2_000_000)
    assert meter.joules() == 3.0


def test_a_long_run_that_is_looked_at_now_and_then_misses_no_range(powercap, monkeypatch):
    monkeypatch.setattr(energy, "SAMPLED_S", 0.0)
    meter = meter_of("cpu", str(powercap))
    for count in (RANGE // 2, RANGE - 1, 1_000_000, RANGE // 2, RANGE - 1, 1_000_000):
        put(powercap, PACKAGE, count)
        meter.keep_up()
    assert meter.joules() == pytest.approx(2 * RANGE / 1e6)


def test_between_two_looks_nothing_is_read(powercap):
    meter = meter_of("cpu", str(powercap))
    (powercap / PACKAGE / "energy_uj").unlink()
    for _ in range(1000):
        meter.keep_up()
    assert meter.words == "package+dram", "it has not been missed"


def test_where_no_counter_is_there_is_no_figure(tmp_path):
    assert meter_of("cpu", str(tmp_path)).joules() is None
    assert meter_of("cpu", str(tmp_path / "missing")).words == ""
    assert f"{tmp_path} has no counter of a processor (intel-rapl)" in why_not("cpu", str(tmp_path))


def test_a_file_that_vanishes_leaves_no_figure_and_breaks_nothing(powercap):
    meter = meter_of("cpu", str(powercap))
    put(powercap, PACKAGE, 5_000_000)
    (powercap / MEMORY / "energy_uj").unlink()
    assert meter.joules() is None
    put(powercap, MEMORY, 5_000_000)
    assert meter.joules() is None, "what passed meanwhile is not known"
    assert meter.words == ""


@pytest.mark.parametrize("text", ["", "many", "1.5"])
def test_what_is_no_number_is_no_count(powercap, text):
    (powercap / PACKAGE / "energy_uj").write_text(text)
    assert meter_of("cpu", str(powercap)).joules() is None
    assert "cannot be read" in why_not("cpu", str(powercap))


@pytest.mark.skipif(os.name != "posix", reason="users and modes of files")
def test_without_leave_to_read_the_file_is_named(for_everybody):
    file = for_everybody / OTHER / "energy_uj"
    file.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        reason = cannot_measure("energy_j", powercap=str(for_everybody))
        joules = meter_of("cpu", str(for_everybody)).joules()
    finally:
        if is_root:
            os.seteuid(0)
    assert reason.startswith(f"the runner reads no energy meter: {file} may not be read; give the user")
    assert joules is None
    file.chmod(0o444)
    assert cannot_measure("energy_j", powercap=str(for_everybody)) == ""


def test_other_objectives_need_no_meter(tmp_path):
    for name in ("score", "seconds", "memory_bytes", "trainable_parameters"):
        assert cannot_measure(name, powercap=str(tmp_path)) == ""


def test_of_cards_the_cards_have_to_be_read(powercap, tmp_path, monkeypatch):
    """How counters are put together; that of a card is one of ours, so this says nothing of NVML."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    asked: list[str | None] = []

    def given(names: str | None) -> list[Counter]:
        asked.append(names)
        return [Counter("card", lambda: 5, 1e-3)]

    beside = counters_of("cuda:0", str(powercap), given)
    assert Meter(beside).words == "package+dram+card"
    assert Meter(counters_of("cuda:0", str(tmp_path), given)).words == "card"
    assert asked == ["1", "1"]

    def refused(_names: str | None) -> list[Counter]:
        raise NoMeter("no driver")

    with pytest.raises(NoMeter, match="no driver"):
        counters_of("cuda:0", str(powercap), refused)


def test_a_counter_without_a_range_that_goes_back_ends_the_figure():
    counts = iter((7_000, 9_000, 8_000, 9_500))
    meter = Meter([Counter("card", lambda: next(counts), 1e-3)])
    assert meter.joules() == 2.0
    assert meter.joules() is None
    assert meter.joules() is None


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        (None, [0, 1, 2]), ("0", [0]), ("2,0", [2, 0]), ("", []), ("-1", []), ("1,-1,0", [1]), ("1,7,0", [1]),
        ("GPU-2222-c", [2]), ("GPU-112", [1]), ("GPU-11,0", []), (" 0 , GPU-2", [0, 2]), ("0,0", [0]),
    ],
)  # fmt: skip
def test_the_visible_cards_are_those_that_cuda_sees(asked, places):
    assert visible(asked, UUIDS) == places


def test_a_part_of_a_card_has_no_counter():
    with pytest.raises(ValueError, match="MIG-9 is a part of a card"):
        visible("MIG-9", UUIDS)


@pytest.mark.training
def test_a_child_measures_its_run(make_spec, powercap):
    spec = replace(make_spec("full"), powercap=str(powercap))
    with advancing(powercap, PACKAGE, 50.0):
        result = run(spec, lambda _: True)
    assert (result.status, result.exception) == ("ok", None)
    # The counter stands still while its thread waits for a processor.
    assert 0.5 < result.cost["energy_j"] / (50 * result.cost["evaluation_s"]) < 1.5
    assert result.conditions["energy_of"] == "package+dram"


@pytest.mark.training
def test_a_run_that_is_cut_short_has_cost_energy_too(make_spec, powercap):
    limits = Limits(0.5, 2 * 2**30)
    spec = replace(make_spec("full", changes={"epochs": 50}), powercap=str(powercap), limits=limits)
    with advancing(powercap, PACKAGE, 50.0):
        result = run(spec, lambda _: True)
    assert (result.status, result.cause) == ("timeout", "wall")
    assert result.cost["energy_j"] > 0
    assert result.conditions["energy_of"] == "package+dram"


def test_without_a_meter_a_run_says_nothing_of_energy(make_spec, tmp_path):
    result = run(replace(make_spec("linear"), powercap=str(tmp_path)), lambda _: True)
    assert result.status == "ok"
    assert "energy_j" not in result.cost
    assert "energy_of" not in result.conditions


def test_what_cannot_be_judged_here_does_not_begin(make_spec, tmp_path, caplog):
    spec = replace(make_spec("linear"), powercap=str(tmp_path))
    with caplog.at_level(logging.WARNING):
        result = fetch_and_run(spec, HubStore(str(tmp_path / "hub")), lambda _: True, ["score", "energy_j"])
    assert (result.status, result.cause, result.exception) == ("error", "infrastructure", "NoMeter")
    assert "the runner reads no energy meter" in caplog.text
    assert "evaluation_s" not in result.cost
