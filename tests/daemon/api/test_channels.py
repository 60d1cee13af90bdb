"""The WebSocket endpoints over a real socket: what a client asks for, is told, and is refused."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import websockets
from support.live_server import (
    ONE_OF_EACH,
    Live,
    anomaly,
    live_server,
    location,
    news,
    prediction,
    reading,
    receive,
    sensor,
    until,
)

from daemon.bus import LOG_EVENTS
from daemon.events import Channel

SIX = ("general", "sensors", "readings", "locations", "anomalies", "predictions")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with live_server() as running:
        yield running


@pytest.fixture
async def http(live: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", trust_env=False) as client:
        yield client


async def refusal(live: Live, query: str = "", path: str = "/api/v1/ws", **options: object) -> tuple[int, str]:
    """The close code and reason of a connection that is accepted, sent nothing, and closed."""
    async with live.connect(query, path, **options) as client:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await receive(client)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def ids_until(client: websockets.ClientConnection, last: int) -> list[int]:
    """Ids of the events up to ``last``."""
    ids: list[int] = []
    while not ids or ids[-1] != last:
        ids.append((await receive(client))["id"])
    return ids


async def test_the_first_message_says_what_was_asked_for(live: Live) -> None:
    live.bus.publish([news()])
    async with live.connect("channel=sensors&user_id=ana") as client:
        greeting = await receive(client)
    assert set(greeting) == {"type", "status", "channel", "timestamp"}
    assert (greeting["type"], greeting["status"], greeting["channel"]) == ("connection", "connected", "sensors")
    assert TIME.fullmatch(greeting["timestamp"])


@pytest.mark.parametrize(("query", "channel"), [("", "general"), ("channel=readings,general", "readings,general")])
async def test_the_channel_is_general_unless_asked_otherwise_and_told_as_asked(
    live: Live, query: str, channel: str
) -> None:
    async with live.connect(query) as client:
        assert (await receive(client))["channel"] == channel


async def test_each_channel_carries_its_own_and_general_everything(live: Live) -> None:
    async with (
        live.joined("channel=general") as general,
        live.joined("channel=sensors") as sensors,
        live.joined("channel=readings") as readings,
        live.joined("channel=locations") as locations,
        live.joined("channel=anomalies") as anomalies,
        live.joined("channel=predictions") as predictions,
    ):
        live.bus.publish([sensor(), reading(1), location(1), anomaly(1), prediction(1), news()])
        # A second of each proves that nothing else came in between.
        live.bus.publish([sensor(), reading(2), location(2), anomaly(2), prediction(2), news()])
        for number, client in enumerate((sensors, readings, locations, anomalies, predictions), start=1):
            assert await ids_until(client, number + 6) == [number, number + 6]
        assert await ids_until(general, 12) == list(range(1, 13))


async def test_no_event_comes_twice_whatever_is_subscribed(live: Live) -> None:
    async with live.joined("channel=" + ",".join(SIX)) as client, live.joined("channel=readings,readings") as twice:
        live.bus.publish([sensor(), reading(1), reading(2), anomaly(1), news("x", Channel.READINGS)])
        assert await ids_until(client, 5) == [1, 2, 3, 4, 5]
        assert await ids_until(twice, 5) == [2, 3, 5]


async def test_events_are_worded_as_the_contract_says(live: Live) -> None:
    async with live.joined() as client:
        live.bus.publish([reading(7, 3), news("hola")])
        entity, system = await receive(client), await receive(client)
    assert {"type", "id", "entity_type", "event_type", "entity_id", "data", "timestamp", "metadata"} <= set(entity)
    assert (entity["entity_type"], entity["event_type"], entity["entity_id"]) == ("lectura", "created", 7)
    assert {"type", "id", "level", "message", "data", "timestamp"} <= set(system)


async def test_a_sensor_filter_lets_system_events_pass(live: Live) -> None:
    async with live.joined("sensor_id=2,3") as client:
        live.bus.publish([reading(1, 1), reading(2, 2), sensor(1), news(), anomaly(1, 1), sensor(3)])
        assert await ids_until(client, 6) == [2, 4, 6]


async def test_system_events_of_the_past_are_shown_to_general_alone(live: Live) -> None:
    live.bus.publish([news(str(number)) for number in range(25)])
    async with live.joined("channel=sensors,general") as general, live.joined("channel=sensors") as sensors:
        live.bus.publish([sensor()])
        assert await ids_until(general, 26) == [*range(6, 26), 26]
        assert await ids_until(sensors, 26) == [26]
    async with live.joined("channel=general&since=25") as resumed:
        live.bus.publish([sensor()])
        assert await ids_until(resumed, 27) == [26, 27]


async def test_since_goes_on_where_a_client_was(live: Live) -> None:
    live.bus.publish([reading(number, number % 2) for number in range(1, 501)])
    async with live.joined("channel=readings&sensor_id=1&since=100") as client:
        live.bus.publish([reading(number, number % 2) for number in range(501, 601)])
        assert await ids_until(client, 599) == list(range(101, 600, 2))


async def test_who_comes_back_again_and_again_misses_nothing_and_gets_nothing_twice(live: Live) -> None:
    chance = random.Random(7)
    last = 1500

    async def publish() -> None:
        number = 0
        while number < last:
            count = min(chance.randint(1, 40), last - number)
            live.bus.publish([reading(number + step, chance.randint(1, 3)) for step in range(count)])
            number += count
            await asyncio.sleep(0)

    got: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish())
        while not got or got[-1] != last:
            since = got[-1] if got else 0
            # max_queue: a client of this library that has stopped reading takes 10 s to leave, whatever the server.
            async with live.joined(f"channel=general,readings&since={since}", max_queue=None) as client:
                for _ in range(chance.randint(1, 200)):
                    got.append((await receive(client))["id"])
                    if got[-1] == last:
                        break
    assert got == list(range(1, last + 1))


async def test_a_whole_log_is_replayed(live: Live) -> None:
    live.bus.publish([reading(number) for number in range(1, LOG_EVENTS + 1)])
    async with live.joined("channel=readings&since=0") as client:
        live.bus.publish([reading(1)])
        assert await ids_until(client, LOG_EVENTS + 1) == list(range(1, LOG_EVENTS + 2))


async def test_a_gap_is_told_with_the_time_from_which_rest_fills_it() -> None:
    async with live_server(first_id=100_001) as live:
        live.bus.publish([reading(1), reading(2)])
        async with live.joined("channel=readings&since=99") as client:
            live.bus.publish([reading(3)])
            messages = [await receive(client) for _ in range(4)]
    ids = [message["id"] for message in messages]
    assert ids == sorted(set(ids))
    assert ids[0] == 100_001
    (warning,) = (message for message in messages if message["type"] == "system_event")
    assert warning["level"] == "warning"
    assert TIME.fullmatch(warning["data"]["desde"])


@pytest.mark.parametrize(
    "query",
    ["channel=weather", "channel=", "channel=sensors,", "channel=Sensors", "channel=sensors,weather", "channel=%00"],
)
async def test_an_unknown_channel_is_refused_with_the_six(live: Live, query: str) -> None:
    code, reason = await refusal(live, query)
    assert code == 1008
    assert all(channel in reason for channel in SIX)
    assert len(live.hub) == 0


@pytest.mark.parametrize(
    "query",
    [
        "sensor_id=",
        "sensor_id=a",
        "sensor_id=1,,2",
        "sensor_id=-1",
        "sensor_id=1.5",
        f"sensor_id={2**53}",
        "sensor_id=" + ",".join("1" * 1001),
        "since=",
        "since=abc",
        "since=-5",
        f"since={2**53}",
        "since=%D9%A1",  # an Arabic one
        "user_id=" + "x" * 101,
    ],
)
async def test_other_bad_values_are_refused(live: Live, query: str) -> None:
    code, reason = await refusal(live, query)
    assert code == 1008
    assert query.split("=")[0] in reason
    assert live.refused == [("websocket", "websocket_refused")]


async def test_secured_mode_refuses_the_open_endpoint_and_names_the_other() -> None:
    async with live_server(secured=True) as live:
        code, reason = await refusal(live)
    assert code == 1008
    assert "/ws/secure" in reason


async def test_a_ping_is_answered_and_anything_else_is_an_error(live: Live) -> None:
    async with live.joined() as client:
        await client.send('{"type":"ping"}')
        pong = await receive(client)
        assert pong["type"] == "pong"
        assert TIME.fullmatch(pong["timestamp"])
        for text in ("", "hello", "[]", "{", '{"type":"subscribe"}', "[" * 5000, b"\x00\x01", '"ping"'):
            await client.send(text)
            error = await receive(client)
            assert set(error) == {"type", "detail"}
            assert error["type"] == "error"
        live.bus.publish([news()])
        assert (await receive(client))["type"] == "system_event"


async def test_over_the_limit_of_one_address_is_503_before_the_upgrade() -> None:
    async with live_server(per_address=2) as live, live.joined(), live.joined():
        with pytest.raises(websockets.InvalidStatus) as refused:
            await live.connect()
        assert refused.value.response.status_code == 503
        assert "2 connections" in json.loads(refused.value.response.body)["detail"]
        assert live.refused == [("websocket", "websocket_limit")]


async def test_over_the_limit_in_all_is_503_and_a_place_that_is_left_is_free_again() -> None:
    async with live_server(connections=2) as live, live.joined():
        async with live.joined():
            with pytest.raises(websockets.InvalidStatus) as refused:
                await live.connect()
            assert refused.value.response.status_code == 503
        await until(lambda: len(live.hub) == 1)
        async with live.joined():
            assert len(live.hub) == 2


async def test_a_storm_of_connections_leaves_nothing_behind() -> None:
    async with live_server(connections=5) as live, live.joined() as client:

        async def storm() -> int:
            try:
                async with live.joined():
                    return 101
            except websockets.InvalidStatus as refused:
                return refused.response.status_code

        answers = [answer for _ in range(10) for answer in await asyncio.gather(*(storm() for _ in range(30)))]
        assert set(answers) == {101, 503}
        live.bus.publish([news()])
        assert (await receive(client))["type"] == "system_event"
        await until(lambda: len(live.server.server_state.connections) == 1 and not live.server.server_state.tasks)


async def test_refused_clients_give_their_places_back() -> None:
    async with live_server(connections=3) as live:
        for _ in range(10):
            await refusal(live, "channel=weather")
        async with live.joined():
            assert len(live.hub) == 1


async def test_statistics_count_each_connection_in_each_of_its_channels(live: Live, http: httpx.AsyncClient) -> None:
    empty = (await http.get("/api/v1/ws/stats")).json()
    assert empty == {"total_channels": 0, "channels": {}}
    async with live.joined("channel=general,sensors&user_id=ana"), live.joined("channel=sensors"):
        stats = (await http.get("/api/v1/ws/stats")).json()
        one = (await http.get("/api/v1/ws/stats/general")).json()
        none = (await http.get("/api/v1/ws/stats/readings")).json()
    assert stats["total_channels"] == 2
    assert set(stats["channels"]) == {"general", "sensors"}
    assert stats["channels"]["sensors"]["connections"] == 2
    assert [user["user_id"] for user in stats["channels"]["sensors"]["users"]] == ["ana", None]
    assert TIME.fullmatch(stats["channels"]["general"]["users"][0]["connected_at"])
    assert one == {"channel": "general", "stats": stats["channels"]["general"]}
    assert none == {"channel": "readings", "stats": {"connections": 0, "users": []}}
    await until(lambda: len(live.hub) == 0)
    assert (await http.get("/api/v1/ws/stats")).json() == empty


async def test_statistics_of_an_unknown_channel_are_404(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/ws/stats/weather")
    assert answer.status_code == 404
    assert "predictions" in answer.json()["detail"]


@pytest.mark.parametrize("channel", SIX)
async def test_a_test_event_reaches_every_client_of_its_channel(
    live: Live, http: httpx.AsyncClient, channel: str
) -> None:
    other = "sensors" if channel != "sensors" else "readings"
    async with (
        live.joined(f"channel={channel}") as one,
        live.joined(f"channel={channel},{other}&sensor_id=5") as two,
        live.joined(f"channel={other}") as outside,
    ):
        sent = await http.post("/api/v1/ws/test-event", params={"channel": channel, "message": "Prueba ñ <b>"})
        assert sent.status_code == 200
        assert sent.json()["message"] == "Prueba ñ <b>"
        for client in (one, two):
            event = await receive(client)
            assert (event["type"], event["level"], event["message"]) == ("system_event", "info", "Prueba ñ <b>")
            assert event["data"]["test"] is True
            assert event["data"] == sent.json()["data"]
        live.bus.publish([ONE_OF_EACH[Channel(other)](1, 5)])
        assert (await receive(outside))["type"] == "entity_event"


@pytest.mark.parametrize(
    "params", [{"channel": "weather"}, {"channel": "general,sensors"}, {"message": ""}, {"message": "x" * 1001}]
)
async def test_a_bad_test_event_is_422(http: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await http.post("/api/v1/ws/test-event", params=params)).status_code == 422
