"""Every method here answers with what the order of a set made of the words."""

import ast
import collections
import copy
import functools
import heapq
import itertools
import operator
import statistics
import sys
from sys import stdlib_module_names

import networkx as nx

from compiler import Persistent, call, service

from .models import COLOURS, SIZES, Mislabelled, Parcel, Tags, initials


@service
class Ledger:
    def __init__(self) -> None:
        self.lines: Persistent[list[str]] = []
        self.kept: Persistent[set[str]] = set()
        self.last: Persistent[object] = None

    def add(self, line: str) -> int:
        self.lines.append(line)
        return len(self.lines)

    def keep(self, words: set[str]) -> list[str]:
        self.kept |= words
        self.last = {"words": words, "frozen": frozenset(words)}
        return list(words)

    def give(self) -> set[str]:
        return self.kept | {"extra"}

    def refuse(self, words: set[str]) -> None:
        raise Mislabelled(words)


@service
class Labels:
    def __init__(self) -> None:
        self.begun: Persistent[int] = 0
        self.done: Persistent[int] = 0
        self.tags: Persistent[set[str]] = {"z", "y"}
        self.shelf = {"upper", "lower", "middle"}

    def displayed(self, words: list[str]) -> list[object]:
        a, b, *rest = words
        some = {b, a, *rest}
        extended = ["first"]
        extended.extend(some)
        added = ["first"]
        added += some
        sliced = ["first", "last"]
        sliced[1:1] = some
        first, *others = some
        return [
            *(list(some), extended, added, sliced, [first, *others], [*some], f"{some}"),
            *("{}".format(some), "%s" % some, str([some]), repr(frozenset(some))),  # noqa: UP031, UP032
            *(sorted(some, key=len), max(some, key=len), dict.fromkeys(some), tuple(some)),
        ]

    def by_libraries(self, words: list[str]) -> list[object]:
        some = {word for word in words}  # noqa: C416
        return [
            *(list(itertools.chain(some)), [key for key, _ in itertools.groupby(some)]),
            *(functools.reduce(operator.add, some), heapq.nsmallest(2, some, key=len)),
            *(statistics.mode(some), collections.Counter(some).most_common(2)),
            *(
                list(collections.deque(some)),
                list(map(str.upper, some)),
                list(zip(some, some, strict=True)),
            ),
            *(str(copy.copy(some)), str(copy.deepcopy([some])), list(enumerate(some))),
        ]

    def operated(self, words: list[str]) -> list[list[str]]:
        some, other = set(words), frozenset(reversed(words[1:]))
        changed = set(some)
        changed ^= {"new", *words[:2]}
        changed |= other
        changed.difference_update(words[3:4])
        popped = changed.pop()
        found = [
            *(some | other, other | some, some & other, other & some, some - {words[0]}),
            *(some ^ {"x", words[1]}, set.union(some, other, "ab"), changed, [popped]),
            *({*other, *some}, some.intersection(other, words), frozenset(some)),
        ]
        return [list(each) for each in found]

    def of_views(self, words: list[str]) -> list[list[str]]:
        a, b = dict.fromkeys(words, 1), dict.fromkeys(words[1:], 1)
        keys = a.keys()
        keys -= {words[1]}
        found = [
            *(a.keys() & b.keys(), a.keys() - b, a.keys() | ["x", "y"], a.keys() ^ {"x"}, keys),
            *({*b} - a.keys(), {"q", "r", *a} - b.keys(), operator.and_(a.keys(), b.keys())),
        ]
        pairs = [key for key, _ in a.items() - {(words[0], 1)}]
        return [[*each] for each in found] + [pairs]

    def of_libraries(self, words: list[str]) -> list[object]:
        read = ast.literal_eval(repr(frozenset(words)).removeprefix("frozenset(")[:-1])
        graph = nx.Graph([*itertools.pairwise(words), ("q", "r"), ("r", "s")])
        groups = [list(group) for group in nx.connected_components(graph)]
        texts = [",".join(group) for group in nx.connected_components(graph)]
        line = ["first"]
        line.extend(ast.literal_eval(f"{{{words[0]!r}, {words[1]!r}}}"))
        nested = ast.literal_eval(f"[({words!r}, {{{words[0]!r}, {words[2]!r}}})]")
        held = [",".join(sys.stdlib_module_names)[:18], ",".join(stdlib_module_names)[:18]]
        return [list(read), type(read) is set, groups, texts, line, str(nested), held]

    def of_own_classes(self, words: list[str]) -> list[object]:
        parcel = Parcel().stick(*words).stick("x")
        tags = Tags(words)
        tags.update(reversed(words), ["y"])
        by_letter = initials(words)
        makers = [set, frozenset]
        return [
            *(str(parcel), str(Parcel({*words})), tags.text(), str(tags), str(tags | {"z"})),
            *(str(by_letter), [list(make(words)) for make in makers], list(map(set, [words]))),
            *(isinstance(tags, set), isinstance(by_letter, set), type({*words}) is set),
            *(",".join(COLOURS), ",".join(SIZES), ",".join(self.shelf), str(COLOURS | SIZES)),
        ]

    def passed_on(self, words: list[str]) -> list[object]:
        kept = call(Ledger.keep, set(words))
        given = call(Ledger.give)
        self.tags |= given
        self.tags.discard("z")
        mine = set(self.tags)
        try:
            call(Ledger.refuse, {*words})
        except Mislabelled as error:
            refused = f"{error} {[*error.args[0]]}"
        both = ",".join({*"zy"} | mine)
        return [kept, list(given), list(mine), both, refused, self.tags.pop(), list(self.tags)]

    def noted(self, words: list[str]) -> list[str]:
        """Several commits: what is called depends on the order of a set."""
        self.begun += 1
        line = ["labels:"]
        line.extend(set(words))
        for word in line:
            call(Ledger.add, word)
        call(Ledger.add, f"all of {frozenset(words)} and {dict.fromkeys(words).keys() & {*words}}")
        self.done += 1
        return line

    def counts(self) -> tuple[int, int]:
        return self.begun, self.done
