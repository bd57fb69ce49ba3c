"""Saying the same thing now and then only."""

from backends.runtime.reminder import Reminder


def said(moments, seconds=5.0):
    """At which of some moments it is said."""
    clock = iter(moments)
    reminder = Reminder(seconds, lambda: next(clock))
    return [moment for moment in moments if reminder.is_due()]


def test_what_goes_on_is_said_more_and_more_seldom():
    assert said(range(300)) == [0, 5, 15, 35, 75, 135, 195, 255]


def test_what_comes_back_is_said_at_once():
    assert said([0, 1, 2, 100, 101, 106, 300]) == [0, 100, 106, 300]


def test_what_is_rare_is_always_said():
    assert said([0, 10, 20, 30, 40]) == [0, 10, 20, 30, 40]
