"""The gateway: routes, and the life of one call.

A call is given a place, who asks becomes known, its arguments are converted, its key becomes a
root id, and a root request is asked for until its deadline. The order matters: what can be refused
is refused before the key costs a commit. Every answer to a call names its key, so that the client
can ask again; the answer to a call without one names the key that was drawn for it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from difflib import get_close_matches

import msgspec

from backends.runtime.http import Incoming, Outgoing
from backends.runtime.public.access import PROBES, note
from backends.runtime.public.admission import Admission
from backends.runtime.public.answers import answer
from backends.runtime.public.arguments import Arguments, from_body, from_query
from backends.runtime.public.auth import Auth, Nobody, bearer, unauthenticated
from backends.runtime.public.hosts import see_host, see_origin
from backends.runtime.public.keys import Key, Keys
from backends.runtime.public.openapi import describe
from backends.runtime.public.operations import Operation, find_operations
from backends.runtime.public.page import SECURITY, problem_page, render
from backends.runtime.public.problems import KINDS, Refusal, kind_of_failure, problem, unread
from backends.runtime.public.requests import Requests, path_of, patience, wanted_wait
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore, trouble
from compiler.application import Application
from core.callers import Caller, encode_caller, turned_away
from core.errors import (
    BadRequest,
    DefiniteFailure,
    Failure,
    Interrupted,
    MuError,
    Overloaded,
    UnsupportedValue,
)
from core.ids import RequestId
from core.messages import Failed, Origin, Outcome, Reply, Request
from core.promises import DONE

__all__ = ["Public"]

_log = logging.getLogger(__name__)

_METHOD_PATH = re.compile(r"/([^./]+)[./]([^./]+)")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LOOKED_AT = {"Allow": "GET, DELETE"}
_LOOK_NS = 1_000_000_000
"""What the store and a finished request may take for a look at it, besides what is waited for."""
_NO_STORE = {"Cache-Control": "no-store"}
_PROBLEM_PAGES = {f"/problems/{slug}": problem_page(kind) for slug, kind in KINDS.items()}
_DOCUMENTS = {"/", "/openapi.json", "/healthz", "/readyz", *_PROBLEM_PAGES}
"""What is there to be read, whatever an application calls its services."""


_OTHERS = ("cross-site", "same-site")
"""What browsers call pages that are not the gateway's own (W3C, Fetch Metadata)."""


