"""The mqtt driver against real brokers: what arrives, what comes again, and what is said when it does not work."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from support.brokers import Broker, make_mosquitto, make_nats, publish, until

from drivers import mqtt
from drivers.base import Decoded, Delivery, DriverError, Kind, Measurement, Reading
from drivers.formats.message import NO_HINT, Hint
from drivers.mqtt import MqttDriver
from drivers.mqtt_settings import Embedded, MqttSettings

PATIENCE = 10.0


def plain(topic: str, payload: bytes, memory: dict[str, Any], hint: Hint = NO_HINT) -> Decoded:
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


async def test_what_is_not_acknowledged_comes_again_and_is_marked(mosquitto: Broker) -> None:
    memory: dict[str, Any] = {}
    async with make(mosquitto) as driver:
        await asyncio.to_thread(publish, mosquitto, *[("t/a", str(i)) for i in range(5)])
        first = await collect(driver, 5)
        driver.acknowledge(receipts(first[:2]))
        memory = driver.memory
    async with make(mosquitto, memory) as driver:
        again = await collect(driver, 3)
    assert payloads(again) == [b"2", b"3", b"4"]
    assert all(delivery.redelivered for delivery in again)
    assert [delivery.token for delivery in again] == [delivery.token for delivery in first[2:]]


async def test_nats_repeats_after_its_own_time_and_a_living_connection_brings_it_once(tmp_path: Path) -> None:
    """ack_wait is all that makes the NATS server repeat; see MqttDriver._is_held."""
    broker = make_nats(tmp_path, ack_wait="1s")
    broker.start()
    try:
        async with make(broker) as driver:
            await asyncio.to_thread(publish, broker, *[("t/a", str(i)) for i in range(3)])
            first = await collect(driver, 3)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.5):
                    await anext(driver)
            driver.acknowledge(receipts(first[:1]))
            memory = driver.memory
        async with make(broker, memory) as driver:
            again = await collect(driver, 2)
    finally:
        broker.kill()
    assert [(delivery.payload, delivery.redelivered) for delivery in again] == [(b"1", True), (b"2", True)]
    assert [delivery.token for delivery in again] == [delivery.token for delivery in first[1:]]


@pytest.mark.parametrize("engine", ["mosquitto", "nats"])
async def test_a_restart_of_the_embedded_broker_changes_no_token(
    tmp_path: Path, engine: Literal["mosquitto", "nats"]
) -> None:
    """What is stored but not yet acknowledged must be known when it comes again, whatever number it has then."""
    broker = make_mosquitto(tmp_path) if engine == "mosquitto" else make_nats(tmp_path, ack_wait="1s")
    settings = MqttSettings(name="mqtt", topics=["t/#"])
    memory: dict[str, Any] = {}

    def embedded() -> MqttDriver:
        return MqttDriver("mqtt", settings, memory, embedded=Embedded(broker.url, engine), decode=plain)

    broker.start()
    try:
        async with embedded() as driver:
            await asyncio.to_thread(publish, broker, *[("t/a", str(i)) for i in range(6)])
            first = await collect(driver, 6)
            driver.acknowledge(receipts(first[:3]))
            memory = driver.memory
        await asyncio.to_thread(publish, broker, ("other", "the broker has read the receipts before this"))
        broker.stop()
        broker.start()
        async with embedded() as driver:
            again = await collect(driver, 3)
    finally:
        broker.kill()
    assert [(delivery.payload, delivery.redelivered) for delivery in again] == [
        (b"3", True),
        (b"4", True),
        (b"5", True),
    ]
    assert [delivery.token for delivery in again] == [delivery.token for delivery in first[3:]]


async def test_what_is_acknowledged_never_comes_again(broker: Broker) -> None:
    async with make(broker) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", "1"), ("t/a", "2"))
        driver.acknowledge(receipts(await collect(driver, 2)))
        memory = driver.memory
    async with make(broker, memory) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", "3"))
        assert payloads(await collect(driver, 1)) == [b"3"]


async def test_a_late_receipt_acknowledges_nothing_on_the_next_connection(mosquitto: Broker) -> None:
    """Message A waits as id 1; the broker loses its session; message B comes as id 1 and must survive A's receipt."""
    async with make(mosquitto) as driver:
        await asyncio.to_thread(publish, mosquitto, ("t/a", "1"))
        old = await collect(driver, 1)
        memory = driver.memory
    mosquitto.stop()
    mosquitto.forget()
    mosquitto.start()
    async with make(mosquitto, memory) as driver:
        await asyncio.to_thread(publish, mosquitto, ("t/a", "2"))
        new = await collect(driver, 1)
        assert [receipt.message_id for receipt in receipts(old)] == [receipt.message_id for receipt in receipts(new)]
        driver.acknowledge(receipts(old))
        assert driver.counters["stale_receipt"] == 1
        memory = driver.memory
    async with make(mosquitto, memory) as driver:
        assert payloads(await collect(driver, 1)) == [b"2"]


async def test_a_receipt_after_the_loss_is_harmless(broker: Broker) -> None:
    async with make(broker) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", "1"))
        got = await collect(driver, 1)
        await asyncio.to_thread(broker.kill)
        with pytest.raises(DriverError, match=broker.url):
            await collect(driver, 1)
        driver.acknowledge(receipts(got))
    driver.acknowledge(receipts(got))


