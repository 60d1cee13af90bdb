"""How devices word what they measure: samples in, the bytes of the wire out.

Each kind follows its makers' documentation: Tasmota's MQTT.md and AM2301.md, ESPHome's mqtt.rst and mqtt_sensor.cpp,
the Adafruit DHT library's DHTtester.ino.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from math import log
from typing import ClassVar

from drivers.emulate.faults import Sample


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message as its device publishes it."""

    topic: str
    payload: bytes
    retained: bool = False
    qos: int = 0


class Device(ABC):
    """One device: what it sends when it starts, what it reports, what the broker says when it dies."""

    kind: ClassVar[str]
    noise: ClassVar[tuple[float, float]] = (0.05, 0.3)
    """Standard deviations of a reading: °C, % (a DHT22 read at rest)."""
    failure_rate: ClassVar[float] = 0.0

    def __init__(self, name: str, interval: float) -> None:
        self.name = name
        self.interval = interval
        """Seconds between two reports."""


class Publisher(Device):
    """A device with an MQTT connection of its own."""

    @abstractmethod
    def start(self) -> Sequence[Message]:
        """What it publishes once it is connected."""

    @abstractmethod
    def report(self, sample: Sample, time: int) -> Sequence[Message]:
        """What it publishes of one sample; ``time`` is µs since 1970 UTC."""

    @abstractmethod
    def will(self) -> Message | None:
        """What the broker publishes when the connection breaks."""

    def chatter(self, sample: Sample, time: int) -> Sequence[Message]:  # noqa: ARG002 - some devices say no more
        """What it publishes along with a report that is no reading."""
        return []


