"""One plain sentence on what a detector saw: which feature, what was seen, what was expected; Spanish and English."""

from ml.base import Score

_NAMES = {"temperature": ("la temperatura", "temperature"), "humidity": ("la humedad", "humidity")}
_UNITS = {"temperature": " °C", "humidity": " %"}

_SENTENCES: dict[str, tuple[str, str]] = {
    "jump": (
        "{name} saltó de {expected} a {seen} de una lectura a la siguiente",
        "{name} jumped from {expected} to {seen} from one reading to the next",
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
    "impossible": (
        "{name} da un valor imposible: {seen}, tras {expected}",
        "{name} gives an impossible value: {seen}, after {expected}",
    ),
    "failed": (
        "el sensor no consigue leer {name}; lo último fue {expected}",
        "the sensor cannot read {name}; the last value was {expected}",
    ),
}


def explain(score: Score) -> tuple[str, str]:
    """(Spanish, English); each starts with a capital and ends with a full stop."""
    spanish_name, english_name = _NAMES.get(score.quantity, ("el valor", "the value"))
    in_spanish, in_english = _SENTENCES[score.feature]
    if score.feature == "unchanged":
        shown = {"seen": _span(score.seen), "expected": _span(score.expected)}
    else:
        shown = {"seen": _amount(score.seen, score.quantity), "expected": _amount(score.expected, score.quantity)}
    spanish = in_spanish.format(name=spanish_name, **{key: value.replace(".", ",") for key, value in shown.items()})
    return _sentence(spanish), _sentence(in_english.format(name=english_name, **shown))


def _amount(value: float, quantity: str) -> str:
    return f"{value:.1f}{_UNITS.get(quantity, '')}"


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
