"""What no single key can tell: settings that contradict each other or would open the machine to strangers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from daemon.config_sources import Sources
from drivers.mqtt_settings import is_loopback

if TYPE_CHECKING:
    from daemon.config import Auth, Broker, Forecast, Server
    from drivers.settings import CommonSettings

_QUARTER = timedelta(minutes=15)
"""What forecasts are made of: horizons are rounded to it."""


def open_beyond_loopback(server: "Server", auth: "Auth", sources: Sources) -> None:
    if auth.mode == "open" and not is_loopback(server.host):
        sources.fault(
            ("server", "host"),
            f'"{server.host}" would let everyone on the network in without a password; either keep 127.0.0.1,'
            " or add a first user (sereno user add NAME --role admin) and set auth.mode: secured",
        )


def broker_beyond_loopback(broker: "Broker", sources: Sources) -> None:
    if broker.embedded and not is_loopback(broker.host) and not broker.users:
        sources.fault(
            ("broker", "host"),
            f'"{broker.host}" would let everyone on the network publish; either keep 127.0.0.1,'
            " or name who may in broker.users: [{name: kitchen, password_file: kitchen.secret}]",
        )


def broker_users(broker: "Broker", sources: Sources) -> None:
    for name in _repeated([user.name for user in broker.users]):
        sources.fault(("broker", "users"), f'"{name}" stands twice; names are unique')
    for index, user in enumerate(broker.users):
        if user.password is None and user.password_file is None:
            sources.fault(("broker", "users", index), f'"{user.name}" has neither password nor password_file')


def one_port_for_two(server: "Server", broker: "Broker", sources: Sources) -> None:
    if broker.embedded and server.port == broker.port:
        sources.fault(("broker", "port"), f"{broker.port} is the web server's port too (server.port); 1883 is usual")


def signing_key(auth: "Auth", sources: Sources) -> None:
    if auth.key is not None and len(auth.key.get_secret_value()) < 32:
        key = "key_file" if auth.key_file else "key"
        sources.fault(("auth", key), "the key has fewer than 32 characters; `openssl rand -hex 32` makes a good one")


def repeated_horizons(forecast: "Forecast", sources: Sources) -> None:
    quarters = [max(1, round(horizon / _QUARTER)) for horizon in forecast.horizons]
    if len(set(quarters)) != len(quarters):
        sources.fault(("forecast", "horizons"), "one horizon stands twice, in whole quarters of an hour; remove it")


_MEASURED = {
    "temperature": (-100, 200, "°C is beyond what sensors measure"),
    "humidity": (0, 100, "% is no humidity"),
}
"""Between what a bound must lie, and what one beyond it is."""


def named_limits(forecast: "Forecast", sources: Sources) -> None:
    for name in _repeated([limit.name for limit in forecast.limits]):
        sources.fault(("forecast", "limits"), f'"{name}" stands twice; names are unique')
    for index, limit in enumerate(forecast.limits):
        if limit.below is None and limit.above is None:
            problem = f'"{limit.name}" has no bound; write above: or below: and a value in °C or %'
            sources.fault(("forecast", "limits", index), problem)
        least, most, wrong = _MEASURED[limit.quantity]
        for key, bound in (("below", limit.below), ("above", limit.above)):
            if bound is not None and not least <= bound <= most:
                problem = f"{bound:g} {wrong}; write {least} to {most}"
                sources.fault(("forecast", "limits", index, key), problem)
        if limit.below is not None and limit.above is not None and limit.below >= limit.above:
            problem = (
                f"{limit.below:g} is not less than above: {limit.above:g}; what lies between them is allowed,"
                " so write the lower one as below:"
            )
            sources.fault(("forecast", "limits", index, "below"), problem)


def driver_names(drivers: Sequence["CommonSettings | None"], sources: Sources) -> None:
    seen: dict[str, int] = {}
    for index, settings in enumerate(drivers):
        if settings is None:
            continue
        first = seen.setdefault(settings.name, index)
        if first != index:
            problem = f'"{settings.name}" is already the name of drivers[{first}]; names are unique'
            sources.fault(("drivers", index, "name"), problem)


def embedded_without_broker(drivers: Sequence["CommonSettings | None"], broker: "Broker", sources: Sources) -> None:
    for index, settings in enumerate(drivers):
        if getattr(settings, "url", None) == "embedded" and not broker.embedded:
            problem = "embedded needs broker.embedded: true; or write the broker's address: mqtt://host:1883"
            sources.fault(("drivers", index, "url"), problem)


RULES: Sequence[tuple[Callable[..., None], tuple[str, ...]]] = (
    (open_beyond_loopback, ("server", "auth")),
    (broker_beyond_loopback, ("broker",)),
    (broker_users, ("broker",)),
    (one_port_for_two, ("server", "broker")),
    (signing_key, ("auth",)),
    (repeated_horizons, ("forecast",)),
    (named_limits, ("forecast",)),
    (driver_names, ("drivers",)),
    (embedded_without_broker, ("drivers", "broker")),
)
"""Each rule with the sections it compares; it is skipped while one of them has faults of its own."""


def contradictions(sections: Mapping[str, Any], sources: Sources) -> None:
    """Apply every rule whose sections are there."""
    for rule, names in RULES:
        if all(sections.get(name) is not None for name in names):
            rule(*(sections[name] for name in names), sources)


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