class Tasmota(Publisher):
    """A Sonoff with an AM2301 (a cased DHT22): both quantities in one message, local time, null when it failed."""

    kind = "tasmota"
    failure_rate = 0.003

    def __init__(self, name: str, interval: float = 10, zone: tzinfo | None = None) -> None:
        super().__init__(name, interval)
        self._zone = zone

    def start(self) -> Sequence[Message]:
        info = {
            "Info1": {"Module": "Sonoff TH", "Version": "14.4.1(tasmota)", "FallbackTopic": f"cmnd/{self.name}_fb/"}
        }
        return [
            Message(f"tele/{self.name}/LWT", b"Online", retained=True),
            Message(f"tele/{self.name}/INFO1", _json(info)),
        ]

    def report(self, sample: Sample, time: int) -> Sequence[Message]:
        sensor: dict[str, float | None] = {
            "Temperature": _tenths(sample.temperature),
            "Humidity": _tenths(sample.humidity),
        }
        if sample.temperature is not None and sample.humidity is not None:
            sensor["DewPoint"] = _tenths(_dew_point(sample.temperature, sample.humidity))
        return [
            Message(f"tele/{self.name}/SENSOR", _json({"Time": self._clock(time), "AM2301": sensor, "TempUnit": "C"}))
        ]

    def chatter(self, sample: Sample, time: int) -> Sequence[Message]:  # noqa: ARG002 - of its own state alone
        state = {
            "Time": self._clock(time),
            "Uptime": "12T05:11:32",
            "UptimeSec": 1055492,
            "Heap": 25,
            "SleepMode": "Dynamic",
        }
        state |= {"LoadAvg": 19, "POWER": "OFF", "Wifi": {"AP": 1, "SSId": "casa", "Channel": 6, "RSSI": 74}}
        return [Message(f"tele/{self.name}/STATE", _json(state))]

    def will(self) -> Message | None:
        return Message(f"tele/{self.name}/LWT", b"Offline", retained=True)

    def _clock(self, time: int) -> str:
        moment = datetime.fromtimestamp(time // 1_000_000, UTC).astimezone(self._zone)
        return moment.strftime("%Y-%m-%dT%H:%M:%S")


class EspHome(Publisher):
    """An ESPHome node: one retained number a topic, units only in the discovery, ``nan`` when it failed."""

    kind = "esphome"
    failure_rate = 0.003

    def start(self) -> Sequence[Message]:
        found = [self._discovery("temperature", "°C"), self._discovery("humidity", "%")]
        return [*found, Message(f"{self.name}/status", b"online", retained=True)]

    def report(self, sample: Sample, time: int) -> Sequence[Message]:  # noqa: ARG002 - it knows no time
        temperature, humidity = _decimal(sample.temperature), _decimal(sample.humidity)
        return [
            Message(f"{self.name}/sensor/temperature/state", temperature.encode(), retained=True),
            Message(f"{self.name}/sensor/humidity/state", humidity.encode(), retained=True),
        ]

    def chatter(self, sample: Sample, time: int) -> Sequence[Message]:  # noqa: ARG002 - it knows no time
        temperature, humidity = _decimal(sample.temperature), _decimal(sample.humidity)
        log = f"\x1b[0;36m[D][dht:048]: Got Temperature={temperature}°C Humidity={humidity}%\x1b[0m"
        return [Message(f"{self.name}/debug", log.encode())]

    def will(self) -> Message | None:
        return Message(f"{self.name}/status", b"offline", retained=True)

    def _discovery(self, quantity: str, unit: str) -> Message:
        config = {
            "dev_cla": quantity,
            "unit_of_meas": unit,
            "stat_cla": "measurement",
            "name": quantity.capitalize(),
            "stat_t": f"{self.name}/sensor/{quantity}/state",
            "avty_t": f"{self.name}/status",
            "uniq_id": f"ESPsensor{self.name}{quantity}",
            "dev": {
                "ids": self.name,
                "name": self.name,
                "sw": "esphome v2025.6.0",
                "mdl": "esp32dev",
                "mf": "espressif",
            },
        }
        return Message(f"homeassistant/sensor/{self.name}/{quantity}/config", _json(config), retained=True)


class HomeMade(Publisher):
    """Somebody's own ESP32 with an SHT31: one JSON object, counted, QoS 1, null when it failed."""

    kind = "home-made"
    noise = (0.02, 0.15)

    def __init__(self, name: str, interval: float = 5) -> None:
        super().__init__(name, interval)
        self._count = 0

    def start(self) -> Sequence[Message]:
        return []

    def report(self, sample: Sample, time: int) -> Sequence[Message]:  # noqa: ARG002 - it knows no time
        self._count += 1  # since it was switched on
        values = {"temperature": _rounded(sample.temperature, 2), "humidity": _rounded(sample.humidity, 2)}
        return [Message(f"{self.name}/state", _json(values | {"seq": self._count}), qos=1)]

    def will(self) -> Message | None:
        return None


class Arduino(Device):
    """An Arduino with a DHT22 that runs DHTtester: text on a serial line, humidity first."""

    kind = "arduino"
    failure_rate = 0.005

    def start(self) -> bytes:
        return b"DHTxx test!\r\n"

    def report(self, sample: Sample) -> bytes:
        if sample.temperature is None or sample.humidity is None:
            return b"Failed to read from DHT sensor!\r\n"
        celsius, humidity = round(sample.temperature, 1), round(sample.humidity, 1)
        heat = _heat_index(celsius, humidity)
        text = f"Humidity: {humidity:.2f}%  Temperature: {celsius:.2f}°C {_fahrenheit(celsius):.2f}°F  "
        return f"{text}Heat index: {heat:.2f}°C {_fahrenheit(heat):.2f}°F\r\n".encode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _tenths(value: float | None) -> float | None:
    return _rounded(value, 1)


def _decimal(value: float | None) -> str:
    return "nan" if value is None else f"{value:.1f}"


def _fahrenheit(celsius: float) -> float:
    return celsius * 1.8 + 32


def _dew_point(celsius: float, humidity: float) -> float:
    """Magnus, with the coefficients of Tasmota's CalcTempHumToDew (17.27, 237.7)."""
    alpha = log(max(humidity, 1) / 100) + 17.27 * celsius / (237.7 + celsius)
    return 237.7 * alpha / (17.27 - alpha)


def _heat_index(celsius: float, humidity: float) -> float:
    """Steadman's simple formula, which DHT::computeHeatIndex uses below 79 °F; °C."""
    fahrenheit = _fahrenheit(celsius)
    return (0.5 * (fahrenheit + 61 + (fahrenheit - 68) * 1.2 + humidity * 0.094) - 32) / 1.8
