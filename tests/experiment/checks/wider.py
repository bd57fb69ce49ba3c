"""Random applications as :mod:`tests.experiment.checks.generated` writes them, with more places for
effects to hide: module-level functions that call each other, helpers that start and do not wait,
comprehensions, conditional expressions, ``finally`` and ``else`` of loops, recursion through
helpers and through services, transactions begun and ended by hand.

All of it ends by construction: loops run over what does not grow, and whoever recurs is given one
less of ``n``, which nothing else changes.
"""

from __future__ import annotations

from tests.experiment.checks.generated import LEAVES, Writer, _indented

MODULE = "module-level"
FORMS = ("spawn", "state", "clock", "recur", "transact", "raise", "loop", "set")
"""Of each function's, some are left out: rare combinations of the others become common."""


class Wider(Writer):
    """Writes the methods of one random application.

    :ivar functions: module-level functions that may be called, each with its ``await``.
    :ivar own: the method or helper that is being written, if it may call itself.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.functions: list[str] = []
        self.own = ""
        self.service_name = ""
        self.forms = set(FORMS)
        self.until = 0

    def frame(self) -> str:
        return "\n".join([super().frame(), *(self.function(number) for number in range(3))])

    def draw_forms(self) -> None:
        self.forms = {each for each in FORMS if self.rng.random() < 0.6}

    # --- functions, helpers, methods

    def function(self, number: int) -> str:
        """A module-level function; it may call those before it."""
        self.draw_forms()
        is_async = self.rng.random() < 0.15
        self.service_name = MODULE
        body = self.block(self.rng.randint(1, 3), 1, is_async)
        end = self.tail(is_async)
        self.functions.append(f"{'await ' if is_async else ''}f{number}")
        head = f"{'async ' if is_async else ''}def f{number}(k: str, t: int, n: int = 1) -> int:"
        return "\n".join([head, "    seen = []", "    fs = []", *_indented(body), f"    {end}"])

    def service(self, name: str) -> str:
        self.service_name = name
        return super().service(name)

    def helper(self, service: str, number: int) -> str:
        self.draw_forms()
        is_async = self.rng.random() < 0.5
        name = f"{'await ' if is_async else ''}self._h{number}"
        self.own = name
        body = self.block(self.rng.randint(1, 4), 1, is_async)
        end = self.tail(is_async)
        self.own = ""
        self.helpers.append(name)
        head = f"{'async ' if is_async else ''}def _h{number}(self, k: str, t: int, n: int = 1):"
        return "\n".join([head, "    seen = []", "    fs = []", *_indented(body), f"    {end}"])

    def method(self, name: str) -> str:
        self.draw_forms()
        self.own = f"call({self.service_name}.{name}"
        body = self.block(self.rng.randint(1, 5), 2, True)
        end = self.rng.choice(["return t, seen", "return t, seen", self.tail(True)])
        joined = ["seen += await gather(*fs)"] if self.rng.random() < 0.4 else []
        self.own = ""
        head = f"async def {name}(self, k: str, t: int, n: int = 1):"
        body = ["seen = []", "fs = []", *body, *joined, end]
        return "\n".join([head, *_indented(body)])

    def tail(self, is_async: bool) -> str:
        """What a function ends with: often the call that may be the last."""
        effect, number = self.effect(), self.number()
        ends = [
            "return t",
            f"return {effect}",
            f"return {effect} if {number} % 2 else t",
            f"return {effect}",
        ]
        for other in self.others(is_async):
            ends += [f"return {other}({self.key()}, t)"] * 2
        return self.rng.choice(ends)

    def others(self, is_async: bool) -> list[str]:
        """The helpers and functions that may be called from here."""
        found = [*self.functions]
        if self.service_name != MODULE:
            found += self.helpers
        return [each for each in found if is_async or "await" not in each]

    def recursion(self, is_async: bool) -> str:
        """An expression that comes here again, while there is some of ``n``."""
        if not self.own or ("await" in self.own and not is_async):
            return "t"
        opening = f"{self.own}, " if self.own.startswith("call(") else f"{self.own}("
        return f"({opening}{self.key()}, t % 5, n - 1) if n > 0 else 0)"

    # --- expressions

    def number(self) -> str:
        if self.service_name == MODULE:
            forms = ["t", "n", str(self.rng.randrange(9)), f"call(Base.look, {self.key()})",
                     f"glance({self.key()})", "call(Base.total)"]  # fmt: skip
            if "clock" in self.forms:
                forms += ["int(time.time() * 1000) % 7", "random.randrange(5)"]
            return self.rng.choice(forms)
        found = super().number()
        is_timed = any(each in found for each in ("time.", "random."))
        return found if "clock" in self.forms or not is_timed else "self.n"

    # --- statements

    def statement(self, depth: int, is_async: bool) -> list[str]:
        if self.service_name != MODULE and self.rng.random() < 0.45:
            return super().statement(depth, is_async)
        if depth and self.rng.random() < 0.45:
            return self.compound(depth, is_async)
        return self.rng.choice(self.simple(is_async))

    def simple(self, is_async: bool) -> list[list[str]]:
        key, number, effect = self.key(), self.number(), self.effect()
        leaf = f"Base.{self.rng.choice(LEAVES)}"
        found = [
            [f"t += {number}"],
            [f"seen.append({effect})"],
            [f"seen.append({effect} if {number} % 2 else t)"],
            [f"seen.append({number} > 2 and {effect})"],
            [f"seen += [call({leaf}, each, t) for each in ('a', {key}) if {number} > 1]"],
            [f"t += sum(call(Base.put, each, 1) for each in ({key}, 'b'))"],
            [f"seen.append({{each: call(Base.idle, each, t) for each in ('c', {key})}})"],
            [f"seen.append(f'{{call(Base.put, {key}, t)}} of {{t}}')"],
        ]
        for other in self.others(is_async):
            found += [[f"seen.append({other}({key}, t % 7, n))"]] * 2
            found.append([f"seen.append([{other}(each, t, n) for each in ('a', {key})])"])
        if "spawn" in self.forms:
            found += [
                [f"spawn({self.callee()}, {key}, t)"],
                [f"fs.append(spawn({self.callee()}, {key}, t))"],
                [f"fs += [spawn({leaf}, each, t) for each in ('a', {key})]"],
                [f"f = spawn({self.callee()}, {key}, t)", f"seen.append({effect})",
                 "seen.append(wait(f))"],
                [f"for f in [spawn({leaf}, each, 1) for each in ({key}, 'b')]:",
                 "    seen.append(wait(f))"],
            ]  # fmt: skip
        if "recur" in self.forms:
            found += [[f"seen.append({self.recursion(is_async)})"]] * 2
        if "raise" in self.forms:
            found.append([f"if {number} % 4 == 2:", "    raise Oops(str(t))"])
        if "set" in self.forms:
            found += [
                [f"seen += {{{key}, str(t), 'q', 'p'}}"],
                [f"seen.append(f'{{ {{{key}, \"y\"}} | {{str(t)}} }}')"],
                [f"for each in {{{key}, 'u', 'v'}} - {{'u'}}:",
                 f"    seen.append(call({leaf}, each, t))"],
            ]  # fmt: skip
        if "state" in self.forms and self.service_name != MODULE:
            found += [
                [f"self.d[{key}], self.n = {number}, t"],
                [f"self.d.update({{{key}: t, 'z': 1}})"],
                [f"seen += sorted(self.d.items())[:{self.rng.randint(1, 3)}]"],
                ["self.xs[:] = [x + 1 for x in self.xs][-3:]"],
                [f"t += self.d.setdefault({key}, {number})"],
                [f"self.s ^= {{{key}, 'r'}}", "seen.append(sorted(self.s))"],
                ["seen += [x for x in self.d if self.d[x] > t]"],
                [f"t += self.xs.pop() if self.xs else {number}"],
            ]
        return found

    def compound(self, depth: int, is_async: bool) -> list[str]:
        rng, number, key = self.rng, self.number(), self.key()
        body = _indented(self.block(rng.randint(1, 3), depth - 1, is_async))
        more = _indented(self.block(rng.randint(1, 2), depth - 1, is_async))
        forms = [
            [f"if {number} % 2:", *body, "else:", *more],
            ["try:", *body, "finally:", *more],
            ["try:", *body, "except Oops:", *more, "else:", "    t += 1"],
            [f"match ({number} % 3, t):", "    case (0, _):", *_indented(body),
             "    case (1, x) if x > 2:", *_indented(more), "    case _:", "        t += 1"],
        ]  # fmt: skip
        if "loop" in self.forms:
            self.until += 1
            turns = f"turns{self.until}"
            forms += [
                [f"for each in ('a', {key}):", *body, f"    if {number} > 2:", "        break",
                 "else:", *more],
                [f"{turns} = 0", f"while {turns} < 2:", f"    {turns} += 1", *body,
                 f"    if {number} % 3 == 0:", "        continue", *more],
            ]  # fmt: skip
        if "transact" in self.forms:
            forms += [
                ["with transaction():", *body],
                ["try:", "    with transaction():", *_indented(body), *_indented(more),
                 f"        if {number} % 3 == 1: abort('no')",
                 "except TransactionException as no:", "    seen.append(str(no))"],
                ["with transaction():", *body, "    try:", "        with transaction():",
                 *_indented(_indented(more)), f"            if {number} % 2: abort('inner')",
                 "    except TransactionException:", "        t += 1"],
            ]  # fmt: skip
        return rng.choice(forms)


class Brief(Wider):
    """Methods of few lines, whose effects are in helpers: what is proved of them wrongly does harm
    soon. In some, nobody calls anybody.

    :ivar keeps_to_itself: whether all effects are on the service's own state.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.names = ["A"]
        self.keeps_to_itself = self.rng.random() < 0.15

    def block(self, count: int, depth: int, is_async: bool) -> list[str]:
        return super().block(min(count, 2), 0, is_async)

    def statement(self, depth: int, is_async: bool) -> list[str]:
        others, key = self.others(is_async), self.key()
        if others and self.rng.random() < 0.6:
            return [f"seen.append({self.rng.choice(others)}({key}, t % 7, n))"]
        own = [] if self.service_name == MODULE else [["self.n += 1"], [f"self.d[{key}] = t"]]
        if self.keeps_to_itself:
            return self.rng.choice([["t += 1"], *own])
        return self.rng.choice(
            [
                *own,
                [f"spawn(Base.put, {key}, 1)"],
                [f"fs.append(spawn(Base.put, {key}, 1))"],
                [f"seen.append(call(Base.put, {key}, 1))"],
                [f"seen += [call(Base.put, each, 1) for each in ('a', {key})]"],
                [f"t += {self.number()}"],
            ]
        )

    def tail(self, is_async: bool) -> str:
        if self.keeps_to_itself:
            return "return t"
        return self.rng.choice([f"return call(Base.put, {self.key()}, 1)", super().tail(is_async)])
