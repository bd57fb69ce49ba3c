"""What the compiler proves about compiled methods."""

from compiler.analysis.facts import Analysis, analyse
from compiler.analysis.graph import build_graph

__all__ = ["Analysis", "analyse", "build_graph"]
