"""Graph (first cut)."""
import networkx as nx
from compiler.model import Declared
__all__ = ["build_graph"]
def build_graph(declared: Declared) -> nx.MultiDiGraph:
    """Nothing yet."""
    return nx.MultiDiGraph()
