"""Whether the runner can run what a space may propose and measure what counts, said before anything is launched.

Knows the spaces that the runner was written for: it reads the hyper-parameters of their methods, no more and no less.
"""

from __future__ import annotations

from automl.sources.rows import ANSWERS
from automl.space import Choice, Flag, Integer, Method, Parameter, Real, Space
from automl.spaces import answers, tunelore
from automl.values import ENERGY, Scalar

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
    both = [name for name in method.parameters if name in known.parameters]
    said += [
        words for name in both if (words := _misread(name, method.parameters[name], known.parameters[name]))
    ]
    return " and ".join(said)


def _misread(name: str, own: Parameter, known: Parameter) -> str:
    """Why a hyper-parameter may have values of a kind that is not understood; '' when all are."""
    for value in _values(own):
        if isinstance(known, Flag) and not isinstance(value, bool):
            return f"takes true or false as {name}, not {value!r}"
        if isinstance(known, Choice) and all(isinstance(one, str) for one in known.options):
            if value not in known.options:
                return f"takes {', '.join(map(str, known.options))} as {name}, not {value!r}"
        elif not isinstance(known, Flag) and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"takes numbers as {name}, not {value!r}"
        elif _is_whole(known) and (isinstance(own, Real) or not isinstance(value, int)):
            return f"takes whole numbers as {name}, not {value!r}"
    return ""


def _values(parameter: Parameter) -> tuple[Scalar, ...]:
    """All of a choice, the ends of a range."""
    if isinstance(parameter, Choice):
        return parameter.options
    return (False, True) if isinstance(parameter, Flag) else (parameter.low, parameter.high)


def _is_whole(known: Parameter) -> bool:
    if isinstance(known, Choice):
        return all(isinstance(one, int) and not isinstance(one, bool) for one in known.options)
    return isinstance(known, Integer)
