"""Draws applications whose effects are hard to see: in helpers of helpers, in comprehensions,
guards, messages of asserts, handlers and ``finally``, in module-level functions and recursion.
"""

import re
import textwrap

FRAME = """
import contextlib, random, time, uuid

class Odd:
    def __init__(self, value):
        self.value = value
    def __int__(self):
        @ODD@return self.value
    @property
    def shown(self):
        return int(self)

def plain(x):
    if x % 6 == 5:
        raise ValueError("plain")
    return x + 1

def pairs(x):
    for y in (x, x + 1):
        yield y
    if x % 9 == 8:
        raise KeyError("pairs")

@service
class Leaf:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {}
        self.n: Persistent[int] = 0
    def get(self, k):
        return self.d.get(k, 0)
    def add(self, k, x):
        self.d[k] = self.d.get(k, 0) + x % 10
        if x % 5 == 4:
            raise TransactionException("leaf")
        if x % 7 == 6:
            raise KeyError(k)
        return x % 10
    def mark(self):
        self.n += 1
        return 1
    def clock(self):
        return int(time.time()) % 10
"""

SERVICE = """
@service
class {name}:
    def __init__(self):
        self.d: Persistent[dict[str, int]] = {{"a": 1, "b": 2}}
        self.xs: Persistent[list[int]] = [3, 1, 2]
        self.n: Persistent[int] = 5
        self.limit = 3
"""

NAMES = ("A", "B")
METHODS = ("m", "r")
FEATURES = ("spawn", "fire", "transact", "retry", "loop", "attempt", "branch", "state", "call")
"""Of each function's, some are left out: rare combinations of the others become common."""


class Function:
    """What is being written.

    :ivar futures: variables that held a future.
    :ivar staying: how many blocks around here may not be left by ``return`` or ``break``.
    """

    def __init__(self, name, awaits, service=None, number=0):
        self.name = name
        self.awaits = awaits
        self.service = service
        self.number = number
        self.reads_only = name == "r" or name == "_q"
        self.features = set(FEATURES)
        self.futures = []
        self.staying = 0


