"""The social network's load: a hundred users, a few of whom many follow."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.social.services import (
    HomeTimeline,
    PostStorage,
    SocialGraph,
    UrlShorten,
    User,
    UserTimeline,
)
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "MIX",
    "USERS",
    "every_author_has_the_post",
    "every_reader_has_the_post_once",
    "links_lead_somewhere",
    "setup",
]

USERS = [f"user-{number:02}" for number in range(100)]

MIX = {
    "Frontend.post": 3.0,
    "Frontend.home": 4.0,
    "Frontend.profile": 1.0,
    "Frontend.follow": 1.0,
    "Frontend.unfollow": 1.0,
}


def setup() -> None:
    """Everybody follows the next five, and one in ten the first user, too."""
    users, graph = instance(User), instance(SocialGraph)
    for number, name in enumerate(USERS):
        users.register(name)
        for step in range(1, 6):
            graph.follow(name, USERS[(number + step) % len(USERS)])
        if number % 10 == 0:
            graph.follow(name, USERS[0])


def _post(rng: random.Random) -> tuple[Any, ...]:
    words = ["look", "at", "this"]
    words += [f"@{rng.choice(USERS)}" for _ in range(rng.randrange(3))]
    words += [f"https://example.org/{rng.randrange(1000)}" for _ in range(rng.randrange(2))]
    return rng.choice(USERS), " ".join(words)


def _pair(rng: random.Random) -> tuple[Any, ...]:
    return tuple(rng.sample(USERS, 2))


def _one(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(USERS),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Frontend.post": _post,
    "Frontend.home": _one,
    "Frontend.profile": _one,
    "Frontend.follow": _pair,
    "Frontend.unfollow": _pair,
}


def every_reader_has_the_post_once() -> None:
    """A post is in the home timelines of those it was sent to, once in each, and in no other."""
    posts = instance(PostStorage).posts.values()
    sent = Counter((reader, post.id) for post in posts for reader in post.readers)
    homes = instance(HomeTimeline).timelines
    held = Counter((reader, each) for reader, ids in homes.items() for each in ids)
    wrong = (held - sent) | (sent - held)
    assert not wrong, f"home timelines and posts disagree on {sorted(wrong)[:3]}"


def every_author_has_the_post() -> None:
    """A post is in its author's timeline, once, and nothing else is."""
    written = Counter((post.author, post.id) for post in instance(PostStorage).posts.values())
    own = instance(UserTimeline).timelines
    held = Counter((author, each) for author, ids in own.items() for each in ids)
    assert held == written, "posts and their authors' timelines disagree"


def links_lead_somewhere() -> None:
    """Every short link in a post stands for something, and each stands in one post at most."""
    links = instance(UrlShorten).links
    words = Counter(
        word for post in instance(PostStorage).posts.values() for word in post.text.split()
        if word.startswith("mu.ls/")
    )  # fmt: skip
    for link, times in words.items():
        assert link in links, f"{link} stands for nothing"
        assert times == 1, f"{link} stands in {times} posts"