class Public:
    """Answers clients.

    :param ask: executes a root request: its reply, with a Failed outcome that is indefinite if
        there was no answer until the request's deadline.
    :param auth: knows who asks; nobody is known without.
    :param hosts: the names that it may be called by, besides addresses; None: any.
    :param promises: whether what decides can be left alone with a request (it has intents).
    :ivar draining: takes nothing new; see :meth:`end`.
    """

    def __init__(
        self,
        application: Application,
        ask: Callable[[Request], Awaitable[Reply]],
        store: AsyncStore,
        settings: Settings,
        hosts: Collection[str] | None = None,
        auth: Auth | None = None,
        promises: bool = True,
    ) -> None:
        self.draining = False
        self._under_way: set[asyncio.Timeout] = set()
        self.operations = find_operations(application)
        self._program = application.program
        self._ask = ask
        self._store = store
        self._settings = settings
        self._hosts = hosts
        self._auth = auth or Nobody()
        self._promises = promises
        self._promised: set[asyncio.Task[Outgoing]] = set()
        self._end: float | None = None
        self._keys = Keys(store, settings)
        self._requests = Requests(store, settings, self._keys)
        self._admission = Admission(settings.concurrency, settings.queue)
        document = msgspec.json.encode(
            describe(application.name, self.operations, settings, self._auth.format)
        )
        self._openapi = Outgoing(200, document, "application/json")
        page = render(application, self.operations, self._auth.format)
        self._page = Outgoing(200, page, "text/html", SECURITY)

    def end(self, within: float) -> None:
        """Take no more calls, and answer those under way in so many seconds at the latest.

        Who waits for what does not come, such as a store that stands still, is told that nobody
        knows, and can ask another process: a connection that closes would say nothing.
        """
        self.draining = True
        self._end = asyncio.get_running_loop().time() + within
        for limit in self._under_way:
            limit.reschedule(self._end)

    async def handle(self, incoming: Incoming) -> Outgoing:
        """Answer one request; a :data:`backends.runtime.http.Handler`."""
        begun = time.monotonic()
        key: Key | None = None
        called = _METHOD_PATH.fullmatch(incoming.path)
        try:
            if incoming.path not in PROBES:
                see_host(incoming, self._hosts)
            if incoming.path in _DOCUMENTS:
                return await self._document(incoming)
            if (text := self._requests.asked(incoming)) is not None:
                key = self._keys.read(text, time.time_ns())
                return await self._request(incoming, key)
            if called is None:
                raise Refusal("not-found", self._elsewhere(incoming.path))
            name = f"{called[1]}.{called[2]}"
            key = self._key(incoming)
            operation = self._operation(name, incoming)
            outgoing = await self._call(operation, incoming, key)
        except Refusal as refusal:
            outgoing = problem(
                refusal.kind, refusal.detail, key.sent if key else None, refusal.headers
            )
        except Exception:
            _log.exception("%s %.200r", incoming.method, incoming.path)
            told = "the gateway failed: its log says why"
            outgoing = problem(KINDS["internal"], told, key.sent if key else None)
        note(incoming, outgoing, key, time.monotonic() - begun)
        return outgoing

    def refuse(self, status: int, why: str) -> Outgoing:
        """The answer to a request that the server did not read to its end."""
        outgoing = unread(status, why)
        _log.info("unread: %d %s", status, why, extra={"fields": {"status": status}})
        return outgoing

    # --- documents

    async def _document(self, incoming: Incoming) -> Outgoing:
        path = incoming.path
        if incoming.method not in ("GET", "HEAD"):
            allowed = {"Allow": "GET, HEAD"}
            raise Refusal("method-not-allowed", f"{path} is there to be read", allowed)
        if path == "/readyz":
            return await self._ready()
        if path == "/healthz":
            return _status(200, "ok")
        if path == "/openapi.json":
            return self._openapi
        if path == "/":
            return self._page
        return Outgoing(200, _PROBLEM_PAGES[path], "text/html", SECURITY)

    async def _ready(self) -> Outgoing:
        if self.draining:
            return _status(503, "draining")
        if why := await trouble(self._store):
            return _status(503, why)
        return _status(200, "ready")

    # --- calls

    def _key(self, incoming: Incoming) -> Key:
        sent = incoming.headers.get("idempotency-key")
        now = time.time_ns()
        return self._keys.draw(now) if sent is None else self._keys.read(sent, now)

    def _operation(self, name: str, incoming: Incoming) -> Operation:
        operation = self.operations.get(name)
        if operation is None:
            raise Refusal("not-found", self._nearest(name))
        allowed = ("POST", "GET") if operation.facts.read_only else ("POST",)
        see_origin(incoming)
        if incoming.headers.get("sec-fetch-site") in _OTHERS and incoming.method == "POST":
            raise Refusal("cross-site", f"{name} is not called from pages of other sites")
        if incoming.method not in allowed:
            told = f"{name} is called with {' or '.join(allowed)}"
            raise Refusal("method-not-allowed", told, {"Allow": ", ".join(allowed)})
        return operation

    def _elsewhere(self, path: str) -> str:
        """What is meant by a path that has not the form of a method's."""
        name = path.strip("/").replace("/", ".")
        if name in self.operations:
            return f"there is no path {path[:100]!r}: {name} is at /{name}"
        return self._nearest(name)

    def _nearest(self, name: str) -> str:
        service, _, method = name.partition(".")
        if method.startswith("_") and service in self._program.services:
            return f"{name[:100]}: what begins with an underscore is private to its service"
        by_lower = {known.lower(): known for known in self.operations}
        near = get_close_matches(name.lower(), by_lower, 1)
        hint = f"did you mean {by_lower[near[0]]}?" if near else "the page at / lists all methods"
        return f"there is no method {name[:100]!r}: {hint}"

    async def _call(self, operation: Operation, incoming: Incoming, key: Key) -> Outgoing:
        if self.draining:
            told = "this process is shutting down: ask again, another one answers"
            raise Refusal("draining", told, {"Connection": "close"})
        wait = wanted_wait(incoming.headers.get("prefer", ""))
        if wait is None or not self._promises or operation.facts.read_only:
            return await self._run(operation, incoming, key)
        return await self._run_promised(operation, incoming, key, wait)

    async def _run_promised(
        self, operation: Operation, incoming: Incoming, key: Key, wait: float
    ) -> Outgoing:
        """Answer as soon as the request is promised, or so many seconds later."""
        promise: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        running = asyncio.ensure_future(self._run(operation, incoming, key, promise))
        self._promised.add(running)
        running.add_done_callback(self._promised.discard)
        await asyncio.wait((running, promise), return_when=asyncio.FIRST_COMPLETED)
        if promise.done() and wait:
            await asyncio.wait((running,), timeout=wait)
        if running.done():
            outgoing = running.result()
            if not promise.done() or outgoing.status != KINDS["interrupted"].status:
                return outgoing
        return self._requests.accepted(operation.full_name, key)

    async def _run(
        self,
        operation: Operation,
        incoming: Incoming,
        key: Key,
        promise: asyncio.Future[None] | None = None,
    ) -> Outgoing:
        """Execute a request until its deadline.

        :param promise: to be told that the request is promised, before it begins.
        """
        now = time.time_ns()
        seconds = self._seconds(incoming)
        deadline = now + int(seconds * 1e9)
        request: Request | None = None
        try:
            async with self._at_most():
                async with self._admission.place(seconds):
                    caller = await self._caller(operation, incoming, deadline)
                    args = self._arguments(operation, incoming)
                    root = await self._root(operation, key, now, deadline)
                    request = _root_request(operation, args, caller, root, deadline)
                    if promise is not None:
                        await self._requests.promise(root, request.origin, deadline)
                        promise.set_result(None)
                        request = msgspec.structs.replace(request, intent_recorded=True)
                    outcome = await self._execute(request)
                if promise is None:
                    outcome = await self._awake(request, outcome)
        except TimeoutError:
            told = "this process had to end before the answer was there: ask again, another answers"
            outcome = Failed("Interrupted", False, told)
        except Failure as failure:
            definite = isinstance(failure, DefiniteFailure)
            outcome = Failed(type(failure).__name__, definite, str(failure))
        except MuError as error:  # the store's own kinds included
            outcome = Failed("Interrupted", False, str(error))
        link = None
        if request is not None and self._is_left_open(operation, outcome):
            with suppress(TimeoutError):
                async with self._at_most():
                    link = await self._requests.link(request, key)
        return answer(self._program.codec, outcome, key, link)

    async def _awake(self, request: Request, outcome: Outcome) -> Outcome:
        """The outcome once a request no longer sleeps; who waits for that holds no place."""
        while isinstance(outcome, Failed) and 0 < outcome.until < request.deadline:
            await asyncio.sleep(max(outcome.until - time.time_ns(), 0) / 1e9)
            try:
                async with self._admission.place((request.deadline - time.time_ns()) / 1e9):
                    outcome = await self._execute(request)
            except Overloaded as full:
                return Failed("Interrupted", False, str(full))
        return outcome

    def _is_left_open(self, operation: Operation, outcome: Outcome) -> bool:
        """Whether nobody knows yet what becomes of a request, which can be looked at later."""
        if not isinstance(outcome, Failed) or kind_of_failure(outcome) is not KINDS["interrupted"]:
            return False
        return self._promises and not operation.facts.read_only

    async def _request(self, incoming: Incoming, key: Key) -> Outgoing:
        """What a request is doing, or its answer (``/requests/KEY``)."""
        if incoming.method not in ("GET", "DELETE"):
            raise Refusal("method-not-allowed", "it is looked at or cancelled", _LOOKED_AT)
        see_origin(incoming)
        deadline = time.time_ns() + int(patience(incoming, self._settings.request_timeout) * 1e9)
        least = deadline + _LOOK_NS
        caller = await self._known(incoming, least)
        try:
            async with self._at_most(), asyncio.timeout((least - time.time_ns()) / 1e9):
                if incoming.method == "DELETE":
                    return self._requests.shown(await self._requests.cancel(key, caller), key)
                standing = await self._requests.look(key, caller, deadline)
        except TimeoutError:
            raise Refusal("interrupted", "the store did not say in time: ask again") from None
        except MuError as error:
            raise Refusal("interrupted", str(error)) from None
        if standing.state == "set-aside":
            outcome: Outcome = Failed("SetAside", False, standing.why, standing.cause)
            return answer(self._program.codec, outcome, key)
        if standing.state != DONE:
            return self._requests.shown(standing, key)
        root, its = RequestId(standing.root), standing.origin
        request = Request(root, its.service, its.method, its.args, its, deadline=least)
        try:
            async with self._admission.place((least - time.time_ns()) / 1e9):
                outcome = await self._execute(request)
        except Overloaded as full:
            raise Refusal("overloaded", str(full)) from None
        link = path_of(key) if isinstance(outcome, Failed) else None
        return answer(self._program.codec, outcome, key, link)

    async def _caller(self, operation: Operation, incoming: Incoming, deadline: int) -> Caller:
        """Who asks.

        :raises Refusal: it is not known, or may not.
        """
        caller = await self._known(incoming, deadline)
        if why := turned_away(operation.full_name, operation.allow, caller):
            if caller.subject:
                raise Refusal("forbidden", why)
            knows = "" if self._auth.format else "; this gateway knows nobody: see --auth"
            raise unauthenticated(f"{why}{knows}")
        return caller

    async def _known(self, incoming: Incoming, deadline: int) -> Caller:
        """Who asks, whatever for.

        :raises Refusal: what says so is not good.
        """
        try:
            async with asyncio.timeout((deadline - time.time_ns()) / 1e9):
                return await bearer(self._auth, incoming.headers.get("authorization"))
        except TimeoutError:
            raise Refusal("auth-unavailable", "who asks was not known in time") from None

    async def _explained(self, failed: Failed) -> Failed:
        """A failure with the store's trouble, if there is any: those who wait for it are silent."""
        why = await trouble(self._store)
        return msgspec.structs.replace(failed, text=f"{failed.text}: {why}") if why else failed

    @asynccontextmanager
    async def _at_most(self) -> AsyncIterator[None]:
        """A call under way; if the process must end before it does, TimeoutError."""
        async with asyncio.timeout_at(self._end) as limit:
            self._under_way.add(limit)
            try:
                yield
            finally:
                self._under_way.discard(limit)

    def _seconds(self, incoming: Incoming) -> float:
        """How long the client waits: the limit, or less if it says so."""
        limit = self._settings.request_timeout
        asked = incoming.headers.get("request-timeout")
        if asked is None:
            return limit
        if not _SECONDS.fullmatch(asked) or float(asked) == 0:
            told = "Request-Timeout: must be a positive number of seconds, such as 5 or 0.5"
            raise Refusal("bad-request", told)
        return min(float(asked), limit)

    def _arguments(self, operation: Operation, incoming: Incoming) -> bytes:
        """The codec's bytes of the arguments."""
        if len(incoming.body) > self._settings.body_limit:
            told = f"the body has {len(incoming.body)} bytes; {self._settings.body_limit} are taken"
            raise Refusal("too-large", told)
        try:
            if incoming.method == "GET":
                arguments = from_query(operation, incoming.query)
            else:
                arguments = self._posted(operation, incoming)
            return self._program.codec.encode(arguments)
        except (BadRequest, UnsupportedValue) as error:
            raise Refusal("bad-request", str(error)) from None

    @staticmethod
    def _posted(operation: Operation, incoming: Incoming) -> Arguments:
        if incoming.query:
            raise BadRequest("POST takes arguments in its body, not in the query")
        declared = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
        if incoming.headers.get("content-encoding", "identity").lower() != "identity":
            told = "the body has a Content-Encoding: send it as it is"
            raise Refusal("unsupported-media-type", told, {"Accept-Encoding": "identity"})
        is_json = declared == "application/json" or declared.endswith("+json")
        if incoming.body and not is_json:
            told = "send Content-Type: application/json with the body (curl --json does)"
            raise Refusal("unsupported-media-type", told, {"Accept-Post": "application/json"})
        return from_body(operation, incoming.body)

    async def _root(self, operation: Operation, key: Key, now: int, deadline: int) -> bytes:
        """The request's root id.

        :raises MuError: the store did not say which.
        """
        if operation.facts.read_only and key.root is None:
            drawn = self._keys.draw(now).root  # nothing is remembered of those that only read
            assert drawn is not None
            return drawn
        try:
            async with asyncio.timeout((deadline - time.time_ns()) / 1e9):
                return await self._keys.root(key, now)
        except TimeoutError:
            raise Interrupted("the store did not say in time what the key stands for") from None

    async def _execute(self, request: Request) -> Outcome:
        outcome = (await self._ask(request)).outcome
        if isinstance(outcome, Failed) and outcome.kind == "Interrupted":
            return await self._explained(outcome)
        return outcome


def _root_request(
    operation: Operation, args: bytes, caller: Caller, root: bytes, deadline: int
) -> Request:
    service, method = operation.service, operation.name
    origin = Origin(service, method, args, encode_caller(caller))
    return Request(RequestId(root), service, method, args, origin, deadline=deadline)


def _status(status: int, text: str) -> Outgoing:
    body = msgspec.json.encode({"status": text})
    return Outgoing(status, body, "application/json", _NO_STORE)
