"""eWeLink, by AlexxIT/SonoffLAN's issues 110, 253, 527, 718, 751, 1150, 1166, 1814 and its PRs 1071 and 1845."""

from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint

# PR 1071: a THR316's whole params
THR316: dict[str, Any] = {
    "switch": "off",
    "startup": "off",
    "pulseConfig": {"pulse": "off", "switch": "off", "pulseWidth": 500},
    "sledOnline": "on",
    "tempUnit": 0,
    "timeZone": 3,
    "sensorType": "AM2301",
    "currentTemperature": "1.4",
    "currentHumidity": "96.2",
    "tempCorrection": 0,
    "autoControlEnabled": 0,
    "rssi": -71,
}
# PR 1845: an SNZB-02B behind a bridge
SNZB: dict[str, Any] = {
    "subDevId": "ffff0f651438c1a47052",
    "battery": 100,
    "tempUnit": 0,
    "humiComfortLower": 4000,
    "tempComfortUpper": 2700,
    "temperature": 2570,
    "temperatureF": 7826,
    "humidity": 4640,
}
TH = [("temperature", 1.4), ("humidity", 96.2)]


def envelope(params: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {
        "action": "update",
        "deviceid": "100171fd9d",
        "apikey": "x",
        "userAgent": "device",
        "params": params,
    } | further


def values(*decoded: Any) -> list[tuple[object, ...]]:
    return [row[2:] for row in rows(*decoded)]


@pytest.mark.parametrize(
    "document",
    [
        envelope(THR316),
        envelope(THR316, name="Cellar", online=True, extra={"uiid": 181}),
        {"deviceId": "100171fd9d", "params": {"currentTemperature": "1.4", "currentHumidity": "96.2"}},
        {"itemType": 1, "itemData": {"deviceid": "100171fd9d", "extra": {"uiid": 181}, "params": THR316}},
        {"seq": 2, "deviceid": "100171fd9d", "data": THR316},
        THR316 | {"deviceid": "100171fd9d"},
        envelope({"currentTemperature": 1.4, "currentHumidity": 96.2}),
    ],
)
def test_the_envelope_names_the_device(document: dict[str, Any]) -> None:
    decoded = decode("sonoff/lan/update", document)
    assert decoded.format == "ewelink"
    assert values(decoded) == TH
    assert {row[0] for row in rows(decoded)} == {"100171fd9d"}


def test_bare_params_are_of_the_topic_s_device_or_of_none_that_is_known() -> None:
    assert rows(decode("sonoff/cellar/state", THR316))[0] == ("sonoff/cellar", "", "temperature", 1.4)
    assert rows(decode("", THR316))[0] == (None, "", "temperature", 1.4)
    assert decode("", THR316).readings[0].model == "AM2301"


def test_a_name_is_the_label() -> None:
    assert decode("x", envelope(THR316, name="Cellar")).readings[0].label == "Cellar"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            {"sensorType": "DS18B20", "currentHumidity": "unavailable", "currentTemperature": "70.6"},
            [("temperature", 70.6)],
        ),
        ({"deviceType": "normal", "currentHumidity": "45", "currentTemperature": "unavailable"}, [("humidity", 45)]),
        ({"sensorType": "AM2301", "currentTemperature": "-5.5"}, [("temperature", -5.5)]),
        (
            {"sensorType": "AM2301", "currentTemperature": "0", "currentHumidity": "81"},
            [("temperature", 0), ("humidity", 81)],
        ),
        ({"sensorType": "MS01", "currentTemperature": "18.5", "currentHumidity": "55"}, [("temperature", 18.5)]),
        # issues 718, 751 and 760: the wire stays in °C whatever app and display show
        (
            {"tempUnit": 1, "currentTemperature": "21.5", "currentHumidity": "50"},
            [("temperature", 21.5), ("humidity", 50)],
        ),
    ],
)
def test_what_a_th_tells(params: dict[str, Any], expected: list[tuple[str, float]]) -> None:
    for document in (params, envelope(params)):
        decoded = decode("sonoff/th16", document)
        assert values(decoded) == expected
        assert not failed(decoded)


@pytest.mark.parametrize(
    "params",
    [
        {"sensorType": "errorType", "currentHumidity": "unavailable", "currentTemperature": "unavailable"},
        {"sensorType": "errorType", "currentHumidity": "45.0", "currentTemperature": "21.0"},
        {"switch": "on", "currentHumidity": "unavailable", "currentTemperature": "unavailable"},
        {"sensorType": "AM2301", "currentHumidity": "nan", "currentTemperature": "nan"},
        {"sensorType": "AM2301", "currentHumidity": "0", "currentTemperature": "0"},
        {"switch": "on", "currentHumidity": "0.0", "currentTemperature": "0.0"},
    ],
)
def test_a_failed_read(params: dict[str, Any]) -> None:
    for document in (params, envelope(params)):
        decoded = decode("sonoff/th16", document)
        assert decoded.kind is Kind.ERROR
        assert sorted(row[2] for row in failed(decoded)) == ["humidity", "temperature"]


