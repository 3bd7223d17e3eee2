"""Text to a tree: tokens, then recursive descent. Knows neither fields nor queries.

either     = both {"or" both}
both       = one {"and" one}
one        = "not" one | "(" either ")" | comparison
comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~") value
           | field ["not"] "in" ( "(" value {"," value} ")" | value ".." value )
           | field "is" ["not"] ("missing" | "present")
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowledgebase.core.errors import FieldError, Problem

MAX_TEXT = 2_000
MAX_TERMS = 64
MAX_DEPTH = 16
TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<range>\.\.)
      | (?P<sign><=|>=|!=|=|<|>|~|\(|\)|,)
      | (?P<word>(?:(?!\.\.)[^\s"'()<>=!~,])+(?:"[^"\\]+"(?:(?!\.\.)[^\s"'()<>=!~,])*)*)
    )""",
    re.VERBOSE,
)
SIGNS = ("=", "!=", "<", "<=", ">", ">=", "~")


@dataclass(frozen=True)
class Literal:
    """A value as it was written; `quoted` means that it is a text whatever it looks like."""

    text: str
    quoted: bool
    at: int


@dataclass(frozen=True)
class Comparison:
    """`operator` is one of SIGNS, "in" (any of the values), ".." (between two) or "missing"."""

    field: str
    operator: str
    values: tuple[Literal, ...]
    at: int


@dataclass(frozen=True)
class Not:
    of: Tree


@dataclass(frozen=True)
class Joined:
    """All (`every`) or any of the parts."""

    every: bool
    parts: tuple[Tree, ...]


Tree = Comparison | Not | Joined


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def wrong(text: str, at: int, message: str) -> Problem:
    """A Problem 400 that shows the place: what was read before it, and what follows."""
    place = f"{text[max(0, at - 30) : at]}▸{text[at : at + 30]}"
    detail = f"{message}, at character {at + 1}: {place}"
    return Problem(400, "invalid_filter", "Invalid filter", detail, [FieldError("filter", message)])


def parse(text: str) -> Tree:
    """The tree of an expression; Problem 400 that names the first wrong place."""
    if len(text) > MAX_TEXT:
        raise wrong(text, MAX_TEXT, f"the filter has {len(text):,} characters, at most {MAX_TEXT:,} are read")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens())
        self.place = 0
        self.terms = 0

    def _tokens(self) -> list[Token]:
        found, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                raise wrong(self.text, at, f"{self.text[at:].lstrip()[:1]!r} is not expected here")
            kind = match.lastgroup
            found.append(Token(kind, match[kind], match.start(kind)))
            at = match.end()
        return [*found, Token("end", "", end)]

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += 1
        return token

    def fail(self, expected: str) -> Problem:
        token = self.next
        found = "the end of the filter" if token.kind == "end" else repr(token.text[:40])
        return wrong(self.text, token.at, f"expected {expected}, found {found}")

    def whole(self) -> Tree:
        tree = self.either(0)
        if self.next.kind != "end":
            raise self.fail("'and', 'or' or the end")
        return tree

    def either(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise wrong(self.text, self.next.at, f"more than {MAX_DEPTH} brackets and nots in one another")
        return self._joined("or", depth, self.both)

    def both(self, depth: int) -> Tree:
        return self._joined("and", depth, self.one)

    def _joined(self, word: str, depth: int, part: object) -> Tree:
        read = part  # the rule one level down
        parts = [read(depth)]  # type: ignore[operator]
        while self.next.is_word(word):
            self.take()
            parts.append(read(depth))  # type: ignore[operator]
        return parts[0] if len(parts) == 1 else Joined(word == "and", tuple(parts))

    def one(self, depth: int) -> Tree:
        if self.next.is_word("not"):
            self.take()
            if depth > MAX_DEPTH:
                raise wrong(
                    self.text, self.next.at, f"more than {MAX_DEPTH} brackets and nots in one another"
                )
            return Not(self.one(depth + 1))
        if self.next.text == "(" and self.next.kind == "sign":
            self.take()
            tree = self.either(depth + 1)
            self._sign(")")
            return tree
        return self.comparison()

    def comparison(self) -> Tree:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise wrong(self.text, self.next.at, f"more than {MAX_TERMS} comparisons")
        if self.next.kind != "word" or self.next.is_word("and", "or", "in", "is"):
            raise self.fail("a field")
        field = self.take()
        if self.next.kind == "sign" and self.next.text in SIGNS:
            sign = self.take().text
            return Comparison(field.text, sign, (self.value(),), field.at)
        if self.next.is_word("is"):
            return self._presence(field)
        negated = self.next.is_word("not")
        if negated:
            self.take()
        if not self.next.is_word("in"):
            raise self.fail("'in'" if negated else f"one of {' '.join(SIGNS)}, 'in' or 'is'")
        self.take()
        found = self._membership(field)
        return Not(found) if negated else found

    def _presence(self, field: Token) -> Tree:
        self.take()
        negated = self.next.is_word("not")
        if negated:
            self.take()
        if not self.next.is_word("missing", "present"):
            raise self.fail("'missing' or 'present'")
        missing = self.take().is_word("missing") is not negated
        found = Comparison(field.text, "missing", (), field.at)
        return found if missing else Not(found)

    def _membership(self, field: Token) -> Comparison:
        if self.next.kind == "sign" and self.next.text == "(":
            self.take()
            values = [self.value()]
            while self.next.text == "," and self.next.kind == "sign":
                self.take()
                values.append(self.value())
            self._sign(")")
            return Comparison(field.text, "in", tuple(values), field.at)
        low = self.value()
        if self.next.kind != "range":
            raise self.fail("'..' between two values, or values in brackets")
        self.take()
        return Comparison(field.text, "..", (low, self.value()), field.at)

    def _sign(self, sign: str) -> None:
        if self.next.kind != "sign" or self.next.text != sign:
            raise self.fail(repr(sign))
        self.take()

    def value(self) -> Literal:
        if self.next.kind not in ("word", "quoted"):
            raise self.fail("a value")
        token = self.take()
        if token.kind == "word":
            return Literal(token.text, False, token.at)
        return Literal(re.sub(r"\\(.)", r"\1", token.text[1:-1]), True, token.at)
