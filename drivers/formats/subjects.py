"""Who a line of text speaks of: the headings before its first label (``Kitchen: T=21.5``, ``[Attic] Temp: 21.5``)."""

import re
from functools import lru_cache

from drivers.formats.names import LONGEST_NAME, read_letter, read_name, refusal_around
from drivers.formats.values import FAILURE_WORDS
from drivers.formats.vocabulary import NEUTRAL
from drivers.formats.words import words

_MOST_HEADINGS = 4
"""Headings before one label: ``[INFO] Room: Kitchen, Temp: 21.5`` has three."""
_TIME = re.compile(r"[\s\[(<]*[0-9][0-9:./TZ+-]{3,31}(?:[\s,]+[0-9][0-9:.]{3,15})?[\s\])>,;|-]+")
_HEADING = re.compile(
    r"[\s\[({<\"'*=#-]*(?P<name>[^\W\d_][\w .#'-]{0,40}?)\s*(?:[\])}>\"']+\s?:?|[:|,;\t]|[-=]>|\s-+(?=\s))\s*"
)

_OF_MESSAGES = frozenset(
    words(
        """info debug warn warning error err trace verbose log notice main loop setup task app serial mqtt wifi lora
        espnow http udp tcp ble rf json csv uart publish published publishing send sending sent receive received
        receiving recv rx tx message msg packet pkt payload incoming outgoing topic uplink downlink from weather climate
        environment update updated report result results output print status state on off true false yes no normal high
        low alarm alert ready done start started time uptime millis date count counter cycle iteration run frame line
        record entry row nr num number test try attempt step round nº id
        lectura lecturas leyendo medicion mediciones medida medidas muestra datos dato valores enviando enviado recibido
        recibiendo estado resultado clima tiempo hora fecha desde
        messung messungen messwerte werte daten empfangen gesendet sende ergebnis wetter zeit uhrzeit datum von
        mesure mesures lecture donnees donnee valeurs envoi envoye recu etat resultat meteo heure
        misura misure lettura letture dati valori inviato ricevuto stato risultato ora
        medicao medicoes leitura leituras dados enviado recebido
        pomiar odczyt dane meting metingen waarden gegevens matning maling olcum veri mereni"""
    )
)
"""What a heading says of the message and not of who measured; levels of a log, states, counters."""
_LOG_LEVELS = frozenset("dewiv")
_ACCENTS = str.maketrans("áàâãäåéèêëíìîïóòôõöúùûüñç", "aaaaaaeeeeiiiiooooouuuunc")


def read_heading(line: str, label: str) -> str:
    """The sensor or place that stands over ``label``, the line's first; "" where none does, or another text between."""
    time = _TIME.match(line)
    place, subject = time.end() if time else 0, ""
    for _ in range(_MOST_HEADINGS):
        if line.startswith(label, place):
            return subject
        heading = _HEADING.match(line, place)
        if heading is None:
            return ""
        subject, place = read_subject(heading["name"]) or subject, heading.end()
    return subject if line.startswith(label, place) else ""


@lru_cache(maxsize=1024)
def read_subject(text: str) -> str:
    """The name of a sensor or place that a heading gives; "" where it speaks of the message, or is a quantity.

    A message's words before the name fall off (``Received from Kitchen``); a number alone counts messages.
    """
    if len(text) > LONGEST_NAME or read_letter(text).quantity is not None or read_name(f"{text} temperature").refusal:
        return ""
    told = text.split()
    while told and _plain(told[0]) in _OF_MESSAGES:
        del told[0]
    names = [word for word in map(_plain, told) if word not in NEUTRAL and not word.isdecimal()]
    if not names or not _OF_MESSAGES.isdisjoint(names) or not FAILURE_WORDS.isdisjoint(names):
        return ""
    return "" if len(told) == 1 and names[0] in _LOG_LEVELS else " ".join(told)


def refusal_under(heading: str, quantity: str) -> bool:
    """Whether what stands under the heading is no measurement of the air now: ``Max: T=25``, ``Soil: Humidity: 40``."""
    return bool(heading) and bool(refusal_around(heading, quantity))


def _plain(word: str) -> str:
    return word.strip("#.'-_").lower().translate(_ACCENTS)
