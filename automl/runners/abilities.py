"""Whether the runner can run what a space may propose and measure what counts, said before anything is launched.

Knows the spaces that the runner was written for: it reads the hyper-parameters of their methods, no more and no less.
"""

from __future__ import annotations

from automl.sources.rows import ANSWERS
from automl.space import Method, Space
from automl.spaces import answers, tunelore
from automl.values import ENERGY

#: Any name will do: only methods and hyper-parameters are looked at.
ANY = ("package:any@1",)


def cannot_run(space: Space, kind: str) -> list[str]:
    """Why methods of the space cannot be run on this kind of task, one reason a method; [] when all can."""
    known = {method.name: method for method in (answers if kind == ANSWERS else tunelore)(ANY).methods}
    found = []
    for method in space.methods:
        if method.name not in known:
            found.append(f"it knows no method {method.name!r}, only {', '.join(known)}")
        elif reason := _misfit(method, known[method.name]):
            found.append(f"of {method.name!r} it {reason}")
    return found


def cannot_measure(objective: str) -> str:
    """Why no run can be judged by this objective, by its name; '' when each can.

    Energy has a field in the record for runs of other systems; this runner reads no meter.
    """
    return "the runner reads no energy meter" if objective == ENERGY.name else ""


def _misfit(method: Method, known: Method) -> str:
    missing = [name for name in known.parameters if name not in method.parameters]
    foreign = [name for name in method.parameters if name not in known.parameters]
    said = [f"needs {', '.join(missing)}"] if missing else []
    said += [f"does not read {', '.join(foreign)}"] if foreign else []
    maybe = [name for name in known.parameters if name in method.conditions]
    said += [f"always needs {', '.join(maybe)}"] if maybe else []
    return " and ".join(said)
