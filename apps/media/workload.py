"""The review site's load: a hundred users and a hundred movies, as in the paper's evaluation."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.media.services import (
    ComposeReview,
    MovieId,
    MovieReview,
    ReviewStorage,
    User,
    UserReview,
)
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "MIX",
    "TITLES",
    "USERS",
    "every_review_is_found",
    "no_review_is_half_written",
    "setup",
    "stars_add_up",
]

USERS = [f"user-{number:02}" for number in range(100)]
TITLES = [f"Movie {number:02}" for number in range(100)]

MIX = {
    "Frontend.compose": 6.0,
    "Frontend.page": 3.0,
    "Frontend.author": 0.5,
    "Frontend.register": 0.5,
}


def _password(name: str) -> str:
    return f"secret of {name}"


def setup() -> None:
    """Everybody is registered and every movie has an id."""
    users = instance(User)
    for name in USERS:
        users.register(name, _password(name))
    instance(MovieId).movies.update((title, f"id of {title}") for title in TITLES)


def _review(rng: random.Random) -> tuple[Any, ...]:
    """A review; one in fifty of somebody who has forgotten the password."""
    name = rng.choice(USERS)
    password = "forgotten" if rng.random() < 0.02 else _password(name)
    rating = rng.randint(1, 10)
    return name, password, rng.choice(TITLES), f" {rating} stars, says {name} ", rating


def _newcomer(rng: random.Random) -> tuple[Any, ...]:
    name = f"newcomer-{rng.randrange(10**6):06}"
    return name, _password(name)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Frontend.compose": _review,
    "Frontend.page": lambda rng: (rng.choice(TITLES),),
    "Frontend.author": lambda rng: (rng.choice(USERS),),
    "Frontend.register": _newcomer,
}


def every_review_is_found() -> None:
    """Each review stands once with its author and once with its movie, and nothing else does."""
    reviews = instance(ReviewStorage).reviews
    for what, index in (
        ("user", instance(UserReview).written),
        ("movie", instance(MovieReview).received),
    ):
        listed = Counter((owner, each) for owner, ids in index.items() for each in ids)
        stored = Counter((getattr(review, what), review.id) for review in reviews.values())
        wrong = (listed - stored) | (stored - listed)
        assert not wrong, f"reviews and the lists of each {what} disagree on {sorted(wrong)[:3]}"


def no_review_is_half_written() -> None:
    """No composition still waits for a part."""
    left = instance(ComposeReview).compositions
    assert not left, (
        f"{len(left)} compositions are not complete, such as {next(iter(left.items()))}"
    )


def stars_add_up() -> None:
    """A movie has the stars that its reviews gave it."""
    given: Counter[str] = Counter()
    for review in instance(ReviewStorage).reviews.values():
        given[review.movie] += review.rating
    counted = dict(instance(MovieReview).stars.items())
    assert counted == dict(given), "the stars of movies are not those of their reviews"