class Writer:
    """Writes an application.

    :param choose: ``choose(n)`` draws a number below ``n``; 0 is the simplest.
    """

    def __init__(self, choose):
        self.choose = choose
        self.loops = 0
        self.helpers = {name: self.functions(name) for name in NAMES}
        self.module = [Function(f"f{n}", self.chance(3), None, n) for n in range(2)]

    def pick(self, items):
        return items[self.choose(len(items))]

    def chance(self, one_in):
        return self.choose(one_in) == one_in - 1

    def functions(self, service):
        found = [Function(f"_h{n}", self.chance(3), service, n) for n in range(2)]
        return [*found, Function("_q", self.chance(3), service, 2)]

    # --- the application

    def application(self):
        odd = "if self.value % 8 == 7: raise TransactionException('odd')\n        "
        parts = [FRAME.replace("@ODD@", odd if self.chance(4) else "")]
        parts += [self.function(each) for each in self.module]
        for name in NAMES:
            parts.append(SERVICE.format(name=name))
            methods = [*self.helpers[name], *(Function(m, True, name, -1) for m in METHODS)]
            parts += [textwrap.indent(self.function(each), "    ") for each in methods]
        return "\n".join(parts)

    def function(self, function):
        head = "async def" if function.awaits else "def"
        arguments = "self, x" if function.service else "x"
        function.features = {each for each in FEATURES if self.chance(2)}
        body = self.block(function, 2, 2)
        body = ["t = 0", *self.futures_of(function, body), *body]
        if self.chance(2):
            body.append(f"return {self.tail(function)}")
        else:
            body.append("return t")
        return "\n".join([f"{head} {function.name}({arguments}):", *_indented(body), ""])

    def futures_of(self, function, body):
        """What gives every future that the body waits for a first value, which has come."""
        text = "\n".join(body)
        for name in function.futures:
            if re.search(rf"\b{name}\b", text) and (f"{name} = " not in text or self.chance(2)):
                yield from (f"{name} = spawn(Leaf.get, 'k')", f"wait({name})")

    def tail(self, function):
        """The call that may be the last."""
        if function.reads_only:
            return self.expression(function)
        return self.pick(
            [
                f"call(Leaf.add, 'k', {self.expression(function)})",
                "call(Leaf.mark)",
                f"call(Leaf.add, 'k', x) if {self.expression(function)} else t",
                f"{self.expression(function)} + call(Leaf.mark)",
                f"call({self.pick(NAMES)}.m, x - 1) if x > 0 else t",
            ]
        )

    # --- expressions of type int

    def expression(self, function, depth=2):
        if depth == 0 or self.chance(3):
            return self.pick(["x", "t", "1", "7", "10", *self.reads(function)])
        form = self.pick([self.effect, self.effect, self.shape])
        return form(function, depth)

    def reads(self, function):
        if function.service is None:
            return ["call(Leaf.get, 'k')"]
        return ["self.n", "self.d.get('a', 0)", "len(self.xs)", "self.limit", "call(Leaf.get, 'k')"]

    def effect(self, function, depth):
        one = self.expression(function, depth - 1)
        forms = [*self.reads(function), *self.helping(function, one), "random.randint(0, 9)"]
        name = self.pick(NAMES)
        if "call" in function.features:
            forms.append(f"(call({name}.r, x - 1) if x > 0 else {one})")
            forms += ["call(Leaf.clock)", "int(time.time()) % 10", "uuid.uuid1().int % 10"]
        if "spawn" in function.features:
            forms.append("wait(spawn(Leaf.get, 'k'))")
        if function.reads_only:
            return self.pick(forms)
        if "call" in function.features:
            forms += [f"call(Leaf.add, 'k', {one})", "call(Leaf.mark)"]
            forms += [f"(call({name}.m, x - 1) if x > 0 else {one})"]
        if "spawn" in function.features:
            forms += [f"wait(spawn(Leaf.add, 'k', {one}))"]
            forms += [f"sum(wait(gather(spawn(Leaf.mark), spawn(Leaf.add, 'm', {one}))))"]
        if "fire" in function.features:
            forms += [f"len([spawn(Leaf.add, 'l', y) for y in range({one} % 3)])"]
        if function.service and "state" in function.features:
            forms += [f"self.d.pop('b', {one})", f"self.d.setdefault('c', {one})"]
        return self.pick(forms)

    def helping(self, function, one):
        """Calls of helpers: of those after it, or of itself while x lasts."""
        found = []
        for other in [*self.helpers.get(function.service or "", ()), *self.module]:
            if function.reads_only and not other.reads_only:
                continue
            same = other.service == function.service
            owner = "self." if other.service else ""
            if same and other.number <= function.number:
                call = f"({owner}{other.name}(x - 1) if x > 0 else 0)"
                if other.awaits:
                    call = f"(await {owner}{other.name}(x - 1) if x > 0 else 0)"
            else:
                call = f"{owner}{other.name}(min(x, {one}))"
                call = f"(await {call})" if other.awaits else call
            if function.awaits or not other.awaits:
                found.append(call)
        return found

    def shape(self, function, depth):
        """Something around other expressions."""
        one, two = (self.expression(function, depth - 1) for _ in range(2))
        return self.pick(
            [
                f"({one} + {two})",
                f"({one} and {two})",
                f"({one} or {two})",
                f"({one} if {two} else 3)",
                f"int({one} < {two} < 9)",
                f"len({self.text(one, two)})",
                f"(w := {one})",
                f"sum([{one} for y in range({two} % 3)])",
                f"sum(y for y in [1, 2] if {one})",
                f"int(any({one} > y for y in (1, 5)))",
                f"next((y for y in (1, 2, 3) if {one} < y), 4)",
                f"max(*[{one}, {two}])",
                f"{{'a': {one}, **{{'b': {two}}}}}['a']",
                f"[{one}, 1, 2][:{two} % 3 + 1][0]",
                f"(lambda q, r=2: q + r)({one})",
                f"dict(v={one})['v']",
                f"plain({one})",
                f"sum(pairs({one}))",
                f"Odd({one}).shown",
                f"sum(dict.fromkeys(range({one} % 2), 1).values())",
                f"len({{{one} for y in pairs({two})}})",
                f"(not {one}) + 0",
                f"sorted([{one}, {two}], key=lambda y: -y)[0]",
            ]
        )

    def text(self, one, two):
        if "'" in one + two:
            return f"'%s %s' % ({one}, {two})"
        return f"f'{{{one}}}{{{two}:>4}}'"

    # --- statements

    def block(self, function, depth, most):
        blocks = [self.statement(function, depth) for _ in range(1 + self.choose(most))]
        return [line for block in blocks for line in block]

    def statement(self, function, depth):
        if depth == 0 or self.chance(2):
            return [self.simple(function)]
        forms = ["branch", "loop", "attempt", "transact", "retry"]
        allowed = [form for form in forms if form in function.features]
        if not allowed:
            return [self.simple(function)]
        return getattr(self, self.pick(allowed))(function, depth - 1)

    def simple(self, function):
        one = self.expression(function)
        forms = [
            f"t = {one}",
            f"t += {one}",
            f"{one}",
            f"assert {one}, {self.expression(function)}",
        ]
        forms += [f"if {one} > 8: raise KeyError(t)", "x -= 1"]
        if not function.staying:
            forms += [f"if {one} > 4: return {self.tail(function)}"]
        for future in function.futures[-2:]:
            forms += [f"t += wait({future})", f"assert x, wait({future})", f"t and wait({future})"]
            forms += [f"t += sum(wait(gather({future}, spawn(Leaf.clock))))"]
            if function.awaits:
                forms += [f"t += await {future}", f"assert await {future}"]
        if "spawn" in function.features and self.chance(3):
            return self.spawned(function, one)
        if not function.reads_only:
            forms += ["spawn(Leaf.mark)"] if "fire" in function.features else []
            if function.service and "state" in function.features:
                forms += [f"self.n += {one}", f"self.d['a'] = {one}", f"self.xs.append({one})"]
                forms += [f"self.d['z'], t = {one}, 1", "del self.d['b']", f"self.n = {one}"]
        return self.pick(forms)

    def spawned(self, function, one):
        if self.chance(2) or not function.futures:
            self.loops += 1
            function.futures.append(f"g{self.loops}")
        name = self.pick(function.futures)
        if function.reads_only or self.chance(3):
            return f"{name} = spawn(Leaf.get, 'k' if {one} else 'l')"
        return f"{name} = spawn(Leaf.add, 'f', {one})"

    def branch(self, function, depth):
        one, two = self.expression(function), self.expression(function, 1)
        body, more = (_indented(self.block(function, depth, 2)) for _ in range(2))
        name = self.pick(function.futures or ["y"])
        return self.pick(
            [
                [f"if {one}:", *body],
                [f"if {one} > {two}:", *body, "else:", *more],
                [
                    f"match {one}:",
                    f"    case 1 | 2 if {two}:",
                    *_indented(body),
                    f"    case y if {self.expression(function, 1)} > y:",
                    *_indented(more),
                ],
                [
                    f"match [{one}, {name if name != 'y' else 2}]:",
                    f"    case [2, {self.pick(function.futures or ['y'])}]:",
                    *_indented(body),
                    "    case _:",
                    *_indented(more),
                ],
            ]
        )

    def loop(self, function, depth):
        one = self.expression(function)
        body, more = (_indented(self.block(function, depth, 2)) for _ in range(2))
        self.loops += 1
        name = f"i{self.loops}"
        leave = "pass"
        if not function.staying:
            leave = self.pick(["pass", "break", "continue", f"return {self.tail(function)}"])
        return self.pick(
            [
                [f"for {name} in range({one} % 3):", *body, f"    if t > 3: {leave}"],
                [f"for {name} in pairs({one}):", f"    if t > 3: {leave}", *body, "else:", *more],
                [
                    f"{name} = 0",
                    f"while {name} < 2 and {one}:",
                    f"    {name} += 1",
                    *body,
                    f"    if t > 3: {leave}",
                    *("else:", *more),
                ],
            ]
        )

    def attempt(self, function, depth):
        body = _indented(self.block(function, depth, 2))
        function.staying += 1
        first, second, final = (_indented(self.block(function, depth, 2)) for _ in range(3))
        function.staying -= 1
        kinds = self.pick(
            ["KeyError", "TransactionException", "(KeyError, ValueError)", "Exception"]
        )
        name = self.pick(function.futures or ["y"])
        group = '    if t % 2: raise ExceptionGroup("g", [KeyError(), ValueError()])'
        return self.pick(
            [
                ["try:", *body, f"except {kinds}:", *first],
                ["try:", *body, f"except {kinds}:", *first, "else:", *second, "finally:", *final],
                ["try:", *body, "finally:", *final],
                ["try:", *body, group, "except* KeyError:", *first, "except* Exception:", *second],
                ["with contextlib.suppress(KeyError):", *body],
                ["try:", *body, f"except {kinds} as {name}:", *first],
            ]
        )

    def transact(self, function, depth):
        body = _indented(self.block(function, depth, 2))
        ending = self.pick(["CommitTx()", "AbortTxNoExc()", "abort('no')"])
        flat = [line.removeprefix("    ") for line in body]
        return self.pick(
            [
                ["with transaction():", *body],
                [
                    "with transaction():",
                    *body,
                    f"    if {self.expression(function)} > 4: abort('n')",
                ],
                ["BeginTx()", *flat, ending],
                ["BeginTx()", "with transaction():", *body, f"    {ending}", "CommitTx()"],
                [
                    *("BeginTx()", "try:", *body, "    CommitTx()"),
                    *("except TransactionException:", *_indented(self.block(function, 0, 2))),
                ],
            ]
        )

    def retry(self, function, depth):
        """The loop of the paper's programs."""
        self.loops += 1
        again, tries = f"again{self.loops}", f"tries{self.loops}"
        body = _indented(_indented(self.block(function, depth, 2)))
        return [
            *(f"{tries} = 0", f"{again} = True", f"while {again} and {tries} < 3:"),
            *(
                f"    {tries} += 1",
                "    try:",
                "        BeginTx()",
                *body,
                f"        {again} = False",
            ),
            *("    except TransactionException:", f"        {again} = True"),
            *(f"if not {again}:", "    CommitTx()"),
        ]


def _indented(lines):
    return [f"    {line}" for line in lines]
