"""JSON that says one thing only: what readers of JSON disagree about is refused.

Refused are duplicate names in an object, NaN and infinities, numbers beyond a double or of
absurd length, lone surrogates, invalid UTF-8, and nesting that exhausts a reader (RFC 8259,
RFC 7493). Messages give the position in bytes or characters where it is known.

A stranger's body costs time in proportion to its size, whatever stands in it
(``python -m benchmarks.hostile``).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

from core.errors import BadRequest

__all__ = ["DEPTH_LIMIT", "DIGIT_LIMIT", "check_json"]

DEPTH_LIMIT = 64
"""How deeply arrays and objects may be nested."""
DIGIT_LIMIT = 300
"""How many digits an integer may have."""

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A string that has no end is one all the same: nothing in it is looked at a second time."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def check_json(body: bytes) -> Any:
    """See that ``body`` is JSON with one meaning; that meaning.

    :raises BadRequest: it is not; the message says where, as far as known.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8: byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise BadRequest("the body begins with a byte order mark, which JSON does not allow")
    if text.count("[") + text.count("{") > DEPTH_LIMIT:
        _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"the body is not JSON: {error.msg} at {where}") from None
    except UnicodeEncodeError:
        raise BadRequest("the body has a lone surrogate, which is no character") from None
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                raise BadRequest(
                    f"the body is nested more than {DEPTH_LIMIT} deep at character {token.start()}"
                )
        elif token[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BadRequest(f"the body has an object with two members called {twice[:100]!r}")
    return made


def _constant(name: str) -> Any:
    raise BadRequest(f"the body holds {name}, which JSON does not have")


def _integer(digits: str) -> int:
    if len(digits) > DIGIT_LIMIT:
        raise BadRequest(
            f"the body holds an integer of {len(digits)} digits; {DIGIT_LIMIT} are allowed"
        )
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits) if len(digits) <= 2 * DIGIT_LIMIT else math.inf
    if math.isinf(value):
        raise BadRequest(f"the body holds the number {digits[:40]}, which is too large or too long")
    return value
