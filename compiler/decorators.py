"""``from compiler import decorators``, as the paper's programs write it."""

from compiler.api.services import service

__all__ = ["service"]
