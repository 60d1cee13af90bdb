"""Bearer tokens: how they are signed, and everything that can be judged of one without knowing the accounts.

JWT, HS256, held to RFC 8725: one algorithm, an exact ``typ``, issuer and audience, every claim required.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from daemon.config import Auth
from daemon.durable_files import written_once
from daemon.errors import ConfigFaults, Fault

ALGORITHM = "HS256"
TYPE = "JWT"
ISSUER = "sereno"
AUDIENCE = "sereno-api"
LONGEST_TOKEN = 4096  # characters; ours have some 400
LONGEST_DAYS = 365
KEY_BYTES = 32  # RFC 7518, 3.2: no shorter than the hash
KEY_FILE = "auth.key"
_SKEW = 30  # s by which another process's clock may have run ahead
_CLAIMS = ("sub", "exp", "iat", "nbf", "iss", "aud", "jti", "ver")


class Refused(Exception):  # noqa: N818 - it names a decision
    """A token that is not let in: one sentence."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. ``issued_at`` and ``expires_at`` are s since 1970 UTC; ``script``: a long-lived one."""

    subject: str
    version: int
    jti: str
    issued_at: int
    expires_at: int
    script: bool = False


def sign(claims: Claims, key: bytes) -> str:
    """The token's text."""
    payload = {
        "sub": claims.subject,
        "ver": claims.version,
        "jti": claims.jti,
        "iat": claims.issued_at,
        "nbf": claims.issued_at,
        "exp": claims.expires_at,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "script": claims.script,
    }
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"typ": TYPE})


def check(token: str, key: bytes, now: int | None) -> Claims:
    """The claims of a good token; raises Refused.

    ``now`` is s since 1970 UTC; None, where the clock is not yet known to be right, judges no token by time.
    """
    if len(token) > LONGEST_TOKEN:
        raise Refused(f"the token is longer than {LONGEST_TOKEN} characters")
    try:
        decoded = jwt.decode_complete(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={
                "require": list(_CLAIMS),
                "strict_aud": True,
                "verify_exp": False,  # the three times are judged below, by the clock handed in
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.MissingRequiredClaimError as error:
        raise Refused(f"the token has no {error.claim!r} claim") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Refused("the token is not one that this daemon signed") from error
    if decoded["header"].get("typ") != TYPE:
        raise Refused("the token is of another type")
    claims = _claims(decoded["payload"])
    if now is not None:
        _judge_times(claims, now)
    return claims


def _claims(payload: Mapping[str, Any]) -> Claims:
    times = [payload[name] for name in ("iat", "nbf", "exp", "ver")]
    if not all(type(value) is int and 0 <= value < 2**53 for value in times):
        raise Refused("the token's times are not whole seconds")
    if not (isinstance(payload["sub"], str) and isinstance(payload["jti"], str)):
        raise Refused("the token's sub and jti must be text")
    script = payload.get("script", False)
    claims = Claims(payload["sub"], payload["ver"], payload["jti"], payload["iat"], payload["exp"], script is True)
    if not 0 < claims.expires_at - claims.issued_at <= LONGEST_DAYS * 86_400 or payload["nbf"] > claims.expires_at:
        raise Refused(f"the token is good for longer than {LONGEST_DAYS} days, or for no time at all")
    return claims


def _judge_times(claims: Claims, now: int) -> None:
    if claims.issued_at > now + _SKEW:
        raise Refused("the token was issued in the future; check the clocks")
    if claims.expires_at <= now:
        raise Refused("the token has expired; sign in again")


def load_key(auth: Auth, state_dir: Path) -> bytes:
    """The signing key: from ``auth.key``, ``auth.key_file``, or a file in the state folder, made at first use.

    Raises ConfigFaults where the key is too short or its file can be read by others.
    """
    if auth.key is not None:
        return _long_enough(auth.key.get_secret_value().encode(), "auth.key")
    if auth.key_file is not None:
        return _read_key(Path(auth.key_file))
    path = state_dir / KEY_FILE
    if not path.exists():
        written_once(path, secrets.token_urlsafe(48))
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(4096).strip()
    except OSError as error:
        raise _fault("auth.key_file", f"{path} cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise _fault("auth.key_file", f"{path} can be read by others; 'chmod 600 {path}' mends it")
    return _long_enough(content, f"auth.key_file ({path})")


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < KEY_BYTES:
        raise _fault(where, f"a signing key has at least {KEY_BYTES} bytes; 'openssl rand -base64 48' makes one")
    return key


def _fault(path: str, problem: str) -> ConfigFaults:
    return ConfigFaults([Fault("", path, problem)])
