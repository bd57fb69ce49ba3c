"""Nine services for movie reviews, after the media application of the paper's evaluation.

A review is not written by one service: five of them upload a part each, side by side, and
whichever comes last finds the composition complete and stores the review, in one
transaction, with its author and with its movie. So there is no moment at which a page shows
a review that its author's list does not have.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from compiler import Persistent, call, gather, service, spawn, transaction

__all__ = [
    "ComposeReview",
    "Frontend",
    "MovieId",
    "MovieReview",
    "Review",
    "ReviewStorage",
    "Text",
    "UniqueId",
    "User",
    "UserReview",
]

PARTS = ("id", "movie", "rating", "text", "user")
"""What a review is assembled from."""

SHOWN = 10
"""How many of a movie's reviews its page shows: the latest."""


@dataclass(frozen=True)
class Review:
    """One review; ``rating`` is a number of stars, 1 to 10."""

    id: str
    user: str
    movie: str
    text: str
    rating: int


class WrongPassword(Exception):
    """Nobody of that name has this password."""


class NameTaken(Exception):
    """Somebody else has registered under the name."""


class UnknownMovie(Exception):
    """No movie has this title."""


def _hashed(password: str, salt: str) -> str:
    return hashlib.sha256(f"{salt} {password}".encode()).hexdigest()


@service
class User:
    """Who may write reviews: salt and hash of each user's password."""

    def __init__(self) -> None:
        self.users: Persistent[dict[str, tuple[str, str]]] = {}

    def register(self, name: str, password: str) -> None:
        """Make a new user.

        :raises NameTaken: there is one of that name.
        """
        if name in self.users:
            raise NameTaken(name)
        salt = uuid.uuid4().hex
        self.users[name] = (salt, _hashed(password, salt))

    def login(self, name: str, password: str) -> None:
        """Check a password.

        :raises WrongPassword: it is not that of the user.
        """
        salt, expected = self.users.get(name, ("", ""))
        if _hashed(password, salt) != expected:
            raise WrongPassword(name)

    async def upload(self, composition: str, name: str) -> None:
        """Add the author to a composition."""
        call(ComposeReview.upload, composition, "user", name)


@service
class UniqueId:
    """Ids that nothing else has."""

    async def upload(self, composition: str) -> str:
        """Add an id to a composition: the review's."""
        review = uuid.uuid4().hex
        call(ComposeReview.upload, composition, "id", review)
        return review


@service
class MovieId:
    """The ids of movies, by title."""

    def __init__(self) -> None:
        self.movies: Persistent[dict[str, str]] = {}

    def find(self, title: str) -> str:
        """The id of a movie.

        :raises UnknownMovie: there is none.
        """
        if title not in self.movies:
            raise UnknownMovie(title)
        return self.movies[title]

    async def upload(self, composition: str, title: str, rating: int) -> None:
        """Add the movie to a composition, and the rating that is meant for it."""
        movie = self.find(title)
        await gather(
            spawn(ComposeReview.upload, composition, "movie", movie),
            spawn(ComposeReview.upload, composition, "rating", rating),
        )


@service
class Text:
    """What reviews say."""

    async def upload(self, composition: str, text: str) -> None:
        """Add the text to a composition, without blanks around it."""
        call(ComposeReview.upload, composition, "text", text.strip())


@service
class ComposeReview:
    """Reviews of which some parts have come, by composition."""

    def __init__(self) -> None:
        self.compositions: Persistent[dict[str, dict[str, Any]]] = {}

    async def upload(self, composition: str, part: str, value: str | int) -> None:
        """Add a part; the last one completes the review."""
        async with transaction():
            parts = self.compositions.get(composition, {})
            parts[part] = value
            if len(parts) < len(PARTS):
                self.compositions[composition] = parts
            else:
                self.compositions.pop(composition, None)
                self._store(Review(**parts))

    def _store(self, review: Review) -> None:
        call(ReviewStorage.store, review)
        call(UserReview.add, review.user, review.id)
        call(MovieReview.add, review.movie, review.id, review.rating)


@service
class ReviewStorage:
    """Reviews by their ids."""

    def __init__(self) -> None:
        self.reviews: Persistent[dict[str, Review]] = {}

    def store(self, review: Review) -> None:
        """Keep a review."""
        self.reviews[review.id] = review

    def read(self, ids: list[str]) -> list[Review]:
        """The reviews with these ids."""
        return [self.reviews[each] for each in ids]


@service
class UserReview:
    """The ids of each user's reviews, in the order they were written."""

    def __init__(self) -> None:
        self.written: Persistent[dict[str, list[str]]] = {}

    def add(self, user: str, review: str) -> None:
        """The user wrote a review."""
        self.written[user] = [*self.written.get(user, []), review]

    def of(self, user: str) -> list[str]:
        """The user's reviews."""
        return self.written.get(user, [])


@service
class MovieReview:
    """The ids of each movie's reviews in the order they were written, and all their stars."""

    def __init__(self) -> None:
        self.received: Persistent[dict[str, list[str]]] = {}
        self.stars: Persistent[dict[str, int]] = {}

    def add(self, movie: str, review: str, rating: int) -> None:
        """The movie got a review."""
        self.received[movie] = [*self.received.get(movie, []), review]
        self.stars[movie] = self.stars.get(movie, 0) + rating

    def of(self, movie: str) -> tuple[list[str], int]:
        """The movie's latest reviews, and the stars of all."""
        return self.received.get(movie, [])[-SHOWN:], self.stars.get(movie, 0)


@service
class Frontend:
    """Where readers and reviewers ask."""

    async def register(self, name: str, password: str) -> None:
        """Make a new user.

        :raises NameTaken: there is one of that name.
        """
        call(User.register, name, password)

    async def compose(self, name: str, password: str, title: str, text: str, rating: int) -> str:
        """Write a review and return its id.

        :raises WrongPassword: it is not that of the user; nothing was written.
        :raises UnknownMovie: no movie has this title; nothing was written.
        """
        call(User.login, name, password)
        call(MovieId.find, title)
        composition = uuid.uuid4().hex
        review, *_ = await gather(
            spawn(UniqueId.upload, composition),
            spawn(User.upload, composition, name),
            spawn(MovieId.upload, composition, title, rating),
            spawn(Text.upload, composition, text),
        )
        return review

    async def page(self, title: str) -> tuple[list[Review], int]:
        """A movie's latest reviews and all its stars, as of one moment.

        :raises UnknownMovie: no movie has this title.
        """
        ids, stars = call(MovieReview.of, call(MovieId.find, title))
        return call(ReviewStorage.read, ids), stars

    async def author(self, name: str) -> list[Review]:
        """Everything that a user wrote, as of one moment."""
        return call(ReviewStorage.read, call(UserReview.of, name))