async def test_what_arrived_before_the_loss_is_still_handed_over(broker: Broker) -> None:
    async with make(broker) as driver:
        driver._arrived.clear()
        await asyncio.to_thread(publish, broker, ("t/a", "1"), qos=0)
        async with asyncio.timeout(PATIENCE):
            await driver._arrived.wait()
        await asyncio.to_thread(broker.kill)
        assert payloads(await collect(driver, 1)) == [b"1"]
        with pytest.raises(DriverError):
            await collect(driver, 1)


async def test_a_broker_that_kept_the_session_delivers_what_came_meanwhile(broker: Broker) -> None:
    async with make(broker) as driver:
        memory = driver.memory
        assert driver.details()["session_present"] is False
    # What NATS still sends to a client that has just left comes again after ack_wait only.
    await asyncio.to_thread(until, lambda: not broker.has_clients(), "the broker lets the client go")
    await asyncio.to_thread(publish, broker, ("t/a", "1"), ("t/a", "2"))
    broker.stop()
    broker.start()
    async with make(broker, memory) as driver:
        assert payloads(await collect(driver, 2)) == [b"1", b"2"]
        assert driver.details()["session_present"] is True
        assert driver.memory["session"] == memory["session"]
        assert "session_lost" not in driver.counters


async def test_a_broker_that_lost_the_session_is_noticed_and_subscribed_again(broker: Broker) -> None:
    async with make(broker) as driver:
        memory = dict(driver.memory)
    broker.stop()
    broker.forget()
    broker.start()
    async with make(broker, memory) as driver:
        assert driver.counters["session_lost"] == 1
        assert driver.details()["session_lost"] is True
        assert driver.memory["session"] != memory["session"]
        await asyncio.to_thread(publish, broker, ("t/a", "1"))
        assert payloads(await collect(driver, 1)) == [b"1"]


async def test_retained_messages_are_told_apart(broker: Broker) -> None:
    await asyncio.to_thread(publish, broker, ("t/a", "1"), retain=True)
    async with make(broker) as driver:
        (old,) = await collect(driver, 1)
        await asyncio.to_thread(publish, broker, ("t/a", "2"), retain=True)
        (new,) = await collect(driver, 1)
    assert (old.payload, old.retained) == (b"1", True)
    assert (new.payload, new.retained) == (b"2", False)


async def test_qos_0_has_no_receipt(broker: Broker) -> None:
    async with make(broker) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", "1"), qos=0)
        (delivery,) = await collect(driver, 1)
    assert (delivery.receipt, delivery.token) == (None, None)


async def test_qos_2_comes_down_to_1(broker: Broker) -> None:
    async with make(broker) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", "1"), qos=2)
        got = await collect(driver, 1)
        driver.acknowledge(receipts(got))
        memory = driver.memory
    async with make(broker, memory) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", "2"))
        assert payloads(await collect(driver, 1)) == [b"2"]


async def test_the_first_hint_whose_filter_fits_goes_to_the_formats(broker: Broker) -> None:
    hints = {"t/attic/+": "temperature °F", "t/#": "ignore"}
    settings = MqttSettings.model_validate({"name": "mqtt", "url": broker.url, "topics": ["t/#"], "hints": hints})
    async with MqttDriver("mqtt", settings, {}, install_id="test") as driver:
        await asyncio.to_thread(publish, broker, ("t/attic/1", "68"), ("t/cellar/temperature", "21"))
        first, second = [delivery.decoded for delivery in await collect(driver, 2)]
    [reading] = first.readings
    assert reading.measurements == (Measurement("temperature", 68.0, "°F"),)
    assert second.kind is Kind.NOISE
    assert "configuration" in second.reason


async def test_what_is_too_large_is_counted_and_can_be_acknowledged_unread(broker: Broker) -> None:
    discovery = b'{"name":"' + b"x" * 100_000 + b'"}'
    async with make(broker, topics=["#"]) as driver:
        await asyncio.to_thread(
            publish,
            broker,
            ("t/a", b"1" * 16_385),
            ("t/a", b"1" * 16_384),
            ("any/sensor/x/config", discovery),
            ("homeassistant/sensor/x/config", b"x" * 262_145),
            ("t/a", b"2"),
        )
        got = await collect(driver, 5)
        assert [delivery.decoded.kind for delivery in got] == ["noise", "reading", "unknown", "noise", "reading"]
        assert "16385 bytes" in got[0].decoded.reason
        assert [len(delivery.payload) for delivery in got] == [0, 4096, 4096, 0, 1]
        assert driver.counters["too_large"] == 2
        driver.acknowledge(receipts(got))
        memory = driver.memory
    async with make(broker, memory, topics=["#"]) as driver:
        await asyncio.to_thread(publish, broker, ("t/a", b"3"))
        assert payloads(await collect(driver, 1)) == [b"3"]


async def test_a_long_queue_of_a_session_does_not_hide_the_answer_to_the_subscription(
    mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than may wait here comes before the SUBACK: the socket is left alone until somebody takes it."""
    async with make(mosquitto) as driver:
        memory = driver.memory
    await asyncio.to_thread(publish, mosquitto, *[("t/a", str(i)) for i in range(300)])
    monkeypatch.setattr(mqtt, "MAX_WAITING", 10)
    async with make(mosquitto, memory) as driver:
        assert payloads(await collect(driver, 300)) == [str(i).encode() for i in range(300)]
