"""Accounts and script tokens, with no daemon running."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from daemon import accounts
from daemon.accounts import Role
from daemon.errors import SerenoError, UsageError
from daemon.events import Channel
from daemon.schema import open_database
from daemon.tokens import check

AT = 1_753_007_400_000_000
KEY = b"k" * 32


@pytest.fixture(scope="module")
def password_hash() -> str:
    return accounts.hash_password("correct horse")


@pytest.fixture(params=["sqlite", "postgresql"])
def conn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    url = "sqlite:///test.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database, _ = open_database(url, tmp_path)
    with database.writer.begin() as connection:
        yield connection
    database.close()


def test_a_password_is_known_by_its_hash_alone(password_hash: str) -> None:
    assert "correct horse" not in password_hash
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert accounts.check_password("correct horse", password_hash)
    assert not accounts.check_password("correct horse ", password_hash)
    assert not accounts.check_password("correct horse", "no hash")
    assert not accounts.check_password("correct horse", accounts.DUMMY_HASH)


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_has_a_sane_length(password: str) -> None:
    with pytest.raises(UsageError, match="8 to 1024"):
        accounts.hash_password(password)


def test_roles_stand_in_order() -> None:
    allowed = {role: [needed for needed in Role if role.allows(needed)] for role in Role}
    assert allowed == {
        Role.VIEWER: [Role.VIEWER],
        Role.OPERATOR: [Role.VIEWER, Role.OPERATOR],
        Role.ADMIN: [Role.VIEWER, Role.OPERATOR, Role.ADMIN],
    }


def test_an_account_is_added_changed_and_removed(conn: Connection, password_hash: str) -> None:
    ana = accounts.add_account(conn, "ana", password_hash, Role.VIEWER, AT)
    assert ana.channels == frozenset(Channel)
    few = accounts.add_account(conn, "luis", password_hash, Role.ADMIN, AT, [Channel.READINGS, Channel.SENSORS])
    assert few.channels == {Channel.READINGS, Channel.SENSORS}
    assert list(accounts.accounts(conn)) == ["ana", "luis"]
    changed = accounts.change_account(conn, "ana", AT + 1, role=Role.OPERATOR, channels=[Channel.GENERAL])
    assert (changed.role, changed.channels, changed.updated_at) == (Role.OPERATOR, {Channel.GENERAL}, AT + 1)
    assert changed.version == ana.version + 1
    assert accounts.change_account(conn, "ana", AT + 2, password_hash="x").password_hash == "x"
    accounts.remove_account(conn, "ana")
    assert list(accounts.accounts(conn)) == ["luis"]


def test_whoever_gets_a_removed_name_does_not_get_its_tokens(conn: Connection, password_hash: str) -> None:
    versions = set()
    for _ in range(3):
        versions.add(accounts.add_account(conn, "ana", password_hash, Role.VIEWER, AT).version)
        accounts.remove_account(conn, "ana")
    assert len(versions) == 3


@pytest.mark.parametrize("name", ["", " ana", "ana maría", "-ana", "x" * 65, "ana\0", "ana\n", "../ana", "\ud800"])
def test_a_name_is_a_plain_word(conn: Connection, name: str) -> None:
    with pytest.raises(UsageError, match="no account name"):
        accounts.add_account(conn, name, "x", Role.VIEWER, AT)


def test_faults_say_what_to_do(conn: Connection, password_hash: str) -> None:
    accounts.add_account(conn, "ana", password_hash, Role.VIEWER, AT)
    with pytest.raises(SerenoError, match="sereno user password ana"):
        accounts.add_account(conn, "ana", password_hash, Role.VIEWER, AT)
    with pytest.raises(UsageError, match="at least one channel"):
        accounts.add_account(conn, "luis", password_hash, Role.VIEWER, AT, [])
    for work in (
        lambda: accounts.change_account(conn, "luis", AT),
        lambda: accounts.remove_account(conn, "luis"),
        lambda: accounts.account_named(conn, "luis"),
        lambda: accounts.issue_script_token(conn, KEY, "luis", 1, AT),
    ):
        with pytest.raises(SerenoError, match="sereno user list"):
            work()
    with pytest.raises(SerenoError, match="no token"):
        accounts.revoke_script_token(conn, "unknown", AT)


def test_a_script_token_lives_for_days_and_can_be_revoked(conn: Connection, password_hash: str) -> None:
    ana = accounts.add_account(conn, "ana", password_hash, Role.VIEWER, AT)
    token, remembered = accounts.issue_script_token(conn, KEY, "ana", 30, AT)
    claims = check(token, KEY, AT // 1_000_000)
    assert (claims.subject, claims.version, claims.script) == ("ana", ana.version, True)
    assert claims.expires_at == AT // 1_000_000 + 30 * 86_400
    assert accounts.script_tokens(conn) == [remembered]
    accounts.revoke_script_token(conn, remembered.jti, AT + 5)
    assert accounts.script_tokens(conn)[0].revoked_at == AT + 5
    with pytest.raises(SerenoError, match="still good"):
        accounts.revoke_script_token(conn, remembered.jti, AT + 6)
    accounts.remove_account(conn, "ana")
    assert accounts.script_tokens(conn) == []


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_script_token_lives_for_a_year_at_most(conn: Connection, days: int) -> None:
    with pytest.raises(UsageError, match="1 to 365 days"):
        accounts.issue_script_token(conn, KEY, "ana", days, AT)


def test_the_hash_for_nobody_costs_what_a_real_one_costs() -> None:
    argon2, version, costs, _, _ = accounts.DUMMY_HASH.split("$")[1:]
    assert accounts.hash_password("a long password").startswith(f"${argon2}${version}${costs}$")
    assert not accounts.check_password("a long password", accounts.DUMMY_HASH)
