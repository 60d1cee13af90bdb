"""The sensors that the configuration names, held against those that are known."""

import logging
from collections.abc import Iterator, Sequence

from daemon.config import Config
from daemon.entities import Sensor

log = logging.getLogger("sereno")


class NamedSensors:
    """Warns, once in a run, of each name that no sensor has as key or name."""

    def __init__(self, config: Config) -> None:
        self._untold = list(_named(config))

    def tell_unknown(self, sensors: Sequence[Sensor]) -> None:
        """Before the first sensor is known nobody can have a name: then nothing is said, and it can be asked again."""
        if not sensors:
            return
        known = {word for sensor in sensors for word in (*sensor.keys, sensor.name)}
        for place, name, unwatched in self._untold:
            if name not in known:
                log.warning(
                    '%s: no sensor has the key or name "%s"; %s until one has; `sereno sensors` lists the names',
                    place,
                    name,
                    unwatched,
                )
        self._untold.clear()


def _named(config: Config) -> Iterator[tuple[str, str, str]]:
    """(place in the configuration, name, what does not happen without it)."""
    if config.risks.outside is not None:
        yield "risks.outside", config.risks.outside, "no temperature outdoors is watched"
    for index, limit in enumerate(config.forecast.limits):
        yield f"forecast.limits[{index}].sensor", limit.sensor, "nothing is watched for this limit"
