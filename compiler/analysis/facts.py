"""Facts (first cut)."""
from compiler.model import Declared
__all__ = ["analyse"]
def analyse(declared: Declared) -> None:
    """Nothing yet."""
