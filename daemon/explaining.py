"""What a detector saw in plain words: which feature, seen against expected, since when, what it looks like."""

from ml.base import Cause, Score

_NAMES = {"temperature": ("la temperatura", "temperature"), "humidity": ("la humedad", "humidity")}
_UNITS = {"temperature": " °C", "humidity": " %"}

_SENTENCES: dict[str, tuple[str, str]] = {
    "jump": (
        "{name} saltó de {expected} a {seen} de una lectura a la siguiente",
        "{name} jumped from {expected} to {seen} from one reading to the next",
    ),
    "spike": (
        "{name} dio {seen} por un momento y ha vuelto a {expected}",
        "{name} read {seen} for a moment and is back at {expected}",
    ),
    "local": (
        "{name} marca {seen}; la media de la última hora es {expected}",
        "{name} reads {seen}; the mean of the last hour is {expected}",
    ),
    "noise": (
        "{name} está mucho más inquieta de lo habitual: oscila {seen} entre lecturas",
        "{name} is far more restless than usual: it swings by {seen} between readings",
    ),
    "medium": (
        "{name} lleva media hora en {seen}; lo habitual del último medio día es {expected}",
        "{name} has been at {seen} for half an hour; half a day's usual is {expected}",
    ),
    "level": (
        "{name} lleva unas tres horas en {seen}; el nivel de los últimos tres días es {expected}",
        "{name} has been at {seen} for about three hours; the level of the last three days is {expected}",
    ),
    "drift": (
        "{name} se aparta poco a poco: media de un día {seen}, de diez días {expected}",
        "{name} is drifting away: mean of a day {seen}, of ten days {expected}",
    ),
    "season": (
        "{name} está en {seen}; a esta hora del día se esperaba {expected}",
        "{name} is at {seen}; at this time of day {expected} was expected",
    ),
    "unchanged": (
        "{name} lleva {seen} sin cambiar; lo habitual es que cambie mucho antes",
        "{name} has not changed for {seen}; usually it changes much sooner",
    ),
    "range": (
        "{name} ha variado {seen} en las últimas 24 h; lo habitual es {expected}",
        "{name} has varied by {seen} in the last 24 h; the usual span is {expected}",
    ),
    "shape": (
        "{name} no sigue el ritmo habitual del día: se ven {seen} de los {expected} de vaivén esperado",
        "{name} does not follow its usual day: {seen} of the expected swing of {expected} are seen",
    ),
    "away": (
        "{name} lleva {since} en torno a {seen}; su nivel de los últimos días es {expected}",
        "{name} has been at about {seen} for {since}; its level of the last days is {expected}",
    ),
    "apart": (
        "{name} marca {seen}; por los sensores vecinos se esperaba {expected}, y así desde hace {since}",
        "{name} reads {seen}; from the neighbouring sensors {expected} was expected, and so for {since}",
    ),
    "flat": (
        "{name} apenas ha variado {seen} en un día; lo habitual es {expected}",
        "{name} has moved by only {seen} in a day; the usual span is {expected}",
    ),
    "impossible": (
        "{name} da un valor imposible: {seen}, tras {expected}",
        "{name} gives an impossible value: {seen}, after {expected}",
    ),
    "failed": (
        "el sensor no consigue leer {name}; lo último fue {expected}",
        "the sensor cannot read {name}; the last value was {expected}",
    ),
}


_LOOKS_LIKE: dict[Cause, tuple[str, str]] = {
    Cause.STUCK: ("parece el sensor: atascado", "it looks like the sensor: stuck"),
    Cause.DRIFTING: ("parece el sensor: se está descalibrando", "it looks like the sensor: drifting"),
    Cause.DISCONNECTED: ("parece el sensor: desconectado", "it looks like the sensor: disconnected"),
    Cause.GLITCHING: ("parece el sensor: un fallo de lectura", "it looks like the sensor: a glitch"),
    Cause.NOISY: (
        "parece el sensor: mal contacto o interferencias",
        "it looks like the sensor: a loose wire or interference",
    ),
    Cause.COLDER: (
        "parece la sala: ventana abierta o calefacción apagada",
        "it looks like the room: a window open or the heating off",
    ),
    Cause.WARMER: (
        "parece la sala: calefacción, sol o una máquina",
        "it looks like the room: heating, sun or a machine",
    ),
    Cause.WET: ("parece la sala: vapor o agua", "it looks like the room: steam or water"),
    Cause.DRY: ("parece la sala: ventilación o calefacción", "it looks like the room: airing or heating"),
    Cause.UNCLEAR: ("puede ser el sensor o la sala", "it may be the sensor or the room"),
}


def explain(score: Score) -> tuple[str, str]:
    """(Spanish, English); each starts with a capital and ends with a full stop."""
    spanish_name, english_name = _NAMES.get(score.quantity, ("el valor", "the value"))
    in_spanish, in_english = _SENTENCES[score.feature]
    if score.feature == "unchanged":
        shown = {"seen": _span(score.seen), "expected": _span(score.expected)}
    else:
        shown = {"seen": _amount(score.seen, score.quantity), "expected": _amount(score.expected, score.quantity)}
    shown["since"] = _span(max(0.0, score.time - score.since))
    spanish = in_spanish.format(name=spanish_name, **{key: value.replace(".", ",") for key, value in shown.items()})
    looks_spanish, looks_english = _LOOKS_LIKE[score.cause]
    english = in_english.format(name=english_name, **shown)
    return _sentence(f"{spanish}; {looks_spanish}"), _sentence(f"{english}; {looks_english}")


def _amount(value: float, quantity: str) -> str:
    return f"{value:.1f}{_UNITS.get(quantity, '')}"


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
