"""Who may sign in: accounts, their roles and channels, and the long-lived tokens of scripts.

Functions take a connection and work with or without a running daemon; the daemon notices changes by polling.
"""

import re
import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from daemon.errors import SerenoError, UsageError
from daemon.events import Channel
from daemon.tables import account, script_token
from daemon.tokens import LONGEST_DAYS, Claims, sign

# OWASP's minimum for argon2id; two at once need 38 MiB and leave a Pi room to work.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

DUMMY_HASH = "$argon2id$v=19$m=19456,t=2,p=1$sr23fFbfsJrcLNg9szgXhQ$XnW4DEqLwupIRPu78YvJ7rg7KpBm7wYGScEuluZbJHw"
"""An account that does not exist takes as long as one that does. Of a password that was thrown away; a constant,
because hashing takes 50 ms and 19 MB."""

PASSWORD_LENGTH = range(8, 1025)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Role(StrEnum):
    """Each may do what the one before may: read, write, manage."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def allows(self, needed: "Role") -> bool:
        """Whether this role may do what ``needed`` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Account:
    """``version`` grows with every change; a token of an older version has ended. Times are µs since 1970 UTC."""

    name: str
    role: Role
    channels: frozenset[Channel]
    version: int
    password_hash: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class ScriptToken:
    """A long-lived token, known by its ``jti``. Times are µs since 1970 UTC."""

    jti: str
    account: str
    expires_at: int
    created_at: int
    revoked_at: int | None = None


def hash_password(password: str) -> str:
    """argon2id, salted; takes some 50 ms. Raises UsageError for a password that is too short or too long."""
    if len(password) not in PASSWORD_LENGTH:
        raise UsageError(f"a password has {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters")
    return _HASHER.hash(password)


def check_password(password: str, password_hash: str) -> bool:
    """Whether the password is the hash's; takes some 50 ms either way."""
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _account(row: Row[tuple[object, ...]]) -> Account:
    data = row._mapping
    channels = frozenset(Channel(word) for word in data["channels"].split(",") if word)
    return Account(
        name=data["name"],
        role=Role(data["role"]),
        channels=channels,
        version=data["version"],
        password_hash=data["password_hash"],
        created_at=data["created_at"],
        updated_at=data["updated_at"],
    )


def _channel_words(channels: Collection[Channel]) -> str:
    if not channels:
        raise UsageError(f"an account needs at least one channel of {', '.join(Channel)}")
    return ",".join(channel for channel in Channel if channel in channels)


def accounts(conn: Connection) -> Mapping[str, Account]:
    """All of them by name, in the order of their names."""
    rows = conn.execute(select(account).order_by(account.c.name))
    return {row.name: _account(row) for row in rows}


def account_named(conn: Connection, name: str) -> Account:
    """One of them; raises SerenoError for an unknown name."""
    found = accounts(conn).get(name)
    if found is None:
        raise _unknown(name)
    return found


def add_account(
    conn: Connection,
    name: str,
    password_hash: str,
    role: Role,
    now: int,
    channels: Collection[Channel] = frozenset(Channel),
) -> Account:
    """Make an account; raises UsageError for a bad name, SerenoError for one that is taken."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no account name: 1 to 64 letters, digits or ._@-, a letter or digit first")
    if name in accounts(conn):
        raise SerenoError(f"there is an account {name!r} already; 'sereno user password {name}' changes its password")
    row = {
        "name": name,
        "password_hash": password_hash,
        "role": role.value,
        "channels": _channel_words(channels),
        "version": secrets.randbelow(2**30),  # whoever gets a removed account's name does not get its tokens
        "created_at": now,
        "updated_at": now,
    }
    conn.execute(insert(account).values(row))
    return accounts(conn)[name]


def change_account(
    conn: Connection,
    name: str,
    now: int,
    *,
    password_hash: str | None = None,
    role: Role | None = None,
    channels: Collection[Channel] | None = None,
) -> Account:
    """Change what is given; every token of the account ends. Raises SerenoError for an unknown name."""
    changes: dict[str, object] = {"updated_at": now, "version": account.c.version + 1}
    if password_hash is not None:
        changes["password_hash"] = password_hash
    if role is not None:
        changes["role"] = role.value
    if channels is not None:
        changes["channels"] = _channel_words(channels)
    if not conn.execute(update(account).where(account.c.name == name).values(changes)).rowcount:
        raise _unknown(name)
    return accounts(conn)[name]


def remove_account(conn: Connection, name: str) -> None:
    """Remove it; its tokens end. Raises SerenoError for an unknown name."""
    conn.execute(delete(script_token).where(script_token.c.account == name))
    if not conn.execute(delete(account).where(account.c.name == name)).rowcount:
        raise _unknown(name)


def _unknown(name: str) -> SerenoError:
    return SerenoError(f"there is no account {name!r}; 'sereno user list' shows them")


def script_tokens(conn: Connection) -> list[ScriptToken]:
    """All of them, newest first, revoked and expired ones included."""
    rows = conn.execute(select(script_token).order_by(script_token.c.created_at.desc(), script_token.c.jti))
    return [ScriptToken(row.jti, row.account, row.expires_at, row.created_at, row.revoked_at) for row in rows]


def add_script_token(conn: Connection, token: ScriptToken) -> None:
    """Remember a token that was issued, so that it can be revoked."""
    conn.execute(
        insert(script_token).values(
            jti=token.jti, account=token.account, expires_at=token.expires_at, created_at=token.created_at
        )
    )


def revoke_script_token(conn: Connection, jti: str, now: int) -> None:
    """End one script token; raises SerenoError for an unknown one."""
    where = (script_token.c.jti == jti) & script_token.c.revoked_at.is_(None)
    if not conn.execute(update(script_token).where(where).values(revoked_at=now)).rowcount:
        raise SerenoError(f"there is no token {jti!r} that is still good; 'sereno token --list' shows them")


def issue_script_token(conn: Connection, key: bytes, name: str, days: int, now: int) -> tuple[str, ScriptToken]:
    """A token for a script, and how it is remembered; raises UsageError, SerenoError. ``now`` is µs."""
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"a token is good for 1 to {LONGEST_DAYS} days, not {days}")
    account = account_named(conn, name)
    issued = now // 1_000_000
    claims = Claims(name, account.version, uuid.uuid4().hex, issued, issued + days * 86_400, script=True)
    remembered = ScriptToken(claims.jti, name, claims.expires_at * 1_000_000, now)
    add_script_token(conn, remembered)
    return sign(claims, key), remembered
