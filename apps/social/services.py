"""A social network: nine services, and a post that fans out to everybody who should see it.

A post is parsed for the users it mentions and the links it has, which are shortened, and then
stored with its author's timeline in one transaction. From there it goes to the home timelines
of all who follow the author, and of all whom it mentions: work that comes after the commit and
is still done once for each of them, whatever happens in between.
"""

import time
import uuid
from dataclasses import dataclass

from compiler import Persistent, call, gather, service, spawn, transaction

__all__ = [
    "ComposePost",
    "Frontend",
    "HomeTimeline",
    "Post",
    "PostStorage",
    "SocialGraph",
    "Text",
    "UrlShorten",
    "User",
    "UserTimeline",
]

SHOWN = 10
"""How many posts a timeline shows: the latest."""


@dataclass(frozen=True)
class Post:
    """One post; ``written`` is the Unix time in seconds, ``readers`` those it was sent to."""

    id: str
    author: str
    text: str
    written: float
    readers: tuple[str, ...]


class UnknownUser(Exception):
    """Nobody has this name."""


@service
class User:
    """Everybody."""

    def __init__(self) -> None:
        self.names: Persistent[set[str]] = set()

    def register(self, name: str) -> None:
        """Somebody joins; once is enough."""
        self.names.add(name)

    def known(self, names: list[str]) -> list[str]:
        """Those of the names that somebody has."""
        return [name for name in names if name in self.names]


@service
class SocialGraph:
    """Who follows whom."""

    def __init__(self) -> None:
        self.followers: Persistent[dict[str, list[str]]] = {}

    def follow(self, reader: str, author: str) -> None:
        """The reader follows the author from now on."""
        readers = self.followers.get(author, [])
        if reader not in readers:
            self.followers[author] = [*readers, reader]

    def unfollow(self, reader: str, author: str) -> None:
        """The reader does not follow the author any more."""
        readers = self.followers.get(author, [])
        if reader in readers:
            readers.remove(reader)
            self.followers[author] = readers

    def of(self, author: str) -> list[str]:
        """The author's followers."""
        return self.followers.get(author, [])


@service
class UrlShorten:
    """Short links and what they stand for."""

    def __init__(self) -> None:
        self.links: Persistent[dict[str, str]] = {}

    def shorten(self, urls: list[str]) -> list[str]:
        """A short link for each."""
        short = []
        for url in urls:
            link = f"mu.ls/{uuid.uuid4().hex[:8]}"
            self.links[link] = url
            short.append(link)
        return short

    def resolve(self, link: str) -> str:
        """What a short link stands for; itself if it is none."""
        return self.links.get(link, link)


@service
class Text:
    """What posts say."""

    async def parse(self, text: str) -> tuple[str, list[str]]:
        """The text with short links, and the users that it mentions, each once."""
        words = text.split()
        named = [word[1:] for word in words if word.startswith("@")]
        urls = [word for word in words if word.startswith("http")]
        mentioned, links = await gather(
            spawn(User.known, list(dict.fromkeys(named))), spawn(UrlShorten.shorten, urls)
        )
        short = dict(zip(urls, links, strict=True))
        return " ".join(short.get(word, word) for word in words), mentioned


@service
class PostStorage:
    """Posts by their ids."""

    def __init__(self) -> None:
        self.posts: Persistent[dict[str, Post]] = {}

    def store(self, post: Post) -> None:
        """Keep a post."""
        self.posts[post.id] = post

    def read(self, ids: list[str]) -> list[Post]:
        """The posts with these ids."""
        return [self.posts[each] for each in ids]


@service
class UserTimeline:
    """The ids of each author's posts, in the order they were written."""

    def __init__(self) -> None:
        self.timelines: Persistent[dict[str, list[str]]] = {}

    def add(self, author: str, post: str) -> None:
        """The author wrote a post."""
        self.timelines[author] = [*self.timelines.get(author, []), post]

    async def read(self, author: str) -> list[Post]:
        """The author's latest posts."""
        return call(PostStorage.read, self.timelines.get(author, [])[-SHOWN:])


@service
class HomeTimeline:
    """The ids of the posts that each reader is to see, in the order they came."""

    def __init__(self) -> None:
        self.timelines: Persistent[dict[str, list[str]]] = {}

    def add(self, reader: str, post: str) -> None:
        """A post is for the reader."""
        self.timelines[reader] = [*self.timelines.get(reader, []), post]

    async def read(self, reader: str) -> list[Post]:
        """The latest posts for the reader."""
        return call(PostStorage.read, self.timelines.get(reader, [])[-SHOWN:])


@service
class ComposePost:
    """Where posts are put together."""

    async def compose(self, author: str, text: str) -> str:
        """Write a post and return its id."""
        (short, mentioned), followers = await gather(
            spawn(Text.parse, text), spawn(SocialGraph.of, author)
        )
        readers = tuple(dict.fromkeys([*followers, *mentioned]))
        post = Post(uuid.uuid4().hex, author, short, time.time(), readers)
        async with transaction():
            call(PostStorage.store, post)
            call(UserTimeline.add, author, post.id)
        await gather(*[spawn(HomeTimeline.add, reader, post.id) for reader in readers])
        return post.id


@service
class Frontend:
    """Where users ask."""

    async def post(self, author: str, text: str) -> str:
        """Write a post and return its id.

        :raises UnknownUser: there is no such author; nothing was written.
        """
        if not call(User.known, [author]):
            raise UnknownUser(author)
        return call(ComposePost.compose, author, text)

    async def follow(self, reader: str, author: str) -> None:
        """The reader follows the author from now on."""
        call(SocialGraph.follow, reader, author)

    async def unfollow(self, reader: str, author: str) -> None:
        """The reader does not follow the author any more."""
        call(SocialGraph.unfollow, reader, author)

    async def home(self, reader: str) -> list[Post]:
        """The latest posts for the reader."""
        return call(HomeTimeline.read, reader)

    async def profile(self, author: str) -> list[Post]:
        """The author's latest posts."""
        return call(UserTimeline.read, author)
