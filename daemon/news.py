"""The system's own news in words: Spanish with an English twin."""

from daemon.api.schemas import wire_time
from daemon.batches import DatabaseState
from daemon.clock import Step
from daemon.events import Level, SystemEvent
from daemon.schema import Preparation
from daemon.supervisor import DriverState, Supervisor


def started(version: str, now: int) -> SystemEvent:
    data = {"module": "sereno", "version": version}
    return SystemEvent(Level.INFO, "started", "Sistema iniciado correctamente", "The system has started", now, data)


def stopping(now: int) -> SystemEvent:
    return SystemEvent(Level.INFO, "stopping", "El sistema se detiene", "The system is stopping", now)


def driver(supervisor: Supervisor, now: int) -> SystemEvent:
    name, connection = supervisor.source.name, supervisor.connection
    data = {"driver": name, "tipo": supervisor.kind}
    if connection.state is DriverState.UP and supervisor.details().get("session_lost"):
        return SystemEvent(
            Level.WARNING,
            "session_lost",
            f"El controlador {name} está en marcha, pero el broker olvidó la sesión: lo que guardaba se ha perdido",
            f"Driver {name} is up, but the broker forgot the session: what it kept meanwhile is lost",
            now,
            data,
        )
    if connection.state is DriverState.UP:
        return SystemEvent(
            Level.INFO, "driver_up", f"El controlador {name} está en marcha", f"Driver {name} is up", now, data
        )
    if connection.state is DriverState.FINISHED:
        return SystemEvent(
            Level.INFO,
            "driver_finished",
            f"El controlador {name} ha leído su fuente hasta el final",
            f"Driver {name} has read its source to the end",
            now,
            data,
        )
    return SystemEvent(
        Level.WARNING,
        "driver_down",
        f"El controlador {name} no está disponible: {connection.reason}",
        f"Driver {name} is down: {connection.reason}",
        now,
        data,
    )


def broker(*, up: bool, reason: str | None, now: int) -> SystemEvent:
    if up:
        return SystemEvent(
            Level.INFO, "broker_up", "El broker MQTT integrado está en marcha", "The embedded MQTT broker is up", now
        )
    return SystemEvent(
        Level.WARNING,
        "broker_down",
        f"El broker MQTT integrado se ha detenido: {reason}",
        f"The embedded MQTT broker is down: {reason}",
        now,
    )


def database(state: DatabaseState, now: int) -> SystemEvent:
    if state.up:
        return SystemEvent(
            Level.INFO, "database_up", "La base de datos vuelve a aceptar datos", "The database takes rows again", now
        )
    return SystemEvent(
        Level.ERROR,
        "database_down",
        f"La base de datos no acepta datos: {state.reason}",
        f"The database takes no rows: {state.reason}",
        now,
    )


def prepared(preparation: Preparation, now: int) -> list[SystemEvent]:
    """What had to be done to the database before it could be used."""
    told = []
    if preparation.moved_aside is not None:
        name, damage = preparation.moved_aside.name, preparation.damage
        told.append(
            SystemEvent(
                Level.ERROR,
                "database_moved_aside",
                f"La base de datos estaba dañada ({damage}); se guardó como {name} y se empezó una nueva",
                f"The database was damaged ({damage}); it was kept as {name} and a new one was begun",
                now,
                {"archivo": name},
            )
        )
    if preparation.upgraded_from is not None:
        copy = preparation.copied_to.name if preparation.copied_to is not None else None
        told.append(
            SystemEvent(
                Level.INFO,
                "database_upgraded",
                "La base de datos se actualizó a esta versión"
                + (f"; la anterior se guardó como {copy}" if copy else ""),
                "The database was upgraded to this version" + (f"; the older one was kept as {copy}" if copy else ""),
                now,
                {"desde": preparation.upgraded_from, "copia": copy},
            )
        )
    return told


def trained(keys: list[str], seconds: float, now: int) -> SystemEvent:
    keys = list(dict.fromkeys(keys))  # one that was fitted twice while its past came in is one sensor
    some = ", ".join(keys[:5]) + (" …" if len(keys) > 5 else "")
    sensores, sensors = ("sensor", "sensor") if len(keys) == 1 else ("sensores", "sensors")
    return SystemEvent(
        Level.INFO,
        "model_trained",
        f"Modelos entrenados para {len(keys)} {sensores} en {f'{seconds:.1f}'.replace('.', ',')} s: {some}",
        f"Models trained for {len(keys)} {sensors} in {seconds:.1f} s: {some}",
        now,
        {"sensores": len(keys), "segundos": round(seconds, 1)},
    )


def clock_stepped(step: Step, now: int) -> SystemEvent:
    seconds = step.by / 1e6
    return SystemEvent(
        Level.WARNING,
        "clock_stepped",
        f"El reloj del sistema saltó {seconds:+.1f} s; ahora son las {wire_time(now)}",
        f"The system clock stepped by {seconds:+.1f} s; it is now {wire_time(now)}",
        now,
        {"segundos": round(seconds, 3)},
    )
