"""Records beside one another: differences of scores, shares of cost, the best; where numbers lie on their lines."""

from __future__ import annotations

import pytest

from knowledgebase.core import charts
from knowledgebase.core.formats import NARROW
from knowledgebase.experiences.pages.compare_fields import field_rows


def run(status="ok", f1=0.9, seconds=10.0, memory=2**30, **hyperparameters):
    return {
        "outcome": {"status": status},
        "primary": {"split": "validation", "metric": "f1_macro", "value": f1},
        "metrics": {"validation": {"f1_macro": f1, "loss": 1 - f1}},
        "cost": {"train_s": seconds, "host_memory_bytes": memory, "steps": int(seconds)},
        "pipeline": {"method": "full", "hyperparameters": hyperparameters},
    }


def cells(records, *, of_one_task=True):
    rows = field_rows(records, of_one_task=of_one_task)
    return {row.name: row.cells for row in rows}


def test_scores_are_held_against_the_first_and_the_best_is_marked():
    found = cells([run(f1=0.9312), run(f1=0.9044), run(f1=0.9398), run(f1=0.93124)])["validation f1 macro"]
    assert [one.against for one in found] == ["", "−0.0268", "+0.0086", ""]
    assert [one.best for one in found] == [False, False, True, False]
    assert not any(one.differs for one in found), "what came of it is not underlined"


def test_a_loss_is_no_score_and_the_highest_one_not_the_best():
    found = cells([run(f1=0.5), run(f1=0.75)])["validation loss"]
    assert [one.against for one in found] == ["", "−0.2500"]
    assert not any(one.best for one in found)


def test_what_a_run_used_up_is_told_by_how_many_times():
    found = cells([run(seconds=20.0, memory=2**30), run(seconds=5.0, memory=2**31), run(seconds=20.4)])
    assert [one.against for one in found["train time"]] == ["", f"4.0{NARROW}× faster", ""]
    assert [one.best for one in found["train time"]] == [False, True, False]
    assert [one.against for one in found["host memory"]] == ["", f"2.0{NARROW}× more", ""]
    assert [one.against for one in found["steps"]] == ["", "", ""]


def test_a_run_that_failed_early_is_not_called_fast():
    found = cells([run(seconds=20.0), run("oom", seconds=1.0), run(seconds=30.0)])["train time"]
    assert [one.against for one in found] == ["", "", f"1.5{NARROW}× slower"]
    assert [one.best for one in found] == [True, False, False]


def test_scores_of_two_tasks_say_nothing_about_one_another():
    found = cells([run(f1=0.9), run(f1=0.5)], of_one_task=False)
    assert [(one.against, one.best) for one in found["validation f1 macro"]] == [("", False)] * 2


def test_what_was_chosen_is_underlined():
    found = cells([run(epochs=2, shuffle=True), run(epochs=3, shuffle=True)])
    assert [one.differs for one in found["epochs"]] == [False, True]
    assert [one.differs for one in found["shuffle"]] == [False, False]
    assert [one.against for one in found["epochs"]] == ["", ""]


def numbers(name, *values):
    return charts.Numbers(name, values, [str(value) for value in values])


def test_letters_lie_between_the_least_and_the_most():
    found = charts.places("p", "Places", "ABC", [numbers("epochs", 1, 3, 2), numbers("same", 5, 5, 5)])
    assert found is not None
    (line,) = found.lines
    assert [(mark.letter, mark.at, mark.aside) for mark in line.marks] == [
        ("A", "4.00%", 0), ("B", "96.00%", 0), ("C", "50.00%", 0)
    ]  # fmt: skip
    assert found.finding == "epochs from 1 to 3."


def test_letters_at_one_place_stand_side_by_side_where_there_is_room():
    found = charts.places("p", "Places", "ABCDE", [numbers("epochs", 1, 1, 1, 3, 3)])
    assert found is not None
    assert [mark.aside for mark in found.lines[0].marks] == [0, 17, 34, 0, -17]


def test_numbers_far_apart_lie_by_their_ratio_and_missing_ones_nowhere():
    found = charts.places("p", "Places", "ABCD", [numbers("rate", 1e-5, 1e-3, 1e-4, None)])
    assert found is not None
    assert [mark.at for mark in found.lines[0].marks] == ["4.00%", "96.00%", "50.00%"]
    assert found.lines[0].ends == "1e-05 to 0.001, by ratio"


@pytest.mark.parametrize("values", [(), (None, None), (2, None), (2, 2)])
def test_nothing_is_drawn_where_nothing_differs(values):
    assert charts.places("p", "Places", "ABCD"[: len(values)], [numbers("epochs", *values)]) is None


def test_lines_that_end_apart_have_their_letters_there():
    ends = {"A": (10.0, 0.9), "B": (50.0, 0.9), "C": (50.0, 0.9)}
    series = [charts.Series(f"{one} full", ((0.0, 0.1), end), mark=one) for one, end in ends.items()]
    chart = charts.line_chart("c", "Score", "f1", "seconds", series)
    assert chart is not None
    assert [line.mark for line in chart.lines] == ["A", "B", ""]
    assert len({line.y for line in chart.lines}) == 3


def test_what_reads_alike_has_no_best():
    found = cells([run(memory=2**30), run(memory=2**30 + 1000)])["host memory"]
    assert not any(one.best for one in found)
