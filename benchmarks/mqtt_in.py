"""What the mqtt driver costs beside paho itself: a queue of QoS 1 messages drained by each, in one run.

    python benchmarks/mqtt_in.py --count 30000

Needs mosquitto. Both run on uvloop; "paho" is a bare client in the loop that acknowledges each message by hand.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.brokers import Broker, make_mosquitto, publish

from drivers.base import Decoded, Kind
from drivers.mqtt import MqttDriver
from drivers.mqtt_settings import MqttSettings

PAYLOAD = '{"sensor":"s1","metric":"temperature","unit":"C","value":21.5,"id":123456,"t":1795503368000000000}'
KNOWN = Decoded(Kind.NOISE)


async def with_paho(broker: Broker, count: int) -> float:
    """Seconds until ``count`` messages are read and acknowledged."""
    loop, done, seen = asyncio.get_running_loop(), asyncio.Event(), 0
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare", clean_session=False, manual_ack=True)

    def on_message(client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        nonlocal seen
        seen += 1
        client.ack(message.mid, 1)
        if seen == count:
            done.set()

    client.on_message = on_message
    client.on_connect = lambda client, *_: client.subscribe("paho/#", 1)
    client.on_socket_open = lambda client, _, sock: loop.add_reader(sock.fileno(), client.loop_read)
    client.on_socket_close = lambda _, __, sock: loop.remove_reader(sock.fileno())
    client.on_socket_register_write = lambda client, _, sock: loop.add_writer(sock.fileno(), client.loop_write)
    client.on_socket_unregister_write = lambda _, __, sock: loop.remove_writer(sock.fileno())
    client.connect("127.0.0.1", broker.port)
    began = time.perf_counter()
    if count:
        await done.wait()
    else:
        await asyncio.sleep(0.5)
    took = time.perf_counter() - began
    client.disconnect()
    client.loop_write()
    return took


async def with_driver(broker: Broker, count: int) -> float:
    """The same through the driver, in batches, without a format's work."""
    settings = MqttSettings.model_validate({"name": "mqtt", "type": "mqtt", "url": broker.url, "topics": ["driver/#"]})
    driver = MqttDriver("mqtt", settings, {}, decode=lambda *_: KNOWN)
    began, seen = time.perf_counter(), 0
    async with driver:
        while seen < count:
            batch = await anext(driver)
            seen += len(batch)
            driver.acknowledge([delivery.receipt for delivery in batch])
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {"paho": [], "driver": []}
    with tempfile.TemporaryDirectory() as folder:
        broker = make_mosquitto(Path(folder))
        broker.start()
        try:
            for _ in range(options.runs):
                for name, drain in (("paho", with_paho), ("driver", with_driver)):
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                        runner.run(drain(broker, 0))
                        publish(broker, *[(f"{name}/a", PAYLOAD)] * options.count)
                        rates[name].append(options.count / runner.run(drain(broker, options.count)))
        finally:
            broker.stop()
    bare, ours = (statistics.median(rates[name]) for name in ("paho", "driver"))
    print(
        f"bare paho {bare:,.0f} messages/s, driver {ours:,.0f}: ratio {ours / bare:.2f}, "
        f"{1e6 / ours - 1e6 / bare:+.1f} µs a message beside paho"
    )


if __name__ == "__main__":
    main()
