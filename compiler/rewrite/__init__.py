"""From a method as the user wrote it to the coroutine that the executor drives.

Syntax tree to syntax tree: every access of state, every call of a service and
every reading of clock or chance becomes an ``await``; everything else stays as
it is, in its place in the user's file. What cannot be rewritten correctly is
recorded as an error.
"""

from compiler.rewrite.functions import rewrite

__all__ = ["rewrite"]
