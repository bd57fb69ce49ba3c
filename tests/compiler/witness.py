"""Holds what was proved of an application against what a run of it did."""

from compiler.analysis import Analysis
from core import effects

READS = (effects.Get, effects.Scan)
WRITES = (effects.Put, effects.Delete, effects.DeleteRange)
INPUTS = (*READS, *WRITES, effects.Clock)
MATTERS = (*INPUTS, effects.Call, effects.Spawn, effects.Join, effects.Begin)
CALLS = (effects.Call, effects.Spawn)
MEASURED = {effects.Call: "call", effects.Spawn: "spawn", effects.Begin: "begin"}


def measured(application):
    """The depths of transactions that were proved of the effects on a line, by kind and line."""
    analysis, found = Analysis(application.declared), {}
    for function in application.declared.all_functions():
        if function.compiled is not None and function.is_coroutine:
            for entry in (0, 1, 2) if function.is_helper else (0,):
                depths = analysis.depths(function, entry)
                for point, effect in analysis.flow(function).effects():
                    key = (effect.kind.value, effect.line)
                    found.setdefault(key, set()).update(depths.at(point))
    return found


def check_facts(application, activation, depths):
    """Everything that was proved of a method held in this run of it.

    :param depths: as :func:`measured`.
    """
    program = application.program
    facts = program.method(activation.service, activation.method).facts
    begins = outside = 0
    for index, (effect, depth, line) in enumerate(activation.trace):
        if isinstance(effect, (*READS, *WRITES)):
            _check_access(program, activation, effect)
        if type(effect) in MEASURED:
            proved = depths[MEASURED[type(effect)], line]
            assert min(depth, 2) in proved, (line, f"at depth {depth}, not {proved}")
        if isinstance(effect, CALLS):
            name = f"{effect.service}.{effect.method}"
            assert name in facts.callees, (name, "is called")
            read_only = program.method(effect.service, effect.method).facts.read_only
            outside += depth == 0 and not read_only
            if depth == 0 and not read_only and _is_dirty(program, activation.trace[:index]):
                assert _due(application, activation, name, line), (line, "a commit is due")
        if isinstance(effect, effects.Call) and effect.last:
            assert depth == 0, (line, "the last call travels")
            later = [each for each, _, _ in activation.trace[index + 1 :]]
            assert not any(isinstance(each, MATTERS) for each in later), (line, "is not the last")
            assert not _outstanding(program, activation, index), (line, "one is outstanding")
        if isinstance(effect, effects.Begin) and depth == 0:
            begins += 1
    if facts.single_region:
        assert not outside, "a call ends the single region"
        assert begins <= 1, "a transaction ends the single region"
    if any(_is_same(activation, above) for above in activation.above):
        assert facts.recursive, "it reached itself"


def _is_same(activation, other):
    return (activation.service, activation.method) == (other.service, other.method)


def _check_access(program, activation, effect):
    """What is touched is known of every method above, and that it is written."""
    key = effect.begin if hasattr(effect, "begin") else effect.key
    service, field = key[1:].split(b"\0")[:2]
    for each in (activation, *activation.above):
        facts = program.method(each.service, each.method).facts
        assert f"{service.decode()}.{field.decode()}" in facts.footprint
        assert not (facts.read_only and isinstance(effect, WRITES)), (each.method, "writes")


def _is_effectful(program, effect, depth):
    """Whether an effect is a call that is sent as a request of its own."""
    if not isinstance(effect, CALLS) or depth:
        return False
    return not program.method(effect.service, effect.method).facts.read_only


def _is_dirty(program, trace):
    """Whether the region that ends after ``trace`` has something to commit."""
    for effect, depth, _ in reversed(trace):
        if _is_effectful(program, effect, depth):
            return False
        if isinstance(effect, (*INPUTS, *CALLS)):
            return True
    return False


def _outstanding(program, activation, index):
    """The futures of effectful calls that nobody has waited for at an index of the trace."""
    spawned, joined = set(), set()
    for at, (effect, depth, _) in enumerate(activation.trace[:index]):
        if isinstance(effect, effects.Spawn) and _is_effectful(program, effect, depth):
            spawned.add(activation.places.get(at))
        elif isinstance(effect, effects.Join):
            joined |= {future.place for future in effect.futures}
    return spawned - joined


def _due(application, activation, name, line):
    """Whether a commit is said to be due before the call on a line."""
    return any(
        attributes["commit_due"]
        for node, attributes in application.graph.nodes(data=True)
        if attributes.get("commit_due") is not None
        if attributes["line"] == line and attributes["target"] == name
    )