def test_a_hint_s_unit_is_believed() -> None:
    payload = b'{"switch":"on","currentTemperature":"71.6"}'
    assert values(decode_mqtt("sonoff/th16", payload, {}, Hint(unit="\u00b0F"))) == [("temperature", 22)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            envelope({"temperature": "2210", "humidity": "4550", "battery": 87}, uiid=1770),
            [("temperature", 22.1), ("humidity", 45.5), ("battery", 87)],
        ),
        (envelope({"temperature": "-530"}, extra={"uiid": 7014}), [("temperature", -5.3)]),
        (envelope({"temperature": 95}, extra={"extra": {"uiid": 1771}}), [("temperature", 0.95)]),
        (envelope(SNZB), [("temperature", 25.7), ("humidity", 46.4), ("battery", 100)]),
        (SNZB, [("temperature", 25.7), ("humidity", 46.4), ("battery", 100)]),
        (
            envelope({"temperature": "24", "humidity": "56", "dusty": 1, "light": 7, "noise": 2}, uiid=18),
            [("temperature", 24), ("humidity", 56)],
        ),
        (envelope({"temperature": 18, "humidity": 50, "tempUnit": 1}), [("temperature", 18)]),
        ({"temperature": 18, "humidity": 50, "HMI_weather": 4, "tempUnit": 0}, [("temperature", 18)]),
        (
            envelope(
                {"temperature": 15, "humidity": 50, "HMI_outdoorTemp": {"current": 7}, "tempCorrection": 1}, uiid=133
            ),
            [("temperature", 15)],
        ),
    ],
)
def test_the_uiid_says_what_temperature_and_humidity_are(
    document: dict[str, Any], expected: list[tuple[str, float]]
) -> None:
    assert values(decode("sonoff/bridge", document)) == expected


def test_a_device_s_uiid_is_remembered_for_its_changes() -> None:
    memory: dict[str, Any] = {}
    decode("x", envelope(SNZB), memory)
    assert values(decode("x", envelope({"temperature": 1990}), memory)) == [("temperature", 19.9)]
    other = decode("x", envelope({"temperature": 1990}, deviceid="other"), memory)
    assert (other.kind, other.readings) == (Kind.UNKNOWN, ())


# SonoffLAN's SNZB-02, whose uiid was told once, to somebody else
REPORT = {"temperature": "2150", "humidity": "4810", "battery": 100}
IN_FULL = [("temperature", 21.5), ("humidity", 48.1), ("battery", 100)]


@pytest.mark.parametrize("sign", [{"trigTime": "1663000000000"}, {"subDevRssi": -62, "subDevRssiSetting": {}}])
def test_a_zigbee_sensor_is_known_by_what_only_a_bridge_s_devices_tell(sign: dict[str, Any]) -> None:
    decoded = decode("home/ewelink", {"deviceid": "1000abc123", "params": {**REPORT, **sign}})
    assert values(decoded) == IN_FULL
    assert rows(decoded)[0][0] == "1000abc123"
    if "trigTime" in sign:
        assert values(decode("home/cellar", {**REPORT, **sign})) == IN_FULL


@pytest.mark.parametrize(
    "params",
    [
        REPORT,
        {"temperature": 2150},
        # a radiator valve's tenths
        {"temperature": "215", "curTargetTemp": "200", "workMode": "0", "subDevRssi": -62},
        {"temperature": "215", "subDevRssi": -62},
    ],
)
def test_a_figure_of_which_nothing_tells_the_scale_is_unknown(params: dict[str, Any]) -> None:
    decoded = decode("home/ewelink", {"deviceid": "1000abc123", "params": params})
    assert (decoded.kind, decoded.readings) == (Kind.UNKNOWN, ())
    assert "hundredths" in decoded.reason


@pytest.mark.parametrize(
    "document",
    [
        envelope({"switch": "on"}),
        envelope({"curTargetTemp": 210, "temperature": 215}, uiid=7033),
        envelope({"ATCEnable": 0}),
        envelope({"power": "12.1", "voltage": "229.8", "current": "0.05"}),
    ],
)
def test_what_is_no_reading(document: dict[str, Any]) -> None:
    decoded = decode("sonoff/lan", document)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())
    assert decoded.reason


@pytest.mark.parametrize(
    ("document", "online"),
    [
        ({"action": "sysmsg", "deviceid": "100171fd9d", "apikey": "x", "params": {"online": False}}, False),
        ({"action": "sysmsg", "deviceid": "100171fd9d", "apikey": "x", "params": {"online": True}}, True),
        ({"deviceid": "100171fd9d", "online": False}, False),
        (envelope(THR316, online=False), False),
    ],
)
def test_a_device_that_is_offline_measures_nothing(document: dict[str, Any], online: bool) -> None:
    decoded = decode("sonoff/lan", document)
    assert decoded.availability == Availability("100171fd9d", online)
    assert not decoded.readings


@pytest.mark.parametrize(
    "document",
    [
        {"deviceId": "s1", "params": {"temperature": 21.5}},
        {"deviceId": "s1", "data": {"temperature": 21.5}},
        {"deviceid": "s1", "online": True, "data": {"temperature": 21.5}},
        {"deviceid": "1000abc123", "params": {"temperature": 21.5}},
        {"temperature": 21.5, "trigTime": "1663000000000"},
        {"temperature": 21.5, "switch": "on"},
    ],
)
def test_others_json_is_left_to_the_generic_formats(document: dict[str, Any]) -> None:
    decoded = decode("home/s1", document)
    assert decoded.format == "json"
    assert values(decoded) == [("temperature", 21.5)]


def test_what_is_learned_stays_small() -> None:
    memory: dict[str, Any] = {}
    for number in range(1_500):
        decode("x", envelope({"temperature": 2210}, deviceid=str(number), uiid=1770), memory)
    assert len(memory["ewelink"]) == 1_000
