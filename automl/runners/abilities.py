"""Whether the runner can run what a space may propose and measure what counts, said before anything is launched.

Knows the hyper-parameters that the runner reads: those of the spaces that it was written for, which it needs, and
those of the reference system, by `settings`.
"""

from __future__ import annotations

from automl.runners.energy import POWERCAP, why_not
from automl.runners.settings import ONLY, OPTIONAL, SILENT, TUNED, TWINS, WORDS, plain
from automl.sources.rows import ANSWERS
from automl.space import Choice, Flag, Integer, Method, Parameter, Real, Space
from automl.spaces import answers, tunelore
from automl.values import ENERGY, TRAIN_FRACTION, Scalar

#: Any name will do: only methods and hyper-parameters are looked at.
ANY = ("package:any@1",)


def cannot_run(space: Space, kind: str) -> list[str]:
    """Why methods of the space cannot be run on this kind of task, one reason a method; [] when all can."""
    known = {method.name: method for method in (answers if kind == ANSWERS else tunelore)(ANY).methods}
    found = []
    for method in space.methods:
        name = plain(method.name)
        if name not in known:
            found.append(f"it knows no method {method.name!r}, only {', '.join(known)}")
        elif reason := _misfit(method, known[name]):
            found.append(f"of {method.name!r} it {reason}")
    return found


def cannot_measure(objective: str, *, device: str = "cpu", powercap: str = POWERCAP) -> str:
    """Why no run on this machine can be judged by this objective, by its name, and what to do; '' when each can."""
    if objective != ENERGY.name or not (reason := why_not(device, powercap)):
        return ""
    return f"the runner reads no energy meter: {reason}"


def _misfit(method: Method, known: Method) -> str:
    tuned = plain(method.name) in TUNED
    needed = [name for name in known.parameters if _own_word(name, method, tuned=tuned) is None]
    words = {TWINS[name] for name in known.parameters if name in TWINS} if tuned else set()
    read = {*known.parameters, *words, TRAIN_FRACTION, *((*OPTIONAL, *SILENT, *ONLY) if tuned else ())}
    foreign = [name for name in method.parameters if name not in read]
    said = [f"needs {', '.join(needed)}"] if needed else []
    said += [f"does not read {', '.join(foreign)}"] if foreign else []
    maybe = [name for name in known.parameters if _own_word(name, method, tuned=tuned) in method.conditions]
    said += [f"always needs {', '.join(maybe)}"] if maybe else []
    strange = [name for name, one in method.parameters.items() if tuned and _strange(name, one)]
    said += [f"cannot do every {name}; use {_allowed(name)}" for name in strange]
    both = [name for name in method.parameters if name in known.parameters and name not in strange]
    misread = [_misread(name, method.parameters[name], known.parameters[name]) for name in both]
    said += filter(None, misread)
    return " and ".join(said)


def _own_word(name: str, method: Method, *, tuned: bool) -> str | None:
    """The word by which a method decides what the runner calls so; None where it does not."""
    words = (name, TWINS.get(name, name)) if tuned else (name,)
    return next((word for word in words if word in method.parameters), None)


def runnable(space: Space) -> Space:
    """The space without the values that the runner makes nothing of ("loftq" of XAutoLM's, which wants a quantised
    network); methods and hyper-parameters stay, and a space that has no such value is what it was.
    """
    narrowed: dict[str, Parameter] = {}
    for method in space.methods:
        for name, one in method.parameters.items() if plain(method.name) in TUNED else ():
            if isinstance(one, Choice) and _strange(name, one):
                left = tuple(value for value in one.options if value in WORDS.get(name, (ONLY.get(name),)))
                narrowed |= {f"{method.name}.{name}": Choice(left)} if left else {}
    return space.restrict(parameters=narrowed) if narrowed else space


def _strange(name: str, parameter: Parameter) -> bool:
    """Whether it may have a value that the runner makes nothing of."""
    if name not in WORDS and name not in ONLY:
        return False
    allowed = WORDS.get(name, (ONLY.get(name),))
    return not isinstance(parameter, Choice) or any(value not in allowed for value in parameter.options)


def _allowed(name: str) -> str:
    return ", ".join(map(repr, WORDS.get(name, (ONLY.get(name),))))


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
