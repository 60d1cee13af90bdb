"""The mqtt driver against real brokers: what arrives, what comes again, and what is said when it does not work."""

import asyncio
from collections.abc import Sequence
from typing import Any

from support.brokers import Broker, publish

from drivers.base import Decoded, Delivery, Kind, Measurement, Reading
from drivers.mqtt import MqttDriver
from drivers.mqtt_settings import MqttSettings

PATIENCE = 10.0


def plain(topic: str, payload: bytes, memory: dict[str, Any]) -> Decoded:
    """A decoder for plain numbers: the driver must not care which formats there are."""
    try:
        value = float(payload)
    except ValueError:
        return Decoded(Kind.UNKNOWN, reason="not a number")
    return Decoded(Kind.READING, "plain", (Reading(topic, measurements=(Measurement("temperature", value, "°C"),)),))


def make(broker: Broker, memory: dict[str, Any] | None = None, /, **settings: Any) -> MqttDriver:
    settings = {"name": "mqtt", "type": "mqtt", "url": broker.url, "topics": ["t/#"], **settings}
    return MqttDriver(
        "mqtt", MqttSettings.model_validate(settings), memory or {}, install_id="test", decode=plain, clock=lambda: 1
    )


async def collect(driver: MqttDriver, count: int) -> list[Delivery]:
    """The next ``count`` deliveries or more."""
    got: list[Delivery] = []
    async with asyncio.timeout(PATIENCE):
        async for batch in driver:
            assert 1 <= len(batch) <= 1000
            got += batch
            if len(got) >= count:
                break
    return got


def payloads(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [delivery.payload for delivery in deliveries]


def receipts(deliveries: Sequence[Delivery]) -> list[object]:
    return [delivery.receipt for delivery in deliveries]


async def test_readings_arrive_decoded_and_in_order(broker: Broker) -> None:
    async with make(broker) as driver:
        await asyncio.to_thread(publish, broker, *[("t/kitchen", f"{i}.5") for i in range(300)])
        got = await collect(driver, 300)
    assert payloads(got) == [f"{i}.5".encode() for i in range(300)]
    first = got[0]
    assert first.decoded.readings[0].measurements == (Measurement("temperature", 0.5, "°C"),)
    assert (first.origin, first.received_at, first.redelivered, first.retained) == ("t/kitchen", 1, False, False)
    assert first.receipt is not None
    assert first.token is not None
