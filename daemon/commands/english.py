"""The wire's Spanish words in English, for what commands show to people; their JSON keeps the wire's."""

from daemon.api import words

STATES = {spanish: str(state) for state, spanish in words.SENSOR_STATES.items()}
QUALITIES = {spanish: str(quality) for quality, spanish in words.QUALITIES.items()}
QUANTITIES = {spanish: english.replace("_", " ") for spanish, english in words.QUANTITIES_IN.items()}
ANOMALIES = {
    spanish: str(english).replace("_", " ")
    for words_of in (words.ANOMALY_KINDS, words.ANOMALY_STATES)
    for english, spanish in words_of.items()
}
VERDICTS = {"falsa": "false alarm", "cierta": "real"}

FIELDS = {
    "nombre": "name",
    "temperatura_min": "temperature min",
    "temperatura_max": "temperature max",
    "humedad_min": "humidity min",
    "humedad_max": "humidity max",
}
"""Fields of a sensor that commands change."""
