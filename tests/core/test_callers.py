"""Callers: what travels, what tells two requests of one id apart, who may ask."""

import pytest

from core.callers import KNOWN, NOBODY, Caller, decode_caller, encode_caller, turned_away
from core.ids import RequestId
from core.journal import fingerprint
from core.messages import Origin, Request

ADA = Caller("ada", {"roles": ["clerk"], "of": {"age": 36}})


def asked(caller):
    origin = Origin("Shop", "buy", b"args", encode_caller(caller))
    return Request(RequestId(b"0" * 16, (1,)), "Till", "pay", b"other", origin)


def test_a_caller_travels():
    assert decode_caller(encode_caller(ADA)) == ADA
    assert encode_caller(NOBODY) == b""
    assert decode_caller(b"") == NOBODY


def test_nobody_else_sees_a_change_of_a_callers_claims():
    decode_caller(b"").claims["roles"] = ["admin"]
    assert decode_caller(b"").claims == {}
    assert NOBODY.claims == {}


def test_claims_in_another_order_are_the_same_caller():
    turned = Caller("ada", dict(reversed(ADA.claims.items())))
    assert encode_caller(turned) == encode_caller(ADA)


def test_who_asks_tells_requests_apart_in_the_whole_tree():
    prints = [fingerprint(asked(each)) for each in (NOBODY, ADA, Caller("ada"), Caller("bob"))]
    assert len(set(prints)) == 4
    assert len({each[8:] for each in prints}) == 1  # the half of the call itself


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"roles": ["a", "b"]}, {"a", "b"}),
        ({"roles": "a b"}, {"a", "b"}),
        ({"roles": ["a", 1, None]}, {"a"}),
        ({"roles": 7}, set()),
        ({"roles": {"a": 1}}, set()),
        ({"roles": None}, set()),
        ({}, set()),
    ],
)
def test_roles_are_names(claims, roles):
    assert Caller("ada", claims).roles == roles


@pytest.mark.parametrize(
    ("roles", "caller", "may"),
    [
        (frozenset(), NOBODY, True),
        (frozenset({"clerk"}), NOBODY, False),
        (frozenset({"clerk"}), ADA, True),
        (frozenset({"boss"}), ADA, False),
        (frozenset({"boss", "clerk"}), ADA, True),
        (frozenset({KNOWN}), ADA, True),
        (frozenset({KNOWN}), NOBODY, False),
        (frozenset({KNOWN}), Caller("", {"roles": ["clerk"]}), False),
    ],
)
def test_who_may_ask(roles, caller, may):
    assert (turned_away("Shop.buy", roles, caller) == "") == may
