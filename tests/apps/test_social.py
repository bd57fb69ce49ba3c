import pytest

from apps.social.services import HomeTimeline, PostStorage, UnknownUser, UrlShorten, UserTimeline
from apps.social.workload import USERS

APP = "apps/social"
AUTHOR, READER, OTHER = USERS[50], USERS[49], USERS[80]


def ids(posts):
    return [post.id for post in posts]


def test_a_post_reaches_followers_and_those_it_mentions_once(running):
    post = running.run("Frontend.post", AUTHOR, f"hello @{OTHER} and @{READER} and @{OTHER}")
    assert ids(running.run("Frontend.profile", AUTHOR)) == [post]
    assert ids(running.run("Frontend.home", READER)) == [post]
    assert ids(running.run("Frontend.home", OTHER)) == [post]
    assert running.run("Frontend.home", USERS[10]) == []
    running.check()


def test_whoever_unfollows_gets_no_more(running):
    first = running.run("Frontend.post", AUTHOR, "one")
    running.run("Frontend.unfollow", READER, AUTHOR)
    running.run("Frontend.unfollow", READER, AUTHOR)
    running.run("Frontend.follow", OTHER, AUTHOR)
    running.run("Frontend.follow", OTHER, AUTHOR)
    second = running.run("Frontend.post", AUTHOR, "two")
    assert ids(running.run("Frontend.home", READER)) == [first]
    assert ids(running.run("Frontend.home", OTHER)) == [second]
    running.check()


def test_links_are_shortened_and_lead_to_what_they_stand_for(running):
    running.run("Frontend.post", AUTHOR, "see https://example.org/a and @nobody")
    (post,) = running.run("Frontend.profile", AUTHOR)
    _, link, _, nobody = post.text.split()
    assert running.run("UrlShorten.resolve", link) == "https://example.org/a"
    assert running.run("UrlShorten.resolve", "mu.ls/none") == "mu.ls/none"
    assert nobody == "@nobody"
    running.check()


def test_strangers_do_not_post(running):
    with pytest.raises(UnknownUser):
        running.run("Frontend.post", "nobody", "hello")
    assert not running.state(PostStorage).posts


def test_timelines_show_the_latest(running):
    posts = [running.run("Frontend.post", AUTHOR, str(n)) for n in range(12)]
    assert ids(running.run("Frontend.home", READER)) == posts[-10:]
    assert ids(running.run("Frontend.profile", AUTHOR)) == posts[-10:]


def test_a_post_that_a_reader_missed_or_got_twice_is_seen(running):
    post = running.run("Frontend.post", AUTHOR, "hello")
    homes = running.state(HomeTimeline).timelines
    for wrong in ([], [post, post]):
        homes[READER] = wrong
        with pytest.raises(AssertionError, match="home timelines and posts disagree"):
            running.check("every_reader_has_the_post_once")


def test_a_post_that_its_author_lacks_and_a_dead_link_are_seen(running):
    running.run("Frontend.post", AUTHOR, "see https://example.org/a")
    running.state(UserTimeline).timelines[AUTHOR] = []
    with pytest.raises(AssertionError, match="authors' timelines disagree"):
        running.check("every_author_has_the_post")
    running.state(UrlShorten).links.clear()
    with pytest.raises(AssertionError, match="stands for nothing"):
        running.check("links_lead_somewhere")


def test_facts(running):
    assert running.facts("Frontend.home").read_only
    assert running.facts("Text.parse").callees == {"User.known", "UrlShorten.shorten"}
    assert not running.facts("Frontend.post").read_only
