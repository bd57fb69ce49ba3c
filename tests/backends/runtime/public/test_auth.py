"""Who asks: keys, tokens, and everything that may be wrong with them."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import re
import time
from pathlib import Path

import pytest

from backends.local.cli import main
from backends.runtime.public.auth import AuthError, Nobody
from backends.runtime.public.auth_choice import read_auth
from compiler.application import load
from core.callers import decode_caller
from tests.backends.runtime.public.parts import Asked, Gateway, content, returned

jwt = pytest.importorskip("jwt", reason="PyJWT is not installed")
pytest.importorskip("cryptography", reason="it is not installed")

from cryptography.hazmat.primitives import serialization  # noqa: E402 - if it is there
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: E402

from backends.runtime.public import auth_jwt, jwks  # noqa: E402

ADA_KEY = "ada-0123456789abcdef0123456789"
BOSS_KEY = "boss-0123456789abcdef012345678"


def run(awaitable):
    return asyncio.run(awaitable)


def written(folder, name, value):
    file = folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


@pytest.fixture
def keys(tmp_path):
    entries = {
        "ada": {"key": ADA_KEY, "roles": ["clerk"]},
        "eve": {"key": BOSS_KEY, "roles": "boss", "floor": 3},
    }
    return read_auth(f"keys:{written(tmp_path, 'keys.json', entries)}")


def told(answer, status, slug):
    body = content(answer)
    assert (answer.status, body["type"]) == (status, f"/problems/{slug}")
    assert body["outcome"] == "definite"
    assert answer.headers["Mu2sls-Failed-By"] == ("gateway" if status == 503 else "client")
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    return body["detail"]


# --- at the gateway


def test_a_known_caller_is_told_to_the_method(shelf, keys):
    gateway = Gateway(shelf, auth=keys)
    answer = run(gateway.post("/Wall.known", [], authorization=f"Bearer {BOSS_KEY}"))
    assert content(answer) == {"subject": "eve", "roles": "boss", "floor": 3}
    answer = run(gateway.post("/Wall.guarded", [], authorization=f"bearer  {BOSS_KEY}"))
    assert content(answer) == "eve"
    assert decode_caller(gateway.last.origin.caller).subject == "eve"


def test_without_a_header_it_is_nobody(shelf, keys):
    gateway = Gateway(shelf, auth=keys)
    assert run(gateway.post("/Wall.hello", [])).status == 200
    assert gateway.last.origin.caller == b""
    told(run(gateway.post("/Wall.guarded", [])), 401, "unauthenticated")
    told(run(gateway.post("/Wall.known", [])), 401, "unauthenticated")


def test_another_role_is_forbidden(shelf, keys):
    gateway = Gateway(shelf, auth=keys)
    answer = run(gateway.post("/Wall.guarded", [], authorization=f"Bearer {ADA_KEY}"))
    assert "boss" in told(answer, 403, "forbidden")


def test_without_auth_nobody_is_known(shelf):
    detail = told(run(Gateway(shelf).post("/Wall.guarded", [])), 401, "unauthenticated")
    assert "--auth" in detail
    answer = run(Gateway(shelf).post("/Wall.hello", [], authorization=f"Bearer {ADA_KEY}"))
    assert "--auth" in told(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("header", "status", "slug"),
    [
        ("Bearer nobody-0123456789abcdef", 401, "unauthenticated"),
        (f"Bearer {ADA_KEY[:-1]}", 401, "unauthenticated"),
        (f"Bearer {ADA_KEY}x", 401, "unauthenticated"),
        ("Bearer", 401, "unauthenticated"),
        ("Bearer ", 401, "unauthenticated"),
        ("", 401, "unauthenticated"),
        (ADA_KEY, 401, "unauthenticated"),
        ("Basic YWRhOmFkYQ==", 401, "unauthenticated"),
        (f"Bearer {ADA_KEY} {ADA_KEY}", 401, "unauthenticated"),
        ("Bearer \xe4\xe4\xe4\xe4", 401, "unauthenticated"),
        (f"Bearer {ADA_KEY}, Bearer {BOSS_KEY}", 400, "bad-request"),  # sent twice
    ],
)
def test_what_is_not_good_is_refused_whatever_is_asked_for(shelf, keys, header, status, slug):
    """And before a key is spent: nothing was asked, nothing was recorded."""
    ask = Asked(returned(shelf, 1))
    gateway = Gateway(shelf, ask, auth=keys)
    answer = run(gateway.post("/Wall.hello", [], authorization=header, idempotency_key="ada's"))
    detail = told(answer, status, slug)
    assert ask.requests == []
    assert gateway.store.commits == 0
    assert ADA_KEY not in detail
    assert BOSS_KEY not in detail


def test_a_key_of_another_caller_is_none_of_yours(bank, tmp_path):
    entries = {"ada": {"key": ADA_KEY}, "eve": {"key": BOSS_KEY}}
    auth = read_auth(f"keys:{written(tmp_path, 'keys.json', entries)}")
    gateway = Gateway(bank, auth=auth)
    body = ["north-00", "south-00", 7]

    def ask(key):
        return run(
            gateway.post("/Bank.transfer", body, idempotency_key="k", authorization=f"Bearer {key}")
        )

    assert ask(ADA_KEY).status == ask(ADA_KEY).status == 200
    before = gateway.data()
    told(ask(BOSS_KEY), 422, "id-reused")
    told(run(gateway.post("/Bank.transfer", body, idempotency_key="k")), 422, "id-reused")
    assert gateway.data() == before


def test_what_is_internal_is_not_there(shelf, keys):
    gateway = Gateway(shelf, auth=keys)
    for path in ("/Wall.inside", "/Wall/inside"):
        for header in ({}, {"authorization": f"Bearer {BOSS_KEY}"}):
            told(run(gateway.post(path, [], **header)), 404, "not-found")
    document = content(run(gateway.send("GET", "/openapi.json")))
    assert "/Wall.inside" not in document["paths"]
    assert b"Wall.inside" not in run(gateway.send("GET", "/")).body


def test_openapi_says_who_may(shelf, keys):
    document = content(run(Gateway(shelf, auth=keys).send("GET", "/openapi.json")))
    assert document["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "key"}
    }
    paths = document["paths"]
    assert paths.pop("/requests/{key}")["get"]["security"] == [{}, {"bearer": []}]
    security = {path: each["post"]["security"] for path, each in paths.items()}
    assert security["/Wall.guarded"] == [{"bearer": ["boss"]}]
    assert security["/Wall.known"] == [{"bearer": []}]
    assert security["/Wall.hello"] == [{}, {"bearer": []}]
    plain = content(run(Gateway(shelf).send("GET", "/openapi.json")))
    assert "securitySchemes" not in plain["components"]
    pytest.importorskip("openapi_spec_validator").validate(document)


def test_the_page_says_who_may_and_takes_a_key(shelf, keys):
    with_keys = run(Gateway(shelf, auth=keys).send("GET", "/")).body.decode()
    plain = run(Gateway(shelf).send("GET", "/")).body.decode()
    assert 'name="Authorization" type="password"' in with_keys
    assert 'name="Authorization"' not in plain.partition("<script>")[0]
    for page in (with_keys, plain):
        guarded = page[page.index('<article id="Wall.guarded"') :].partition("</article>")[0]
        assert "for boss" in guarded
        known = page[page.index('<article id="Wall.known"') :].partition("</article>")[0]
        assert "for known callers" in known


def test_nothing_secret_is_logged_or_shown(shelf, keys, caplog):
    gateway = Gateway(shelf, auth=keys)
    with caplog.at_level(logging.DEBUG):
        for key in (ADA_KEY, BOSS_KEY, "wrong-0123456789abcdef"):
            run(gateway.post("/Wall.guarded", [], authorization=f"Bearer {key}"))
    shown = caplog.text + repr(keys) + repr(vars(keys)) + repr(gateway.last)
    for key in (ADA_KEY, BOSS_KEY, "wrong-0123456789abcdef"):
        assert key not in shown


# --- files of keys


@pytest.mark.parametrize(
    ("content_", "what"),
    [
        ("", "no JSON object"),
        ("[]", "no JSON object"),
        ("\xff", "no JSON object"),
        ({}, "knows nobody"),
        ({"ada": ADA_KEY}, "'ada'"),
        ({"": {"key": ADA_KEY}}, "''"),
        ({"ada": {}}, "openssl rand"),
        ({"ada": {"key": 3}}, "openssl rand"),
        ({"ada": {"key": "short"}}, "openssl rand"),
        ({"ada": {"key": "has a space 0123456789"}}, "openssl rand"),
        ({"ada": {"key": ADA_KEY}, "bob": {"key": ADA_KEY}}, "'bob': has the key of 'ada'"),
        ({"ada": {"key": ADA_KEY, "floor": 2**70}}, "'ada': what is known of a caller"),
        ({"ada": {"key": ADA_KEY, "floor": [{"a": -(2**64)}]}}, "'ada': what is known of a caller"),
    ],
)
def test_a_file_that_is_none(tmp_path, content_, what):
    file = written(tmp_path, "keys.json", content_)
    with pytest.raises(AuthError) as error:
        read_auth(f"keys:{file}")
    assert what in str(error.value)
    assert str(file) in str(error.value)
    assert ADA_KEY not in str(error.value)


@pytest.mark.parametrize("spec", ["", "keys", "keys:", "jwt:", "basic:x", "None"])
def test_a_word_that_is_none(spec):
    with pytest.raises(AuthError, match="none, keys:FILE or jwt:FILE"):
        read_auth(spec)


def test_none_and_a_file_that_is_not_there(tmp_path):
    assert isinstance(read_auth("none"), Nobody)
    with pytest.raises(AuthError, match=r"cannot be read"):
        read_auth(f"keys:{tmp_path / 'nothing.json'}")


def test_up_refuses_a_bad_file_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    keys = written(tmp_path, "keys.json", {"ada": {"key": "short"}})
    arguments = ["up", "apps/counter", "--data", str(tmp_path / "data"), "--port", "0"]
    assert main([*arguments, "--auth", f"keys:{keys}"]) == 2
    assert "openssl rand" in capsys.readouterr().err


# --- what docs/http.md says

HTTP = (Path(__file__).parents[4] / "docs" / "http.md").read_text()


def test_the_example_in_the_docs(tmp_path):
    example = r"\$ curl --json '(.*)' -H \"Authorization: Bearer \$KEY\" \S+(/\S+)\n    (.*)\n"
    body, path, given = re.search(example, HTTP).groups()
    shown = json.loads(re.search(r"\| `keys:FILE` \|.*?`(\{.*?\}\})`", HTTP)[1])
    shown["ada"]["key"] = ADA_KEY
    auth = read_auth(f"keys:{written(tmp_path, 'keys.json', shown)}")
    gateway = Gateway(load("apps/expenses"), auth=auth)
    answer = run(gateway.raw(path, body.encode(), authorization=f"Bearer {ADA_KEY}"))
    assert (answer.status, answer.body.decode()) == (200, given)


def test_what_a_file_for_tokens_says_is_in_the_docs():
    shown = json.loads(re.search(r"\| `jwt:FILE` \|.*?`(\{.*?\})`", HTTP)[1])
    assert set(shown) == {"jwks", "issuer", "audience"}
    for name in auth_jwt._NAMES:
        assert f"`{name}`" in HTTP or f'"{name}"' in HTTP


# --- tokens

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
SECRET = "hs-secret-0123456789abcdef0123456789abcdef0123456789"


def jwk(key, name, algorithm=None):
    kinds = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    kind = next(made for base, made in kinds.items() if isinstance(key, base))
    found = json.loads(kind.to_jwk(key.public_key()))
    return {**found, "kid": name, **({"alg": algorithm} if algorithm else {})}


JWKS = {
    "keys": [
        jwk(RSA, "rsa"),
        jwk(EC, "ec", "ES256"),
        jwk(EDWARDS, "ed"),
        json.loads(jwt.algorithms.HMACAlgorithm.to_jwk(SECRET)) | {"kid": "hs"},
        {"kty": "unheard-of", "kid": "new"},
    ]
}
SAYS = {"jwks": "jwks.json", "issuer": "https://id.example.com", "audience": "shelf"}


@pytest.fixture
def tokens(tmp_path):
    written(tmp_path, "jwks.json", JWKS)
    return read_auth(f"jwt:{written(tmp_path, 'jwt.json', SAYS)}")


def token(key=RSA, algorithm="RS256", kid="rsa", **changes):
    claims = {
        "sub": "ada",
        "iss": SAYS["issuer"],
        "aud": SAYS["audience"],
        "exp": int(time.time()) + 600,
        "iat": int(time.time()),
        "jti": "one of a kind",
        "roles": ["boss"],
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims, key, algorithm, headers=headers)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "PS512", "rsa"),
        (EC, "ES256", "ec"),
        (EDWARDS, "EdDSA", "ed"),
        (SECRET, "HS256", "hs"),
    ],
)
def test_tokens_of_every_kind_of_key(shelf, tokens, key, algorithm, kid):
    gateway = Gateway(shelf, auth=tokens)
    given = token(key, algorithm, kid)
    answer = run(gateway.post("/Wall.guarded", [], authorization=f"Bearer {given}"))
    assert content(answer) == "ada"


def test_a_token_drawn_anew_is_the_same_caller(tokens):
    first = run(tokens.caller(token(jti="first")))
    again = run(tokens.caller(token(jti="again", exp=int(time.time()) + 900)))
    assert first == again
    assert first.claims == {"roles": ["boss"]}
    assert run(tokens.caller(token(roles=["clerk"]))) != first


def test_what_a_provider_adds_is_no_part_of_the_caller(bank, tmp_path):
    """So a request is asked again, under its key, with a token drawn anew."""
    written(tmp_path, "jwks.json", JWKS)
    says = {**SAYS, "claims": ["mail", "floor"]}
    auth = read_auth(f"jwt:{written(tmp_path, 'jwt.json', says)}")
    gateway = Gateway(bank, auth=auth)
    body = ["north-00", "south-00", 7]

    def ask(**claims):
        given = token(mail="ada@example.com", **claims)
        header = f"Bearer {given}"
        return run(gateway.post("/Bank.transfer", body, idempotency_key="k", authorization=header))

    first = ask(uti="first", aio="a", roles=["boss", "clerk"])
    before = gateway.data()
    again = ask(uti="again", rh="b", ver="2.0", roles="clerk boss")
    assert (first.status, first.body) == (again.status, again.body) == (200, first.body)
    assert gateway.data() == before
    caller = decode_caller(gateway.last.origin.caller)
    assert caller.claims == {"mail": "ada@example.com", "roles": ["boss", "clerk"]}
    told(ask(roles=["boss"]), 422, "id-reused")


def test_roles_come_from_the_claim_that_is_named_alone(shelf, tmp_path):
    written(tmp_path, "jwks.json", JWKS)
    says = {**SAYS, "roles": "groups", "claims": ["groups"]}
    gateway = Gateway(shelf, auth=read_auth(f"jwt:{written(tmp_path, 'jwt.json', says)}"))

    def ask(**claims):
        header = f"Bearer {token(**claims)}"
        return run(gateway.post("/Wall.guarded", [], authorization=header))

    told(ask(roles=["boss"]), 403, "forbidden")
    told(ask(roles=["boss"], groups=["clerk"]), 403, "forbidden")
    told(ask(roles=["boss"], groups=None), 403, "forbidden")
    assert content(ask(roles=["clerk"], groups=["boss"])) == "ada"


@pytest.mark.parametrize("claim", [2**70, -(2**64), "\ud800", ["\udfff"], {"\ud800": 1}])
def test_what_does_not_travel_is_not_claimed(shelf, tmp_path, claim, caplog):
    written(tmp_path, "jwks.json", JWKS)
    says = {**SAYS, "claims": ["floor"]}
    gateway = Gateway(shelf, auth=read_auth(f"jwt:{written(tmp_path, 'jwt.json', says)}"))
    answer = run(gateway.post("/Wall.hello", [], authorization=f"Bearer {token(floor=claim)}"))
    assert "the token is not good" in told(answer, 401, "unauthenticated")
    assert "Traceback" not in caplog.text


def public_pem():
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return RSA.public_key().public_bytes(serialization.Encoding.PEM, form)


def coded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def hmac_by_hand(secret, head):
    """A token that no honest library makes."""
    claims = {"sub": "ada", "iss": SAYS["issuer"], "aud": "shelf", "exp": int(time.time()) + 60}
    signed = coded(json.dumps(head).encode()) + "." + coded(json.dumps(claims).encode())
    return signed + "." + coded(hmac.digest(secret, signed.encode(), hashlib.sha256))


BAD = {
    "expired": (lambda: token(exp=int(time.time()) - 600), "has expired"),
    "another audience": (lambda: token(aud="other"), "another audience"),
    "no audience": (lambda: token(aud=None), "lacks"),
    "another issuer": (lambda: token(iss="https://evil.example.com"), "another issuer"),
    "no issuer": (lambda: token(iss=None), "lacks"),
    "no end": (lambda: token(exp=None), "lacks"),
    "no subject": (lambda: token(sub=None), "lacks"),
    "empty subject": (lambda: token(sub=""), "no subject"),
    "a subject that is no text": (lambda: token(sub="\ud800"), "cannot be kept"),
    "a role that is no text": (lambda: token(roles=["\ud800"]), "cannot be kept"),
    "no end that comes": (lambda: token(exp=float("inf")), "token is not good"),
    "lists in lists": (lambda: coded(b"[" * 4_000) + ".e30.x", "no token"),
    "not good yet": (lambda: token(nbf=int(time.time()) + 600), "not good yet"),
    "alg none": (lambda: token(None, "none"), "algorithm"),
    "alg none without a key": (lambda: token(None, "none", None), "key is not known"),
    "the public key as a secret": (
        lambda: hmac_by_hand(public_pem(), {"alg": "HS256", "kid": "rsa", "typ": "JWT"}),
        "algorithm",
    ),
    "another key": (
        lambda: token(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "not signed",
    ),
    "a key of another name": (lambda: token(EC, "ES256", "rsa"), "algorithm"),
    "an unknown key": (lambda: token(kid="other"), "key is not known"),
    "a key of no known type": (lambda: token(kid="new"), "key is not known"),
    "cut off": (lambda: token()[:-5], ""),
    "no token": (lambda: "abc", "no token"),
    "dots": (lambda: "..", "no token"),
    "changed": (lambda: token().replace(".", ".e", 1), ""),
    "of 8,000 characters": (lambda: "x" * 8_000, "no token"),
}


@pytest.mark.parametrize("what", BAD)
def test_tokens_that_are_not_good(shelf, tokens, what, caplog):
    made, why = BAD[what]
    given = made()
    ask = Asked(returned(shelf, 1))
    gateway = Gateway(shelf, ask, auth=tokens)
    with caplog.at_level(logging.DEBUG):
        answer = run(gateway.post("/Wall.hello", [], authorization=f"Bearer {given}"))
    detail = told(answer, 401, "unauthenticated")
    assert why in detail
    assert ask.requests == []
    assert given not in caplog.text + detail
    assert "Traceback" not in caplog.text


def test_clocks_may_differ_a_little(tokens):
    assert run(tokens.caller(token(exp=int(time.time()) - 5))).subject == "ada"


@pytest.mark.parametrize(
    ("says", "what"),
    [
        ({}, "jwks"),
        ({**SAYS, "audiance": "x"}, "audiance"),
        ({**SAYS, "audience": ""}, "name an issuer, an audience"),
        ({**SAYS, "leeway": -1}, "leeway"),
        ({**SAYS, "leeway": "x"}, "leeway"),
        ({**SAYS, "jwks": "nothing.json"}, "cannot be read"),
        ({**SAYS, "jwks": "http://id.example.com/keys"}, "use https"),
        ({**SAYS, "jwks": "jwt.json"}, "no JWKS"),
        ({**SAYS, "jwks": "https://[id.example.com"}, "an https address"),
        ({**SAYS, "claims": ["mail", "roles"]}, "roles are taken"),
        ({**SAYS, "jwks": "empty.json"}, "no key that verifies"),
        ("nonsense", "no JSON object"),
    ],
)
def test_a_file_that_says_nothing_good(tmp_path, says, what):
    written(tmp_path, "jwks.json", JWKS)
    written(tmp_path, "empty.json", {"keys": [{"kty": "unheard-of"}]})
    with pytest.raises(AuthError) as error:
        read_auth(f"jwt:{written(tmp_path, 'jwt.json', says)}")
    assert what in str(error.value)


def test_keys_at_an_address_are_fetched_when_they_are_needed(shelf, tmp_path, monkeypatch):
    says = {**SAYS, "jwks": "https://id.example.com/keys"}
    answers = [OSError("no route"), {"keys": [jwk(RSA, "rsa")]}, JWKS]
    asked = []

    def fetched(url):
        asked.append(url)
        answer = answers[min(len(asked), 3) - 1]
        if isinstance(answer, OSError):
            raise answer
        return json.dumps(answer).encode()

    now = [1000.0]
    monkeypatch.setattr(auth_jwt, "fetched", fetched)
    monkeypatch.setattr(jwks.time, "monotonic", lambda: now[0])
    auth = read_auth(f"jwt:{written(tmp_path, 'jwt.json', says)}")
    gateway = Gateway(shelf, auth=auth)

    def ask(given):
        return run(gateway.post("/Wall.guarded", [], authorization=f"Bearer {given}"))

    for _ in range(3):  # asked a moment ago
        told(ask(token()), 503, "auth-unavailable")
    assert len(asked) == 1
    now[0] += 1
    assert content(ask(token())) == "ada"
    assert asked == ["https://id.example.com/keys"] * 2
    told(ask(token(EC, "ES256", "ec")), 401, "unauthenticated")  # asked a moment ago
    now[0] += 60
    assert content(ask(token(EC, "ES256", "ec"))) == "ada"
    assert len(asked) == 3
