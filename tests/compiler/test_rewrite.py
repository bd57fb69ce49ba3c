# ruff: noqa: E501 - the programs in strings are as users write them
"""Compiled methods do what the plain classes do: result, exception and state."""

import textwrap

import pytest

from tests.compiler.driver import compare, compiled

FIELDS = """
@service
class S:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {"a": 1, "b": 2}
        self.xs: Persistent[list[int]] = [3, 1, 2]
        self.s: Persistent[set[str]] = {"x", "y"}
        self.n: Persistent[int] = 5
        self.people: Persistent[dict[str, dict]] = {"ann": {"age": 30, "likes": ["tea"]}}
        self.limit = 10

"""

BODIES = {
    "dict element": """
        self.d["c"] = self.d["a"] + self.d.get("z", 40)
        del self.d["a"]
        return self.d["c"], "a" in self.d, "c" in self.d, "z" not in self.d, len(self.d)
    """,
    "dict methods": """
        r = [self.d.pop("a"), self.d.pop("zz", 9), self.d.setdefault("q", 7)]
        self.d.update({"m": 1}, n=2)
        self.d.update([("o", 3)])
        self.d |= {"p": 4}
        return r, self.d.popitem(), dict(self.d), self.d.copy()
    """,
    "dict missing": 'return self.d["nope"]',
    "dict missing delete": 'del self.d["nope"]',
    "dict augmented": """
        self.d["a"] += 5
        self.d["b"] *= self.d["a"]
        self.d["b"] -= 1
        self.d["b"] //= 2
        self.d["b"] **= 2
        return self.d["a"], self.d["b"]
    """,
    "dict augmented missing": 'self.d["zz"] += 1',
    "evaluation order": """
        log = []
        def t(x):
            log.append(x)
            return x
        self.d[t("k")] = t(1)
        self.d[t("k")] += t(2)
        self.d[t("l")] = self.d[t("m")] = t(3)
        self.xs[t(0)], self.d[t("n")] = t(4), t(5)
        return log
    """,
    "single evaluation": """
        count = [0]
        def key():
            count[0] += 1
            return "a"
        self.d[key()] += 1
        return count
    """,
    "walrus in key": """
        self.d[(k := "a")] += 1
        self.d[k] += (k := 3)
        self.d[k2 := "w"] = (k2 := 9)
        return k, k2
    """,
    "views": """
        return (list(self.d.keys()), sorted(self.d.values()), list(self.d.items()),
                "a" in self.d.keys(), 2 in self.d.values(), len(self.d.items()),
                self.d.keys() & {"a", "z"}, self.d.keys() == {"a", "b"}, max(self.d.values()))
    """,
    "loops": """
        r = []
        for k in self.d:
            r.append(k)
        for k, v in self.d.items():
            r.append((k, v))
            self.d[k] = v * 2
        for x in self.xs:
            r.append(x)
        for x in self.s:
            r.append(x)
        for i, x in enumerate(self.xs):
            r.append((i, x))
        for a, b in zip(self.xs, self.d):
            r.append((a, b))
        while self.xs:
            r.append(self.xs.pop())
        else:
            r.append("done")
        for k in list(self.d):
            if k == "b":
                break
            del self.d[k]
        return r
    """,
    "list": """
        self.xs.append(9)
        self.xs.extend([8, 7])
        self.xs += [6]
        self.xs.insert(0, 99)
        self.xs.remove(1)
        r = [self.xs[0], self.xs[-1], self.xs[1:3], self.xs.index(9), self.xs.count(8)]
        self.xs[0] = 5
        self.xs[-1] -= 1
        del self.xs[1]
        self.xs.reverse()
        r += [list(self.xs), 9 in self.xs, len(self.xs), self.xs + [1], self.xs * 2, [0] + self.xs]
        self.xs.sort(key=lambda x: -x)
        self.xs *= 2
        return r, self.xs.pop(0), list(self.xs), tuple(self.xs), sum(self.xs), sorted(self.xs)
    """,
    "list out of range": "return self.xs[17]",
    "list slices": """
        self.xs[1:] = [7, 8, 9]
        del self.xs[::2]
        self.xs[0:1] += [4]
        return list(self.xs), self.xs[::-1], self.xs == [8, 4, 9]
    """,
    "set": """
        self.s.add("z")
        self.s.discard("x")
        self.s |= {"p", "q"}
        self.s -= {"q"}
        r = ["z" in self.s, len(self.s), sorted(self.s), self.s | {"1"}, self.s & {"p"},
             self.s.union({"7"}), {"p"} <= self.s, self.s == {"y", "z", "p"}, set(self.s)]
        self.s ^= {"p", "w"}
        self.s &= {"w", "y", "z"}
        self.s.update(["u"], ["v"])
        self.s.remove("u")
        return r, self.s.pop(), list(self.s)
    """,
    "set wrong operand": "self.s |= ['a']",
    "set missing": "self.s.remove('nope')",
    "value": """
        self.n += 3
        self.n = self.n * 2
        a = self.n
        self.n -= 1
        return a, self.n, int(self.n), str(self.n), -self.n, self.n % 7, f"{self.n:>5}", not self.n
    """,
    "chains": """
        return (0 < self.n < self.limit, self.n > 100 and self.d["nope"], self.n or self.d["nope"],
                self.limit, 1 if self.n else 2, 0 < self.n > self.d["a"] < self.d["b"])
    """,
    "truth": """
        r = []
        if self.d: r.append("d")
        if not self.xs: r.append("xs")
        if self.s and self.n: r.append("s")
        if self.limit and (self.d or self.xs): r.append("or")
        r.append(bool(self.d))
        assert self.xs, "no xs"
        r.append("yes" if self.s else "no")
        return r
    """,
    "failed assert": 'assert not self.d, f"full: {self.d}"',
    "f-strings": """
        return f"{self.d['a']} {self.n!r} {self.xs} {len(self.s)} {self.d.get('z')} {self.n:0{self.limit}}"
    """,
    "comprehensions": """
        return ([self.d[k] for k in self.d if self.d[k] > 1], {x: self.d.get(x) for x in self.s},
                {v for v in self.d.values()}, [(k, x) for k in self.d for x in self.xs if x > self.n - 4],
                [[self.d[k] for k in self.d] for _ in range(2)])
    """,
    "generators": """
        return (sum(self.d[k] for k in self.d), list(self.d[k] for k in ("a", "b")),
                sorted(self.d[k] for k in self.d), min(self.d[k] for k in self.d),
                max((self.d[k] for k in self.d), default=0), ",".join(str(self.d[k]) for k in self.d),
                dict((k, self.d[k]) for k in self.d), set(self.d[k] for k in self.d),
                tuple(self.d[k] for k in self.d), any(x > 1 for x in self.xs))
    """,
    "short circuit": """
        seen = []
        r = [any(seen.append(k) or self.d[k] for k in ("a", "b", "nope")),
             all(seen.append(k) or self.d[k] > 1 for k in ("a", "nope")),
             next((k for k in ("q", "b", "r") if k in self.d), None),
             next((k for k in ("q",) if k in self.d), "none"),
             any(k in self.s for k in "abc"), all(k in self.d for k in ("a", "b"))]
        return r, seen
    """,
    "unpacking": """
        a, *rest = self.xs
        x, y = self.d.values()
        self.n, other = 3, self.n
        (self.d["p"], [self.xs[0], q]), *w = (1, [2, 3]), 4, 5
        p = [*self.xs, *self.s]
        m = {**self.d, "extra": 1}
        print(*self.xs)
        return a, rest, x, y, other, q, w, p, m
    """,
    "swap": """
        self.d["a"], self.d["b"] = self.d["b"], self.d["a"]
        self.xs[0], self.xs[1] = self.xs[1], self.xs[0]
    """,
    "whole": """
        self.d = {"k": 1}
        self.xs = [x for x in self.xs if x > 1]
        self.s = set("ab")
        self.n = len(self.xs)
        return dict(self.d), list(self.xs), set(self.s), self.d == {"k": 1}, self.xs != [3]
    """,
    "whole of another type": "self.d = [1]",
    "clear": """
        self.d.clear(); self.xs.clear(); self.s.clear()
        return len(self.d), bool(self.xs), not self.s
    """,
    "copies": """
        ann = self.people["ann"]
        ann["age"] = 31
        ann["likes"].append("cake")
        before = self.people["ann"]
        self.people["ann"] = ann
        ann["age"] = 77
        kept = self.people["ann"]
        return before, ann, kept, kept["likes"][0], self.people.get("x")
    """,
    "return whole": "return self.d",
    "return several": "return self.d, [self.xs], {'s': self.s}",
    "try": """
        r = []
        try:
            self.d["nope"]
        except KeyError as e:
            r.append(str(e))
        else:
            r.append("else")
        finally:
            self.d["f"] = 1
            r.append(self.d["f"])
        try:
            self.xs[self.d["a"]] = self.d["nope"]
        except (IndexError, KeyError):
            r.append("both")
        return r
    """,
    "finally on error": """
        try:
            self.d["x"] = 1
            raise ValueError("v")
        finally:
            self.d["y"] = self.d["x"] + 1
    """,
    "match": """
        match self.people["ann"]:
            case {"age": age} if age > self.n:
                return age, "old"
            case _:
                return "none"
    """,
    "for into a field": """
        for self.n in range(3):
            pass
        for self.d["i"], x in [(1, 2), (3, 4)]:
            self.xs.append(x)
    """,
    "nested calls": 'return self.d[sorted(self.d)[0]], self.xs[len(self.xs) - 1], str(self.d["a"]).upper()',
    "deletes": """
        del self.d["a"], self.xs[0]
        x = [1, 2]
        del x[0]
        return x
    """,
    "lambda without state": "return sorted(self.xs, key=lambda x: -x * self.limit)",
    "conditional value": "x = self.n if self.d else self.limit; return x",
    "augmented local": """
        r = [0]
        r += self.xs
        r[0] += self.n
        d = {}
        d[self.n] = self.d["a"]
        return r, d
    """,
    "annotated local": "x: int = self.n; self.n: int = x + 1; return x",
    "boolean keys": "self.people[True] = {}; return 1 in self.people, self.people[1.0]",
    "unhashable": "self.d[[1]] = 2",
    "unsupported value": "self.d['f'] = print",
    "chained": "x = self.d['a'] = self.n = 4; return x, self.n",
    "global function": "return double(self.n), CONSTANT",
    "nested with": """
        import contextlib
        with contextlib.suppress(KeyError), contextlib.nullcontext(self.n) as n:
            self.d["before"] = n
            self.d["nope"]
        return self.d["before"]
    """,
    "isinstance": "return isinstance(self.n, int), type(self.n) is int",
}

TAIL = """

CONSTANT = 3

def double(x):
    return 2 * x
"""


@pytest.mark.parametrize("name", BODIES)
def test_same_as_plain(tmp_path, name):
    body = textwrap.indent(textwrap.dedent(BODIES[name]).strip("\n"), " " * 8)
    application = compiled(tmp_path, f"{FIELDS}    def m(self):\n{body}\n{TAIL}")
    answers = compare(application, [("S.m",), ("S.m",)])
    expected = name not in RAISES
    assert (answers[0][0] == "returned") == expected, answers


RAISES = {
    *("dict missing", "dict missing delete", "dict augmented missing", "list out of range"),
    *("set wrong operand", "set missing", "failed assert", "whole of another type"),
    *("finally on error", "unhashable", "unsupported value"),
}
