"""Many inputs from one: what hypothesis drew, and that with something in it changed, at random.

Drawing costs hypothesis several milliseconds, deciding on what was drawn less than that; so each
example is tried in many variants. The generator is hypothesis' own, so a failure is replayed.
"""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

VARIANTS = 25
"""Inputs tried of each example."""

JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 1e308, float("nan"), float("inf")),
    *("", "\0", "é", "x" * 300, "[]", "{", "NaN", "2027-01-15T07:59:00Z", "9999-12-31T23:59:59Z"),
    *([], {}, [[]], {"": ""}),
)
TEXTS = tuple(each for each in JUNK if isinstance(each, str))


def variants(value: Any, random: Random, words: Sequence[str], *, shaped: bool) -> Iterator[Any]:
    """Yield a JSON value and variants of it; `shaped` keeps texts texts and lists lists."""
    yield value
    for _ in range(VARIANTS - 1):
        yield mutant(value, random, words, shaped=shaped)


def mutant(value: Any, random: Random, words: Sequence[str], *, shaped: bool = False) -> Any:
    """Return a JSON value with something in it changed."""
    for _ in range(random.choice((1, 1, 2, 5))):
        value = _changed(value, random, words, shaped=shaped)
    return value


def _changed(value: Any, random: Random, words: Sequence[str], *, shaped: bool) -> Any:
    """Return the value with one thing in it replaced, left out or doubled."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.15:
            return {other: each for other, each in value.items() if other != key}
        return {**value, key: _changed(value[key], random, words, shaped=shaped)}
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        middle = random.choice(
            ([], [value[at]] * 2, *3 * [[_changed(value[at], random, words, shaped=shaped)]])
        )
        return [*value[:at], *middle, *value[at + 1 :]]
    if isinstance(value, str):
        return _text(value, random, words)
    return value if shaped else random.choice((*JUNK, *words))


def _text(text: str, random: Random, words: Sequence[str]) -> str:
    """Return another text; one that is JSON is changed within."""
    try:
        held = json.loads(text) if text[:1] in ("{", "[") else None
    except ValueError:
        held = None
    if held and random.random() < 0.7:
        return json.dumps(_changed(held, random, words, shaped=False))
    at = random.randint(0, len(text))
    return random.choice(
        (*TEXTS, *words, text[:at], text[at:], text[:at] + random.choice(TEXTS) + text[at:])
    )


def scrambled(body: bytes, random: Random) -> Iterator[bytes]:
    """Yield bytes and variants of them: cut, doubled, with bytes flipped or put in."""
    yield body
    for _ in range(VARIANTS - 1):
        at, to = sorted(random.randint(0, len(body)) for _ in range(2))
        noise = bytes(random.randrange(256) for _ in range(random.randrange(4)))
        yield random.choice(
            (
                body[:at],
                body[at:to] * 2,
                body[:at] + noise + body[to:],
                b"[" * random.randrange(2000) + body,
                body[:at] + body,
            )
        )
