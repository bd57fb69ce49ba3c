"""What the process is told is checked, and each mistake is one clear message."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.knative.environment import read_environment
from backends.knative.errors import EnvironmentProblem
from backends.runtime.settings import Settings as NodeSettings

GOOD = {
    "MU2SLS_SERVICE": "Hotel",
    "MU2SLS_APP": "apps/hotel",
    "MU2SLS_ADDRESSES": '{"Hotel": "http://hotel:80"}',
    "MU2SLS_WIRE_KEY": "0123456789abcdef",
}


def test_the_least_one_has_to_say():
    told = read_environment({**GOOD, "HOME": "/", "K_SERVICE": "hotel-hotel"})
    assert told.part == "Hotel"
    assert told.key == b"0123456789abcdef"
    assert told.addresses == {"Hotel": "http://hotel:80"}
    assert (told.sqlite, told.cluster_file, told.cluster_file_from) == (None, None, None)
    assert (told.port, told.api_version, told.log_level, told.set_up) == (8080, 730, "info", True)
    assert told.settings == NodeSettings()


def test_everything_one_can_say(tmp_path):
    key = tmp_path / "key"
    key.write_bytes(b"\x00" * 31 + b"\n")
    told = read_environment(
        {
            **{name: value for name, value in GOOD.items() if name != "MU2SLS_WIRE_KEY"},
            "MU2SLS_WIRE_KEY_FILE": str(key),
            "MU2SLS_STORE": "sqlite:////data/hotel.db",
            "MU2SLS_CLUSTER_FILE_FROM": "/etc/cluster-file",
            "MU2SLS_FDB_API_VERSION": "710",
            "MU2SLS_NAME": "motel",
            "MU2SLS_SET_UP": "false",
            "MU2SLS_LOG_LEVEL": "debug",
            "MU2SLS_GRACE": "2.5",
            "MU2SLS_ATTEMPTS": "3",
            "PORT": "9000",
        }
    )
    assert told.key == b"\x00" * 31 + b"\n"  # byte for byte: the last may be a newline
    assert told.sqlite == "/data/hotel.db"
    assert told.cluster_file == "/run/mu2sls/fdb.cluster"
    assert told.settings == NodeSettings(grace=2.5, attempts=3)
    assert (told.port, told.api_version, told.name, told.set_up) == (9000, 710, "motel", False)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"MU2SLS_SERVICE": ""}, "MU2SLS_SERVICE is not set"),
        ({"MU2SLS_APP": ""}, "MU2SLS_APP is not set"),
        ({"MU2SLS_ADDRESSES": ""}, "MU2SLS_ADDRESSES is not set"),
        ({"MU2SLS_ADDRESSES": "Hotel"}, "MU2SLS_ADDRESSES does not say"),
        ({"MU2SLS_ADDRESSES": "[1]"}, "MU2SLS_ADDRESSES does not say"),
        ({"MU2SLS_ADDRESSES": '{"Hotel": 1}'}, "MU2SLS_ADDRESSES does not say"),
        ({"MU2SLS_ADDRESSES": '{"Hotel": "hotel:80"}'}, "give http://host:port"),
        ({"MU2SLS_ADDRESSES": '{"Hotel": "ftp://hotel"}'}, "give http://host:port"),
        ({"MU2SLS_ADDRESSES": '{"Hotel": "http://hotel/call"}'}, "give http://host:port"),
        ({"MU2SLS_ADDRESSES": '{"Hotel": "http://hotel:99999"}'}, "give http://host:port"),
        ({"MU2SLS_ADDRESSES": '{"Hotel": "http://"}'}, "give http://host:port"),
        ({"MU2SLS_WIRE_KEY": ""}, "MU2SLS_WIRE_KEY is not set, or empty"),
        ({"MU2SLS_WIRE_KEY": "short"}, "MU2SLS_WIRE_KEY holds 5 bytes"),
        ({"MU2SLS_WIRE_KEY_FILE": "/none"}, "give one of them"),
        ({"MU2SLS_WIRE_KEY": "", "MU2SLS_WIRE_KEY_FILE": "/none"}, "cannot be read"),
        ({"MU2SLS_STORE": "redis://x"}, "MU2SLS_STORE is 'redis://x'"),
        ({"MU2SLS_STORE": "sqlite:///"}, "sqlite:///path"),
        ({"MU2SLS_FDB_API_VERSION": "seven"}, "MU2SLS_FDB_API_VERSION is 'seven'"),
        ({"MU2SLS_LOG_LEVEL": "loud"}, "give one of debug, info, warning, error"),
        ({"MU2SLS_SET_UP": "no"}, "give one of true, false"),
        ({"PORT": "0"}, "PORT is '0'"),
        ({"PORT": "70000"}, "a number from 1 to 65535"),
        ({"PORT": "http"}, "PORT is 'http'"),
        ({"PORT": "\u0663"}, "PORT is"),
        ({"MU2SLS_GRACE": "long"}, "MU2SLS_GRACE is 'long'"),
        ({"MU2SLS_GRACE": "-1"}, "a number above 0"),
        ({"MU2SLS_GRACE": "NaN"}, "a number above 0"),
        ({"MU2SLS_ATTEMPTS": "2.5"}, "a whole number above 0"),
        ({"MU2SLS_ATTEMPTS": "true"}, "a whole number above 0"),
        ({"MU2SLS_GRASE": "1"}, "did you mean MU2SLS_GRACE?"),
        ({"MU2SLS_XYZZY_PLUGH": "1"}, "is not known"),
    ],
)
def test_each_mistake_is_one_clear_message(changes, says):
    with pytest.raises(EnvironmentProblem) as refused:
        read_environment({**GOOD, **changes})
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.variable in {*changes, "MU2SLS_WIRE_KEY"}


def test_a_key_is_never_in_a_message(tmp_path):
    with pytest.raises(EnvironmentProblem) as refused:
        read_environment({**GOOD, "MU2SLS_WIRE_KEY": "hush"})
    assert "hush" not in str(refused.value)


@given(
    st.dictionaries(
        st.sampled_from(
            ["PORT", "MU2SLS_ADDRESSES", "MU2SLS_GRACE", "MU2SLS_STORE", "MU2SLS_WIRE_KEY"]
        ),
        st.text(max_size=20),
    )
)
def test_nonsense_never_ends_in_anything_but_a_clear_message(changes):
    with suppress(EnvironmentProblem):
        read_environment({**GOOD, **changes})
