"""Tokens: signed, judged by RFC 8725, and never let in when a single thing about them is off."""

import base64
import json
import random
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from daemon.config import Auth
from daemon.errors import ConfigFaults
from daemon.tokens import LONGEST_TOKEN, Claims, Refused, check, load_key, sign

KEY = b"0123456789abcdef0123456789abcdef"
NOW = 1_753_007_400
CLAIMS = Claims("ana", 7, "a1", NOW, NOW + 3600)


def payload(**changes: Any) -> dict[str, Any]:
    claims = jwt.decode(sign(CLAIMS, KEY), options={"verify_signature": False})
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


def signed(key: bytes = KEY, algorithm: str = "HS256", typ: str | None = "JWT", **changes: Any) -> str:
    return jwt.encode(payload(**changes), key, algorithm=algorithm, headers={"typ": typ})


def test_a_good_token_says_what_was_signed() -> None:
    assert check(sign(CLAIMS, KEY), KEY, NOW) == CLAIMS
    assert check(signed(), KEY, NOW) == CLAIMS
    script = Claims("ana", 7, "a2", NOW, NOW + 365 * 86_400, script=True)
    assert check(sign(script, KEY), KEY, NOW) == script


@pytest.mark.parametrize(
    "token",
    [
        signed(key=b"another key of thirty-two bytes!"),
        signed(key=KEY * 2, algorithm="HS512"),
        signed(algorithm="HS384", key=KEY * 2),
        jwt.encode(payload(), None, algorithm="none"),
        signed(typ="at+jwt"),
        signed(typ=None),
        signed(iss="other"),
        signed(aud="other"),
        signed(aud=["sereno-api"]),
        *(signed(**{claim: None}) for claim in ("sub", "exp", "iat", "nbf", "iss", "aud", "jti", "ver")),
        signed(exp=NOW),
        signed(exp=NOW - 1),
        signed(exp=9_000_000_000_000_000),
        signed(exp=NOW + 366 * 86_400),
        signed(exp=NOW + 0.5),
        signed(exp="x"),
        signed(iat=NOW + 60, nbf=NOW + 60),
        signed(nbf=NOW + 3601),
        signed(ver="7"),
        signed(ver=True),
        signed(sub=5),
        signed(jti=["a"]),
        signed(note="x" * LONGEST_TOKEN),
        jwt.encode(payload(), KEY, algorithm="HS256", headers={"crit": ["x"], "x": 1}),
        "",
        ".",
        "..",
        "a.b.c",
        "ñ.ñ.ñ",
        "\ud800",
        base64.urlsafe_b64encode(b"[" * 2900).decode() + ".a.b",
    ],
)
def test_anything_off_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        check(token, KEY, NOW)


def test_no_mutant_of_a_token_gets_in() -> None:
    token = sign(CLAIMS, KEY)
    rng = random.Random(8725)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="
    accepted = 0
    for _ in range(5000):
        at = rng.randrange(len(token))
        mutant = token[:at] + rng.choice(alphabet) * rng.randrange(3) + token[at + rng.randrange(1, 3) :]
        if mutant == token:
            continue
        try:
            claims = check(mutant, KEY, NOW)
        except Refused:
            continue
        # The last character of a segment has bits that base64 does not use: the same bytes, the same token.
        accepted += claims != CLAIMS
    assert accepted == 0


def test_a_clock_that_is_not_set_judges_no_token_by_time() -> None:
    assert check(sign(CLAIMS, KEY), KEY, None) == CLAIMS
    with pytest.raises(Refused, match="expired"):
        check(sign(CLAIMS, KEY), KEY, NOW + 3600)
    with pytest.raises(Refused, match="future"):
        check(sign(CLAIMS, KEY), KEY, NOW - 31)
    with pytest.raises(Refused, match="365 days"):
        check(signed(exp=NOW + 366 * 86_400), KEY, None)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = load_key(Auth(), tmp_path)
    path = tmp_path / "auth.key"
    assert len(key) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(Auth(), tmp_path) == key
    assert [file.name for file in tmp_path.iterdir()] == ["auth.key"]
    other = tmp_path / "other"
    other.mkdir()
    assert load_key(Auth(), other) != key


def test_a_key_that_others_can_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    load_key(Auth(), tmp_path)
    for mode in (0o640, 0o604, 0o660):
        (tmp_path / "auth.key").chmod(mode)
        with pytest.raises(ConfigFaults, match="chmod 600"):
            load_key(Auth(), tmp_path)


def test_the_configured_key_or_its_file_beats_the_folders(tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_text("f" * 40 + "\n")
    file.chmod(0o400)
    assert load_key(Auth(key=SecretStr("k" * 32)), tmp_path) == b"k" * 32
    assert load_key(Auth(key_file=str(file)), tmp_path) == b"f" * 40
    assert not (tmp_path / "auth.key").exists()
    with pytest.raises(ConfigFaults, match="32 bytes"):
        load_key(Auth(key=SecretStr("short")), tmp_path)
    file.chmod(0o600)
    file.write_text("short")
    with pytest.raises(ConfigFaults, match="32 bytes"):
        load_key(Auth(key_file=str(file)), tmp_path)
    with pytest.raises(ConfigFaults, match="cannot be read"):
        load_key(Auth(key_file=str(tmp_path / "none")), tmp_path)


def test_a_token_is_plain_json_web_token() -> None:
    head, body, _ = sign(CLAIMS, KEY).split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body)]
    assert decoded[0] == {"alg": "HS256", "typ": "JWT"}
    assert decoded[1].keys() == {"sub", "ver", "jti", "iat", "nbf", "exp", "iss", "aud", "script"}
