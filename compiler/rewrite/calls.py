# ruff: noqa: N802 - the names are those of ast.NodeTransformer
"""Calls: of services, helpers and functions, of the user API, and of Python's library."""

from __future__ import annotations

import ast
import copy
import inspect
from difflib import get_close_matches
from typing import Final

import compiler as facade
from compiler.elsewhere import where_else
from compiler.model import EffectKind, Field, Function, Service
from compiler.names import UNKNOWN
from compiler.rewrite.later import DUE
from compiler.rewrite.nodes import locate, runtime_call
from compiler.rewrite.outside import OutsideCalls
from compiler.signatures import fits, misfit, shown_as_method
from compiler.vocabulary import MUTATORS, operation

__all__ = ["Calls"]

_TRANSACTION_KINDS: Final = {
    "begin": EffectKind.BEGIN,
    "commit": EffectKind.COMMIT,
    "abort": EffectKind.ABORT,
    "rollback": EffectKind.ROLLBACK,
}


_REMEDIES: Final = {
    "gather": "{0}(first, second) of futures; to go on after an exception: try around each wait",
    "wait": "{0}(future), for several {0}(gather(first, second)); there are no timeouts",
    "wait_all": "{0}(first, second) of futures; to go on after an exception: try around each Wait",
    "sleep": '{0}("90s"), or {0}(seconds)',
    "result": "{0}(started), of what start(...) returned",
    "cancel": "{0}(started), of what start(...) returned",
    "timeout": 'async with {0}("90s"):, or {0}(seconds)',
    "event": '{0}("paid", key, timeout="7d")',
    "signal": '{0}("paid", key, value)',
    "transaction": "with transaction():",
    "begin": "{0}()",
    "commit": "{0}()",
    "abort": "abort('why'), or {0}()",
    "rollback": "{0}()",
    "caller": "{0}()",
}
"""What the operations of the user API take instead of other arguments."""

_SERVICE_CALLS: Final = {
    "call": EffectKind.CALL,
    "spawn": EffectKind.SPAWN,
    "start": EffectKind.START,
}
_OF_MANY: Final = (ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.SetComp)
_NO_FUTURES: Final = (
    *_OF_MANY,
    *(ast.Constant, ast.JoinedStr, ast.Dict, ast.DictComp, ast.Lambda, ast.BinOp, ast.Compare),
)
"""Expressions that are certainly no future."""


