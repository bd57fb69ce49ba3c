import os
import subprocess
import sys

from experiment.randomness import stream


def draws(seed, *names):
    rng = stream(seed, *names)
    return [rng.getrandbits(64) for _ in range(4)]


def test_the_same_name_gives_the_same_stream():
    assert draws(7, "store") == draws(7, "store")
    assert draws(7, "client", "3") == draws(7, "client", "3")


def test_other_seeds_and_names_give_other_streams():
    names = [(), ("",), ("", ""), ("a",), ("b",), ("a", "b"), ("ab",), ("a/1:b",), ("a/b",)]
    all_draws = [tuple(draws(seed, *name)) for seed in (-1, 0, 1, 11, 2**70) for name in names]
    assert len(set(all_draws)) == len(all_draws)


def test_a_stream_is_the_same_for_ever():
    """Seeds stand in committed scenarios: changing this would change what they show."""
    assert draws(7, "store", "latency")[:2] == [13631277637692037739, 10279721628523674357]


def test_a_stream_does_not_depend_on_the_hash_seed():
    program = "from experiment.randomness import stream; print(stream(7, 'store').random())"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert printed == {f"{stream(7, 'store').random()}\n"}
