"""Requests whose course depends on the order of sets."""

WORDS = ["ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy"]

MIX = {f"Labels.{name}": 1.0 for name in ("noted", "passed_on", "operated", "of_libraries")}

ARGUMENTS = {name: lambda rng: (rng.sample(WORDS, 5),) for name in MIX}