class Calls(OutsideCalls):
    """Rewrites calls."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Any call; the more particular meanings first."""
        value = self.scope.value(node.func)
        if value is not UNKNOWN:
            meaning = operation(value)
            if meaning is not None:
                return self._operation(node, meaning)
            if value is facade.instance:
                return self._refuse_instance(node)
            if id(value) in self.declared.bases:
                self.error(
                    node,
                    f"{ast.unparse(node.func)} is a base of services: objects of it are none",
                    "a class of its own for values",
                )
                return node
        helper = self.helper_of(node.func)
        if helper is not None:
            return self._helper(node, helper)
        if isinstance(node.func, ast.Attribute):
            special = self._method_call(node, node.func)
            if special is not None:
                return special
        library = self.library_call(node)
        if library is not None:
            return library
        return self.plain_call(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        """``await``: of a future, or of a call that waits by itself."""
        operand = node.value
        before, self.awaiting = self.awaiting, operand
        errors = len(self.declared.problems)
        result = self.value(operand)
        self.awaiting = before
        if isinstance(result, ast.Await) and self._waits(operand):
            return result
        if isinstance(operand, ast.Call) and not self._makes_future(operand):
            if len(self.declared.problems) == errors:
                self.error(
                    node,
                    f"{ast.unparse(operand.func)}(...) cannot be awaited inside a service",
                    "await of a spawned call: await spawn(Service.method, ...)",
                )
            return node
        if isinstance(result, ast.Call):
            return self.effect(EffectKind.JOIN, node, result)
        return self.effect(EffectKind.JOIN, node, runtime_call("join", [result]))

    def _waits(self, node: ast.expr) -> bool:
        """Whether the rewriting of this call has its own ``await``, in place of the user's."""
        if not isinstance(node, ast.Call):
            return False
        if self.meaning(node) in ("wait", "wait_all", "sleep", "result", "event", "ask"):
            return True
        helper = self.helper_of(node.func)
        return helper is not None and isinstance(helper.node, ast.AsyncFunctionDef)

    def _makes_future(self, node: ast.Call) -> bool:
        return self.meaning(node) in ("spawn", "gather")

    def meaning(self, node: ast.Call) -> str | None:
        """Which operation of the user API is called."""
        value = self.scope.value(node.func)
        return None if value is UNKNOWN else operation(value)

    def _refuse_instance(self, node: ast.Call) -> ast.AST:
        self.error(
            node,
            "instance(...) reaches into another service's state; it is for set-up and tests",
            "call(Service.method, ...)",
        )
        return node

    # --- the user API

    def _operation(self, node: ast.Call, meaning: str) -> ast.AST:
        if meaning == "ask":
            return self.ask(node)
        if meaning == "outside":
            self.error(node, "outside(...) declares a function", "@outside(...) at module level")
            return node
        if meaning in _SERVICE_CALLS:
            return self._service_call(node, meaning)
        if self.refuse_misfit(node, meaning):
            return node
        if meaning in _TRANSACTION_KINDS:
            arguments = [self.copied(argument) for argument in node.args]
            keywords = self.keywords(node)
            call = runtime_call(meaning, arguments, keywords)
            return self.effect(_TRANSACTION_KINDS[meaning], node, call)
        if meaning == "caller":
            return self.effect(EffectKind.CALLER, node, runtime_call("caller"))
        if meaning == "gather":
            return locate(runtime_call("gather", self.arguments(node)), node)
        if meaning in ("wait", "wait_all"):
            return self._wait(node, meaning)
        if meaning == "sleep":
            return self.sleep(node)
        if meaning == "result":
            return self.result(node)
        if meaning == "timeout":
            shown = ast.unparse(node)
            what = f"{shown} does nothing by itself"
            self.error(node, what, f"async with {shown}: and a block, in an async method")
            return node
        if meaning == "cancel":
            return self.effect(
                EffectKind.CANCEL, node, runtime_call("cancel", self.arguments(node))
            )
        if meaning == "event":
            return self.event(node)
        if meaning == "signal":
            return self.signal(node)
        self.error(node, "transaction() does nothing by itself", "with transaction(): and a block")
        return node

    def refuse_misfit(self, node: ast.Call, meaning: str) -> bool:
        """Record an error if a name of the user API is given what it does not take."""
        shown = ast.unparse(node.func)
        problem = misfit(inspect.signature(self.scope.value(node.func)), node.args, node.keywords)
        if problem is not None:
            self.error(node, f"{shown}: {problem}", _REMEDIES[meaning].format(shown))
            return True
        if meaning not in ("gather", "wait", "wait_all"):
            return False
        for argument in node.args:
            if isinstance(argument, _NO_FUTURES):
                of_many = isinstance(argument, _OF_MANY)
                several = shown if meaning != "wait" else f"{shown}(gather"
                end = ")" if meaning != "wait" else "))"
                remedy = f"{several}(*{ast.unparse(argument)}{end}"
                self.error(
                    argument,
                    f"{shown} takes futures, and this is none",
                    remedy if of_many else f"{shown} of what spawn(...) returns",
                )
                return True
        return False

    def _wait(self, node: ast.Call, meaning: str) -> ast.AST:
        """``wait(f)``, ``Wait(f)``, ``WaitAll(f, g)``."""
        call = runtime_call(meaning, self.arguments(node))
        in_coroutine = isinstance(self.function.node, ast.AsyncFunctionDef)
        ours = self.scope.value(node.func) is facade.wait
        if in_coroutine and not ours and self.awaiting is not node:
            shown = ast.unparse(node)
            self.error(
                node, f"in an async method {shown} alone waits for nothing", f"await {shown}"
            )
        return self.effect(EffectKind.JOIN, node, call)

    # --- calls of services

    def _service_call(self, node: ast.Call, meaning: str) -> ast.AST:
        """``call(Hotel.reserve, h)`` or ``SyncInvoke('Hotel', 'reserve', h)``, and spawning."""
        if not node.args or isinstance(node.args[0], ast.Starred):
            self._unnamed(node, node)
            return node
        outside = self.spawn_outside(node, meaning)
        if outside is not None:
            return outside
        named = self._named_method(node.args[0])
        rest = node.args[1:]
        if named is None:
            service = self._named_service(node.args[0])
            method = self.scope.value(rest[0]) if rest else UNKNOWN
            if service is None or not isinstance(method, str):
                chosen = self._chosen(node)
                if chosen is not None:
                    return self.value(chosen)
                self._unnamed(node, node.args[0])
                return node
            named, rest = (service, method), rest[1:]
        return self._emit_call(node, meaning, *named, rest)

    def _chosen(self, node: ast.Call) -> ast.expr | None:
        """``call(A.m if x else A.n, y)`` as ``call(A.m, y) if x else call(A.n, y)``."""
        for place, argument in enumerate(node.args[:2]):
            if isinstance(argument, ast.IfExp):
                either = []
                for value in (argument.body, argument.orelse):
                    call = copy.deepcopy(node)
                    call.args[place] = value
                    either.append(call)
                return locate(ast.IfExp(argument.test, *either), node)
        return None

    def _unnamed(self, node: ast.Call, place: ast.AST) -> None:
        shown = ast.unparse(node.func)
        if isinstance(place, ast.Attribute) and self.is_self(place.value):
            name = place.attr
            self.error(
                place, "a method of the same service is not called by name", f"self.{name}(...)"
            )
            return
        method = "'Hotel', 'reserve'" if shown.endswith("Invoke") else "Hotel.reserve"
        starred = [ast.unparse(each) for each in node.args if isinstance(each, ast.Starred)]
        self.error(
            place,
            f"{shown} needs to know which method it calls, before the program runs",
            f"{shown}({method}, {starred[0] if starred else '...'}), chosen with if or match",
        )

    def _named_method(self, node: ast.expr) -> tuple[Service | str, str] | None:
        """``Hotel.reserve``."""
        if not isinstance(node, ast.Attribute):
            return None
        owner = self.scope.value(node.value)
        service = None if owner is UNKNOWN else self.declared.service_of(owner)
        return None if service is None else (service, node.attr)

    def _named_service(self, node: ast.expr) -> Service | str | None:
        """``'Hotel'``, a constant of that value, a client, or the class."""
        client = self.client_of(node)
        if client is not None:
            return client
        value = self.scope.value(node)
        if isinstance(value, str):
            return value
        return None if value is UNKNOWN else self.declared.service_of(value)

    def _emit_call(
        self,
        node: ast.Call,
        meaning: str,
        service: Service | str,
        name: str,
        arguments: list[ast.expr],
    ) -> ast.AST:
        if isinstance(service, str):
            found = self.declared.services.get(service)
            if found is None:
                self.unknown_service(node, service)
                return node
            service = found
        method = service.methods.get(name)
        if method is None or not method.is_request:
            place = node.args[0] if self._named_method(node.args[0]) else node
            self.unknown_method(place, service, name)
            return node
        if method.is_private and service is not self.service:
            self.error(
                node,
                f"{service.name}.{name} is private to its service",
                "a method whose name does not begin with an underscore",
            )
        keywords = node.keywords
        if meaning == "start":
            self.check_due(node, method)
            keywords = [each for each in keywords if each.arg not in DUE]
        self._check_arguments(node, method, arguments, keywords)
        mark = self.held
        rewritten = [self.copied(argument) for argument in arguments]
        names = [ast.Constant(service.name), ast.Constant(name)]
        call = runtime_call(meaning, [*names, *rewritten], self.keywords(node))
        self.settle(mark)
        return self.effect(_SERVICE_CALLS[meaning], node, call, method.full_name)

    def unknown_service(self, node: ast.AST, name: str) -> None:
        """Record that the application has no service ``name``."""
        known = list(self.declared.services)
        close = get_close_matches(name, known, 1)
        remedy = f"{close[0]!r}" if close else f"one of {', '.join(known)}"
        elsewhere = where_else(name, self.declared.layout)
        if elsewhere:
            remedy = f"{elsewhere}; or, in this one, {remedy}"
        what = f"there is no service {name!r} in the application {self.declared.layout.shown}"
        self.error(node, what, remedy)

    def unknown_method(self, node: ast.AST, service: Service, name: str) -> None:
        """Record that ``service`` has no method ``name`` that can be called."""
        found = service.methods.get(name)
        if found is not None and not found.is_request:
            self.error(
                node,
                f"{service.name}.{name} is a {found.kind}: it is no request, and cannot be called "
                "from outside",
                "a function at module level, or a method: def " + shown_as_method(found),
            )
            return
        methods = [n for n, m in service.methods.items() if m.is_request]
        if service is not self.service:
            methods = [each for each in methods if not each.startswith("_")]
        close = get_close_matches(name, methods, 1)
        named = [self._as_written(node, service, each) for each in methods]
        self.error(
            node,
            f"the service {service.name} has no method {name!r}",
            self._as_written(node, service, close[0])
            if close
            else f"one of {', '.join(named) or 'none'}",
        )

    def _as_written(self, node: ast.AST, service: Service, method: str) -> str:
        """A method of ``service``, called or named in the way of ``node``."""
        function = node.func if isinstance(node, ast.Call) else node
        if isinstance(function, ast.Attribute) and self.is_self(function.value):
            return f"self.{method}(...)"
        if not isinstance(node, ast.Call):
            return f"{service.name}.{method}"
        shown = ast.unparse(node.func)
        if not isinstance(node.func, ast.Name | ast.Attribute) or self.meaning(node) is None:
            return f"{shown.rpartition('.')[0]}.{method}(...)"
        paper = shown.endswith("Invoke")
        name = f"{service.name!r}, {method!r}" if paper else f"{service.name}.{method}"
        return f"{shown}({name}, ...)"

    def _check_arguments(
        self,
        node: ast.Call,
        method: Function,
        arguments: list[ast.expr],
        keywords: list[ast.keyword],
    ) -> None:
        problem = fits(method, arguments, keywords)
        if problem is not None:
            function = node.func
            own = isinstance(function, ast.Attribute) and self.is_self(function.value)
            remedy = f"self.{problem[1]}" if own else problem[1]
            self.error(node, f"{method.full_name}{problem[0]}", remedy)

    # --- helpers and functions of the application

    def _helper(self, node: ast.Call, helper: Function) -> ast.AST:
        """``self._price(x)``, or ``price(x)`` of a module of the application."""
        if helper.service is not None and self.is_self(getattr(node.func, "value", node)):
            self._check_arguments(node, helper, node.args, node.keywords)
        node.args = [self.value(argument) for argument in node.args]
        node.keywords = [
            locate(ast.keyword(keyword.arg, self.value(keyword.value)), keyword)
            for keyword in node.keywords
        ]
        if not helper.is_coroutine:
            return node
        written_async = isinstance(helper.node, ast.AsyncFunctionDef)
        if written_async and self.awaiting is not node:
            self.error(
                node, f"{helper.name} is async and is not awaited", f"await {ast.unparse(node)}"
            )
        return self.effect(EffectKind.HELPER, node, node, target=helper.full_name, helper=helper)

    # --- calls of methods of values

    def _method_call(self, node: ast.Call, function: ast.Attribute) -> ast.AST | None:
        """``x.method(...)`` where ``x`` is a field, a client, a copy or module-level state."""
        owner, name = function.value, function.attr
        field = self.field_of(owner)
        if field is not None:
            return self._call_on_field(node, field, owner, name)
        client = self.client_of(owner)
        if client is not None:
            return self._emit_call(node, "call", client, name, node.args)
        value = self.scope.value(owner)
        service = None if value is UNKNOWN else self.declared.service_of(value)
        if service is not None:
            method = service.methods.get(name)
            if method is None or not method.is_request:
                self.unknown_method(node, service, name)
                return node
            self.error(
                node,
                f"{service.name}.{name}(...) runs nothing: the service runs elsewhere",
                f"call({service.name}.{name}, ...)",
            )
            return node
        if self.is_self(owner):
            assert self.service is not None
            if name not in self.service.constants:
                self.unknown_method(node, self.service, name)
                return node
            return None
        if name in MUTATORS and self.refuse_change(node, owner):
            return node
        return None

    def _call_on_field(self, node: ast.Call, field: Field, owner: ast.expr, name: str) -> ast.AST:
        if field.kind.is_container:
            return self.method_of_field(node, field)
        if name in MUTATORS:
            self.refuse_change(node, owner)
            return node
        return self.generic_visit(node)
