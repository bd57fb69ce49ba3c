"""Benchmarks: the numbers in docs/performance.md, measured and never asserted."""
