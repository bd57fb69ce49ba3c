from apps.counter.services import Counter

APP = "apps/chain"


def test_an_increment_reaches_the_counter(running):
    assert [running.run("First.increment", "a") for _ in range(3)] == [1, 2, 3]
    assert running.run("First.read", "a") == 3
    assert dict(running.state(Counter).counts) == {"a": 3}


def test_what_stands_in_front_keeps_nothing(running):
    services = running.application.program.services
    assert set(services) == {"First", "Second", "Counter"}
    assert running.facts("First.increment").callees == {"Second.increment"}
    assert running.facts("First.increment").footprint == {"Counter.counts"}
    assert running.facts("First.read").read_only
    assert not running.facts("First.increment").read_only
    assert not running.facts("First.increment").single_region
