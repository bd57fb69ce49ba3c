"""One request to the API server: sent, tried again where that helps, explained where not.

Everything this backend asks is safe to send twice: reads, server-side apply (which names the
wanted state), and deletion of an object by its uid. So what is worth another try is decided by
the failure alone:

=====================================  =====================================================
failure                                what is done
=====================================  =====================================================
429, and 5xx with Retry-After          again after as long as the server says, up to a limit
500, 502, 503, 504                     again with a growing pause
409 of an apply, other than of fields  likewise: somebody else was faster
no connection, a broken connection     likewise
TLS, 401, 403 and the rest             nothing: it is the answer
=====================================  =====================================================
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

from backends.knative.cluster.access import Access
from backends.knative.cluster.errors import Broken, ClusterError, Modified, Unreachable, Untrusted
from backends.knative.cluster.explain import Answer, Asked, explain

__all__ = ["Api", "Patience"]

_AGAIN = frozenset({429, 500, 502, 503, 504})
_APPLY = "application/apply-patch+yaml"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long; durations in seconds.

    :ivar tries: of one request, the first included.
    :ivar pause: before the second; it doubles up to ``longest_pause``.
    :ivar longest_wait: a server that wants a longer wait than this is not waited for.
    :ivar connect: to make a connection.
    :ivar answer: between two pieces of an answer.
    """

    tries: int = 5
    pause: float = 0.25
    longest_pause: float = 4.0
    longest_wait: float = 60.0
    connect: float = 5.0
    answer: float = 30.0


class Api:
    """Sends requests in the name of one user.

    :param told: is told, in a line, what is waited for.
    """

    def __init__(
        self,
        access: Access,
        told: Callable[[str], None] = lambda _line: None,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access = access
        self._patience = patience or Patience()
        self._told = told
        self._sleep = sleep
        if not access.configuration.verify_ssl:  # the kubeconfig says so, once is enough
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._client = client.ApiClient(access.configuration)
        self._dynamic = DynamicClient(  # type: ignore[no-untyped-call]  # untyped
            self._client, discoverer=_no_discovery
        )

    def close(self) -> None:
        """Close every connection."""
        self._client.rest_client.pool_manager.clear()

    def ask(
        self,
        asked: Asked,
        method: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object that the API server answers with.

        :raises ClusterError: it answers with a failure, or not at all.
        """
        response = self._try(asked, lambda: self._send(asked, method, query, body, None))
        try:
            content = json.loads(response.data)
        except ValueError:
            content = None
        except urllib3.exceptions.HTTPError as error:
            raise self._lost(asked, error) from None
        if not isinstance(content, dict):
            raise Unreachable(
                f"{self.access.server} answers, but not as a Kubernetes API server does: see "
                "whether the kubeconfig's server, or a proxy on the way, is right"
            )
        return content

    def lines(
        self, asked: Asked, query: Mapping[str, str] | None = None, quiet: float | None = None
    ) -> Iterator[bytes]:
        """The lines of an answer, as they come.

        :param quiet: how long the server may say nothing, in seconds; None: as long as usual.
        :raises Broken: the connection broke after the answer had begun.
        :raises ClusterError: as in :meth:`ask`.
        """
        response = self._try(asked, lambda: self._send(asked, "GET", query, None, quiet))
        rest = b""
        try:
            for piece in response.stream(65536, decode_content=True):
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._lost(asked, error) from None
        finally:
            response.close()
        if rest:
            yield rest

    def _send(
        self,
        asked: Asked,
        method: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        quiet: float | None,
    ) -> Any:
        path = asked.kind.path(asked.namespace, asked.name, asked.subresource)
        return self._dynamic.request(
            method,
            path,
            body=body,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json, */*"},
            content_type=_APPLY if method == "PATCH" else _JSON,
            serialize=False,
            _request_timeout=(self._patience.connect, quiet or self._patience.answer),
        )

    def _try(self, asked: Asked, send: Callable[[], Any]) -> Any:
        pause = self._patience.pause
        for left in range(self._patience.tries - 1, -1, -1):
            try:
                return send()
            except ApiException as error:
                if not error.status:
                    raise self._untrusted(error) from None
                answer = Answer.of(error.status, error.body, error.reason or "")
                failure: ClusterError = explain(asked, answer)
                wait = _retry_after(error.headers)
                trouble = f"{asked}: the API server answers {answer.status} ({answer.said})"
                overtaken = isinstance(failure, Modified) and asked.verb == "patch"
                if not left or not (overtaken or answer.status in _AGAIN):
                    raise failure from None
            except (urllib3.exceptions.HTTPError, OSError) as error:
                failure, wait = self._unreachable(error), None
                trouble = f"the API server {self.access.server} cannot be reached"
                if not left:
                    raise failure from None
            wait = pause if wait is None else wait
            if wait > self._patience.longest_wait:
                raise type(failure)(f"{failure} (it asks to wait {wait:g} s)")
            self._told(f"{trouble}; again in {wait:g} s")
            self._sleep(wait)
            pause = min(pause * 2, self._patience.longest_pause)
        raise AssertionError("at least one try")

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"the API server {self.access.server} cannot be reached: {_said(error)}: see whether "
            f"it runs and whether {self.access.who} is the right choice (--context, KUBECONFIG)"
        )

    def _untrusted(self, error: ApiException) -> Untrusted:
        said = " ".join(str(error.reason).split())
        return Untrusted(
            f"no secure connection to the API server {self.access.server}: {said}: the "
            "kubeconfig's certificate-authority-data, client certificate or server address do "
            "not fit this server; get the kubeconfig anew"
        )

    def _lost(self, asked: Asked, error: Exception) -> Broken:
        return Broken(f"{asked}: the connection broke in mid-answer: {_said(error)}: try again")


def _no_discovery(_client: DynamicClient, _cache_file: str | None) -> None:
    """In place of the client's discovery: :mod:`backends.knative.cluster.kinds` says why."""


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Seconds to wait, or None; the header has seconds or a date (RFC 9110, 10.2.3)."""
    text = (headers or {}).get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _said(error: Exception) -> str:
    """The library's words, without the address in memory that it begins some with."""
    said = re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>:? ?", "", str(error))
    return " ".join(said.split()) or type(error).__name__
