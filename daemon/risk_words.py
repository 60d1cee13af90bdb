"""What threatens a place in plain words, Spanish and English: how much, of what, and what stands behind it."""

import math

from ml.risks import GROUND_COLDER, Assessment, Level, Risk

_HEADS = {
    Risk.FROST: ("Helada", "Frost"),
    Risk.CONDENSATION: ("Condensación", "Condensation"),
    Risk.MOULD: ("Moho", "Mould"),
    Risk.DROUGHT: ("Estrés hídrico", "Drought stress"),
}
_GROUND = (
    f" El suelo puede helarse antes: en noches claras está unos {GROUND_COLDER:.0f} K más frío que el aire.",
    f" The ground may freeze before: in clear nights it is some {GROUND_COLDER:.0f} K colder than the air.",
)
_WORSE = {
    Risk.MOULD: ("Moho visible", "Visible mould"),
    Risk.DROUGHT: ("Estrés hídrico grave", "Severe drought stress"),
}

_LEAST = 0.05
"""The probability that stands for itself and all below it."""


def heads(risk: Risk, level: Level, place: str) -> tuple[str, str]:
    """How the sentences of a risk at a level begin (Spanish, English); the English one a warning is known by."""
    spanish, english = _WORSE.get(risk, _HEADS[risk]) if level is Level.HIGH else _HEADS[risk]
    return f"{spanish} en {place}:", f"{english} at {place}:"


def say(found: Assessment, place: str) -> tuple[str, str]:
    """(Spanish, English)."""
    tell = {Risk.FROST: _frost, Risk.CONDENSATION: _condensation, Risk.MOULD: _mould, Risk.DROUGHT: _drought}
    spanish, english = tell[found.risk](found)
    in_spanish, in_english = heads(found.risk, found.level, place)
    return f"{in_spanish} {spanish}", f"{in_english} {english}"


def _frost(found: Assessment) -> tuple[str, str]:
    (percent, por_ciento), (when, cuando) = _percent(found.degree), _when(found.lead)
    if found.now:
        spanish, english = "el aire del sensor está a 0 °C o menos", "the air at the sensor is at 0 °C or below"
    else:
        spanish = f"{por_ciento} de que el aire del sensor llegue a 0 °C"
        english = f"{percent} that the air at the sensor falls to 0 °C"
        if found.degree > _LEAST:  # what will not be there has no likely time
            spanish, english = f"{spanish}, sobre todo {cuando}", f"{english}, most likely {when}"
    lowest = f"{found.figure:.0f} °C".replace("-0 °C", "0 °C")
    suelo, ground = _GROUND if found.figure <= GROUND_COLDER else ("", "")
    return (
        f"{spanish}; se espera una mínima de {lowest}.{suelo}",
        f"{english}; the lowest expected is {lowest}.{ground}",
    )


def _condensation(found: Assessment) -> tuple[str, str]:
    (percent, por_ciento), (when, cuando) = _percent(found.degree), _when(found.lead)
    return (
        f"{por_ciento} de que se moje la superficie más fría, de unos {found.figure:.0f} °C, sobre todo {cuando}.",
        f"{percent} that the coldest surface, of about {found.figure:.0f} °C, gets wet, most likely {when}.",
    )


def _mould(found: Assessment) -> tuple[str, str]:
    index = f"{found.degree:.1f}"
    spanish = f"índice {_coma(index)} de 6 (modelo VTT, madera de pino en la superficie más fría)"
    english = f"index {index} of 6 (VTT model, pine wood at the coldest surface)"
    if not math.isnan(found.figure):
        spanish += f", cuya humedad media del último día es {found.figure:.0f} %"
        english += f", whose mean humidity of the last day is {found.figure:.0f} %"
    return (
        f"{spanish}; {'crece ahora' if found.now else 'ahora no crece'}.",
        f"{english}; {'it is growing now' if found.now else 'it is not growing now'}.",
    )


def _drought(found: Assessment) -> tuple[str, str]:
    index, hours = f"{found.degree:.1f}", f"{found.figure:.0f} h"
    spanish = (
        f"índice {_coma(index)} de 1 para plantas (no es una probabilidad); en el último día el déficit de presión"
    )
    english = f"index {index} of 1 for plants (no probability); in the last day the vapour pressure deficit was above"
    return f"{spanish} de vapor superó 1,2 kPa durante {hours}.", f"{english} 1.2 kPa for {hours}."


def _percent(probability: float) -> tuple[str, str]:
    """(English, Spanish); the ends of the scale stand for all that is beyond them."""
    percent = f"{100 * probability:.0f} %"
    if probability <= _LEAST:
        return f"{percent} or less", f"un {percent} o menos"
    return (f"{percent} or more", f"un {percent} o más") if probability >= 0.95 else (percent, f"un {percent}")


def _when(lead: float) -> tuple[str, str]:
    """(English, Spanish)."""
    minutes = round(lead / 60)
    if not minutes:
        return "now", "ahora"
    if minutes < 120:
        return f"in about {minutes} min", f"dentro de unos {minutes} min"
    return f"in about {lead / 3600:.0f} h", f"dentro de unas {lead / 3600:.0f} h"


def _coma(number: str) -> str:
    return number.replace(".", ",")
