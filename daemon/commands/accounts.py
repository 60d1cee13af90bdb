"""``sereno user`` and ``sereno token``: accounts and scripts' tokens, in the database of a daemon that runs or not."""

import sys
import time

import typer

from daemon import accounts
from daemon.accounts import Role, ScriptToken
from daemon.commands.console import now, out, plain, print_json, say, table
from daemon.commands.place import database
from daemon.config import Config
from daemon.errors import UsageError
from daemon.events import Channel
from daemon.state import StateFolder
from daemon.tokens import load_key


def add(config: Config, folder: StateFolder, name: str, role: str, channels: str | None, *, from_stdin: bool) -> None:
    """Make an account, with a password that is asked for. ``channels``: separated by commas, None: all."""
    allowed = _channels(channels)
    password_hash = accounts.hash_password(_password(name, from_stdin=from_stdin))
    with database(config, folder) as opened, opened.writer.begin() as connection:
        made = accounts.add_account(connection, name, password_hash, Role(role), _now_us(), allowed)
    say(f"{made.name} may sign in as {made.role}: {_words(made.channels)}", "green")
    if config.auth.mode == "open":
        say("auth.mode is open: nobody is asked to sign in until it is secured", "yellow")


def password(config: Config, folder: StateFolder, name: str, *, from_stdin: bool) -> None:
    """Change an account's password; every token of it ends."""
    password_hash = accounts.hash_password(_password(name, from_stdin=from_stdin))
    with database(config, folder) as opened, opened.writer.begin() as connection:
        accounts.change_account(connection, name, _now_us(), password_hash=password_hash)
    say(f"{name} has a new password; its tokens have ended", "green")


def remove(config: Config, folder: StateFolder, name: str) -> None:
    """Remove an account; its tokens and connections end."""
    with database(config, folder) as opened, opened.writer.begin() as connection:
        accounts.remove_account(connection, name)
    say(f"{name} may no longer sign in", "green")


def show(config: Config, folder: StateFolder, *, as_json: bool) -> None:
    """Every account with its role and channels."""
    with database(config, folder) as opened, opened.readers.connect() as connection:
        found = list(accounts.accounts(connection).values())
    if as_json:
        print_json([{"name": one.name, "role": one.role, "channels": sorted(one.channels)} for one in found])
        return
    if not found:
        say("there are no accounts; sereno user add NAME --role admin makes one", "yellow")
        return
    made = table("name", "role", "channels")
    for one in found:
        made.add_row(plain(one.name), one.role, _words(one.channels))
    out.print(made)


def token(config: Config, folder: StateFolder, name: str, days: int) -> None:
    """Print a token for a script that acts as ``name``; it can be revoked by its id."""
    key = load_key(config.auth, folder.path)
    with database(config, folder) as opened, opened.writer.begin() as connection:
        text, issued = accounts.issue_script_token(connection, key, name, days, _now_us())
    say(f"token {issued.jti} of {name}, good for {days} days; shown once:", "dim")
    sys.stdout.write(text + "\n")


def show_tokens(config: Config, folder: StateFolder, *, as_json: bool) -> None:
    """Every script token, newest first; the tokens themselves are not kept."""
    with database(config, folder) as opened, opened.readers.connect() as connection:
        found = accounts.script_tokens(connection)
    rows = [(one.jti, one.account, _day(one.created_at), _day(one.expires_at), _state(one)) for one in found]
    columns = ("id", "account", "made", "good until", "state")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    made = table(*columns)
    for row in rows:
        made.add_row(*map(plain, row))
    out.print(made)


def revoke(config: Config, folder: StateFolder, jti: str) -> None:
    """End one script token."""
    with database(config, folder) as opened, opened.writer.begin() as connection:
        accounts.revoke_script_token(connection, jti, _now_us())
    say(f"token {jti} has ended", "green")


def _password(name: str, *, from_stdin: bool) -> str:
    """From the first line of standard input, or asked for twice without an echo; never from the command line."""
    if from_stdin:
        return sys.stdin.readline(4096).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password; give it by --password-stdin")
    asked: str = typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
    return asked


def _channels(text: str | None) -> frozenset[Channel]:
    if text is None:
        return frozenset(Channel)
    try:
        return frozenset(Channel(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise UsageError(f"{error}; the channels are {', '.join(Channel)}") from None


def _now_us() -> int:
    return time.time_ns() // 1000


def _day(moment: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment / 1e6))


def _state(found: ScriptToken) -> str:
    if found.revoked_at is not None:
        return "revoked"
    return "expired" if found.expires_at <= now().timestamp() * 1e6 else "good"


def _words(channels: frozenset[Channel]) -> str:
    return "all channels" if len(channels) == len(Channel) else ", ".join(c for c in Channel if c in channels)
