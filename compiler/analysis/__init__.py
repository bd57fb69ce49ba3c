"""What the compiler proves about compiled methods."""

from compiler.analysis.facts import analyse
from compiler.analysis.graph import build_graph

__all__ = ["analyse", "build_graph"]
