import pytest

from apps.media.services import (
    ComposeReview,
    MovieReview,
    NameTaken,
    Review,
    ReviewStorage,
    UnknownMovie,
    User,
    UserReview,
    WrongPassword,
)
from apps.media.workload import TITLES, USERS

APP = "apps/media"
NAME, TITLE = USERS[0], TITLES[0]
PASSWORD = f"secret of {NAME}"


def write(running, text="good", rating=7, title=TITLE, name=NAME):
    return running.run("Frontend.compose", name, f"secret of {name}", title, text, rating)


def test_a_review_is_on_the_page_and_with_its_author(running):
    review = write(running, "  very good ", 9)
    expected = Review(review, NAME, f"id of {TITLE}", "very good", 9)
    assert running.run("Frontend.page", TITLE) == ([expected], 9)
    assert running.run("Frontend.author", NAME) == [expected]
    running.check()


def test_a_page_shows_the_latest_reviews_and_all_the_stars(running):
    ids = [write(running, rating=n % 10 + 1, name=USERS[n]) for n in range(13)]
    shown, stars = running.run("Frontend.page", TITLE)
    assert [review.id for review in shown] == ids[-10:]
    assert stars == sum(n % 10 + 1 for n in range(13))
    running.check()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((NAME, "wrong", TITLE, "good", 7), WrongPassword),
        (("nobody", PASSWORD, TITLE, "good", 7), WrongPassword),
        ((NAME, PASSWORD, "No Movie", "good", 7), UnknownMovie),
    ],
)
def test_what_is_refused_leaves_nothing(running, arguments, error):
    with pytest.raises(error):
        running.run("Frontend.compose", *arguments)
    assert not running.state(ReviewStorage).reviews
    running.check()


def test_passwords_are_kept_with_a_salt_of_their_own(running):
    for name in ("ada", "bob"):
        running.run("Frontend.register", name, "the same")
        write_as = ("Frontend.compose", name, "the same", TITLE, "good", 1)
        assert running.run(*write_as)
    users = running.state(User).users
    assert "the same" not in str(users["ada"])
    assert len({users["ada"], users["bob"]}) == 2
    with pytest.raises(NameTaken):
        running.run("Frontend.register", "ada", "another")


def doctor_lost(running, review):
    del running.state(ReviewStorage).reviews[review]


def doctor_doubled(running, review):
    running.state(UserReview).written[NAME] = [review, review]


def doctor_orphan(running, review):
    running.state(MovieReview).received["elsewhere"] = [review]


@pytest.mark.parametrize("doctor", [doctor_lost, doctor_doubled, doctor_orphan])
def test_a_review_lost_doubled_or_orphaned_is_seen(running, doctor):
    doctor(running, write(running))
    with pytest.raises(AssertionError, match="disagree"):
        running.check("every_review_is_found")


def test_what_is_half_written_and_stars_that_nobody_gave_are_seen(running):
    write(running)
    running.state(ComposeReview).compositions["some"] = {"text": "good"}
    with pytest.raises(AssertionError, match="1 compositions are not complete"):
        running.check("no_review_is_half_written")
    running.state(MovieReview).stars[f"id of {TITLE}"] = 8
    with pytest.raises(AssertionError, match="not those of their reviews"):
        running.check("stars_add_up")


def test_facts(running):
    assert running.facts("Frontend.page").read_only
    assert running.facts("Frontend.author").read_only
    assert not running.facts("Frontend.compose").read_only
    assert "ComposeReview.compositions" in running.facts("Frontend.compose").footprint
