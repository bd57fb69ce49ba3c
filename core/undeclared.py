"""Values of classes that nobody has at hand: their content, with the name of the class.

For whoever looks at what is stored without the application's code.
"""

from __future__ import annotations

from typing import Any

from core.codec import Codec
from core.userclasses import UserClass

__all__ = ["UndeclaredCodec"]


class UndeclaredCodec(Codec):
    """Decodes a value of any class to a dict, with the class's name under ``class``."""

    def known(self, name: str) -> UserClass:
        """See :meth:`core.codec.Codec.known`: every class is."""

        def make(content: Any) -> dict[str, Any]:
            fields = content if isinstance(content, dict) else {"value": content}
            return {"class": name, **fields}

        return UserClass(name, dict, dict, make)
