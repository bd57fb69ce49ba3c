"""The public interface: what the gateway's node says to clients, in HTTP and JSON.

It turns a client's request into a root request, asks for it to be executed, and turns the
outcome into an answer. A root request is made here from nothing but the method, its arguments,
the client's key and the time allowed, so nothing else that a client sends can get into it.

==============  ======================================================================
module          is about
==============  ======================================================================
`gateway`       routes, and the life of one call
`operations`    the methods a client can call, with the types of their annotations
`arguments`     bodies and queries as arguments
`strict_json`   JSON that says one thing only
`results`       Python values as JSON
`keys`          ``Idempotency-Key``: a root id, or the root id it stands for
`access`        the access log
`admission`     how many calls are under way, and how many wait
`hosts`         by which names the gateway is called, and from whose pages
`problems`      everything an answer can be besides a result
`openapi`       the OpenAPI document
`page`          the page a person reads and tries methods on
==============  ======================================================================
"""

from backends.runtime.public.gateway import Public

__all__ = ["Public"]
