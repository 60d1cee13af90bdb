"""Who is asking: signs users in, judges their tokens, and notices when an account changes.

Routes and sockets ask :meth:`Authenticator.verify`; what a path needs is decided in ``daemon.api.gate``.
"""

import asyncio
import ipaddress
import logging
import math
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from daemon import accounts, tokens
from daemon.accounts import DUMMY_HASH, Account, Role, ScriptToken
from daemon.api.throttle import Buckets
from daemon.events import Channel
from daemon.tokens import Claims, Refused

__all__ = ["Authenticator", "Principal", "Refused", "SignedIn", "TryLater"]

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL = 0.5  # s; accounts are changed from outside, by the command line, and a change counts within 1 s
HASHES_AT_ONCE = 2  # each takes 19 MiB and a core for some 50 ms
HASHES_WAITING = 40  # some 1 s of waiting; whoever comes later is told to come again
# Never more than 100 failures an hour for one account (OWASP ASVS 4, 2.2.1).
ACCOUNT_FAILURES = {"capacity": 10, "per_hour": 90}
ADDRESS_FAILURES = {"capacity": 50, "per_hour": 360}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a good token speaks for. ``expires_at`` is s since 1970 UTC."""

    name: str
    role: Role
    channels: frozenset[Channel]
    expires_at: int
    claims: Claims


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh token; ``expires_in`` is in seconds."""

    token: str
    expires_in: int


class TryLater(Exception):  # noqa: N818 - it is an answer
    """Too many attempts; ``after`` seconds until the next is heard."""

    def __init__(self, after: float) -> None:
        super().__init__(f"too many attempts to sign in; try again in {math.ceil(after)} s")
        self.after = math.ceil(after)


class UnknownTokenError(Refused):
    """A good signature for an account or a script token that the accounts last seen do not hold."""


@dataclass(frozen=True, slots=True)
class _Known:
    accounts: Mapping[str, Account]
    scripts: Mapping[str, ScriptToken]


def _load(conn: Connection) -> _Known:
    return _Known(accounts.accounts(conn), {token.jti: token for token in accounts.script_tokens(conn)})


class Authenticator:
    """``read`` runs a query off the loop, ``now`` is wall-clock µs, ``lifetime`` a token's seconds.

    Call :meth:`refresh` once before the first token is judged, and keep :meth:`watch` running.
    """

    def __init__(
        self,
        *,
        key: bytes,
        lifetime: float,
        read: Callable[[Callable[[Connection], _Known]], Awaitable[_Known]],
        now: Callable[[], int],
        clock_set: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._key = key
        self._lifetime = max(1, int(lifetime))
        self._read = read
        self._now = now
        self._clock_set = clock_set
        self._known = _Known({}, {})
        self._by_account = Buckets(**ACCOUNT_FAILURES, monotonic=monotonic)
        self._by_address = Buckets(**ADDRESS_FAILURES, monotonic=monotonic)
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._attempts = 0
        self.on_change: list[Callable[[], None]] = []
        """Called on the loop after an account or a script token changed: sockets check who may stay."""

    @property
    def has_accounts(self) -> bool:
        return bool(self._known.accounts)

    async def refresh(self) -> None:
        """Take over the accounts as they stand in the database now; raises SQLAlchemyError."""
        known = await self._read(_load)
        if known != self._known:
            self._known = known
            for notify in self.on_change:
                notify()

    async def watch(self) -> None:
        """Follow the database for ever. While it does not answer, the accounts last seen hold."""
        up = True
        while True:
            await asyncio.sleep(POLL)
            try:
                await self.refresh()
            except SQLAlchemyError as error:
                if up:
                    log.warning("accounts cannot be read, the last ones known hold: %s", error)
                up = False
            else:
                up = True

    async def admit(self, token: str) -> Principal:
        """As :meth:`verify`, but what was made a moment ago is looked for once. Raises SQLAlchemyError.

        Only who has the key can make us look: the signature is judged first.
        """
        try:
            return self.verify(token)
        except UnknownTokenError:
            await self.refresh()
            return self.verify(token)

    def verify(self, token: str) -> Principal:
        """Who the token speaks for; raises Refused with one sentence."""
        claims = tokens.check(token, self._key, self._seconds())
        return self._principal(claims)

    def ended(self, principal: Principal) -> str | None:
        """Why a principal let in earlier may stay no longer, None while it may."""
        now = self._seconds()
        if now is not None and principal.expires_at <= now:
            return "the token has expired; sign in again"
        try:
            same = self._principal(principal.claims)
        except Refused as refusal:
            return str(refusal)
        return None if same == principal else "the account has changed; sign in again"

    def _principal(self, claims: Claims) -> Principal:
        account = self._known.accounts.get(claims.subject)
        if account is None or account.version != claims.version:
            raise UnknownTokenError("the account has changed since the token was made; sign in again")
        if claims.script:
            script = self._known.scripts.get(claims.jti)
            if script is None:
                raise UnknownTokenError("the token has been revoked")
            if script.revoked_at is not None or script.account != claims.subject:
                raise Refused("the token has been revoked")
        return Principal(account.name, account.role, account.channels, claims.expires_at, claims)

    def _seconds(self) -> int | None:
        return self._now() // 1_000_000 if self._clock_set() else None

    async def login(self, name: str, password: str, address: str) -> SignedIn:
        """Sign a user in; raises Refused (the same for any cause), TryLater, SQLAlchemyError.

        An attempt counts as a failure until it has succeeded, so that many at once gain nothing.
        """
        account_key, address_key = name[:64], _network(address)
        wait = self._by_address.take(address_key)
        if not wait:
            wait = self._by_account.take(account_key)
            if wait:
                self._by_address.give_back(address_key)
        if wait:
            raise TryLater(wait)
        if self._attempts >= HASHES_WAITING:
            raise TryLater(1)
        self._attempts += 1
        try:
            account = await self._checked(name, password)
        finally:
            self._attempts -= 1
        self._by_account.give_back(account_key)
        self._by_address.give_back(address_key)
        return self._sign(account)

    async def _checked(self, name: str, password: str) -> Account:
        await self.refresh()
        account = self._known.accounts.get(name)
        password_hash = account.password_hash if account else DUMMY_HASH
        async with self._hashing:
            good = await asyncio.to_thread(accounts.check_password, password, password_hash)
        if account is None or not good:
            raise Refused("wrong user name or password")
        return account

    def _sign(self, account: Account) -> SignedIn:
        issued = self._now() // 1_000_000
        claims = Claims(account.name, account.version, uuid.uuid4().hex, issued, issued + self._lifetime)
        return SignedIn(tokens.sign(claims, self._key), self._lifetime)


def _network(address: str) -> str:
    """An IPv6 site counts as one address: its hosts choose theirs freely."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
