"""Applications for these tests, by path."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
COUNTER = ROOT / "apps" / "counter"
