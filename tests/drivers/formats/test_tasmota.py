"""Tasmota, by its documentation's own samples (tasmota/docs) and its issues 4637, 6331, 12552."""

from datetime import UTC, datetime

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind


def test_one_sensor_one_probe() -> None:
    payload = {
        "Time": "2019-11-03T19:34:28",
        "BME280": {"Temperature": 21.7, "Humidity": 66.6, "Pressure": 988.6},
        "PressureUnit": "hPa",
        "TempUnit": "C",
    }
    decoded = decode("tele/kitchen/SENSOR", payload)
    assert rows(decoded) == [
        ("kitchen", "BME280", "temperature", 21.7),
        ("kitchen", "BME280", "humidity", 66.6),
        ("kitchen", "BME280", "pressure", 988.6),
    ]
    assert decoded.readings[0].model == "BME280"
    assert decoded.readings[0].measured_at == datetime(2019, 11, 3, 19, 34, 28)  # noqa: DTZ001 - local, zone-less


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("tele/kitchen/SENSOR", "kitchen"),
        ("kitchen/tele/SENSOR", "kitchen"),
        ("home/tele/kitchen/SENSOR", "home/kitchen"),
        ("telemetry/kitchen/SENSOR", "telemetry/kitchen"),
    ],
)
def test_the_full_topic_is_the_user_s(topic: str, device: str) -> None:
    payload = {"Time": "2017-02-16T10:13:52", "DS18B20": {"Temperature": 20.6}}
    assert rows(decode(topic, payload)) == [(device, "DS18B20", "temperature", 20.6)]


def test_several_on_one_bus_go_by_their_address_and_not_by_their_number() -> None:
    payload = {
        "DS18B20-1": {"Id": "00000566CC39", "Temperature": 13.3},
        "DS18B20-2": {"Id": "0000059352D4", "Temperature": 1.2},
    }
    decoded = decode("tele/tasmota/SENSOR", payload)
    assert [row[1] for row in rows(decoded)] == ["00000566CC39", "0000059352D4"]
    assert [reading.model for reading in decoded.readings] == ["DS18B20", "DS18B20"]


def test_fahrenheit_holds_for_the_whole_message() -> None:
    payload = {"StatusSNS": {"DHT11": {"Temperature": 78.8, "Humidity": 27, "DewPoint": 41}, "TempUnit": "F"}}
    assert [row[2:] for row in rows(decode("stat/tasmota/STATUS10", payload))] == [
        ("temperature", 26.0),
        ("humidity", 27),
        ("dew_point", 5.0),
    ]


def test_epoch_is_believed_before_the_zone_less_time() -> None:
    payload = {"Time": "2019-08-31T18:39:41", "Epoch": 1567269581, "AM2301": {"Temperature": 25.3}}
    assert decode("tele/x/SENSOR", payload).readings[0].measured_at == datetime(2019, 8, 31, 16, 39, 41, tzinfo=UTC)


def test_flat_on_a_sonoff_sc() -> None:
    payload = {
        "StatusSNS": {"Time": "2018-02-16T16:18:49", "Temperature": 25, "Humidity": 83, "Light": 10, "Noise": 20}
    }
    assert rows(decode("stat/sc/STATUS10", payload)) == [("sc", "", "temperature", 25), ("sc", "", "humidity", 83)]


def test_a_zigbee_bridge_s_devices_are_its_probes() -> None:
    payload = {
        "ZbReceived": {"0x2916": {"Device": "0x2916", "Temperature": 25.72, "Humidity": 47.73, "LinkQuality": 116}}
    }
    assert {row[:2] for row in rows(decode("tele/bridge/SENSOR", payload))} == {("bridge", "0x2916")}


# firmware 5.x, Tasmota issue 1089
OLD_BUS = {
    "Time": "2017-10-05T17:43:19",
    "DS18x20": {
        "DS1": {"Type": "DS18B20", "Address": "284CC48E04000079", "Temperature": 19.5},
        "DS2": {"Type": "DS18S20", "Address": "10FF9A9876815022", "Temperature": 67.1},
    },
}


def test_an_old_firmware_s_bus_is_one_object_of_probes_that_go_by_their_addresses() -> None:
    decoded = decode("tele/sonoff/SENSOR", OLD_BUS)
    assert rows(decoded) == [
        ("sonoff", "284CC48E04000079", "temperature", 19.5),
        ("sonoff", "10FF9A9876815022", "temperature", 67.1),
    ]
    assert [reading.model for reading in decoded.readings] == ["DS18B20", "DS18S20"]
    fahrenheit = decode("stat/sonoff/STATUS8", {"StatusSNS": {**OLD_BUS, "TempUnit": "F"}})
    assert [row[3] for row in rows(fahrenheit)] == [-6.94, 19.5]
    partial = {"DS18x20": {"DS1": {"Type": "DS18B20", "Address": "284CC48E04000079", "Temperature": None}}}
    assert failed(decode("tele/sonoff/SENSOR", partial)) == [("sonoff", "284CC48E04000079", "temperature")]


def test_an_infrared_thermometer_tells_what_it_looks_at_and_where_it_is() -> None:
    # Tasmota issue 6825: -999 until it was mended
    seen = decode("tele/x/SENSOR", {"MLX90614": {"OBJTMP": 23.8, "AMBTMP": 22.7}, "TempUnit": "C"})
    assert [row[2:] for row in rows(seen)] == [("temperature", 23.8), ("temperature", 22.7)]
    assert len({row[1] for row in rows(seen)}) == 2
    blind = decode("tele/x/SENSOR", {"MLX90614": {"OBJTMP": -999.0, "AMBTMP": 22.7}, "TempUnit": "C"})
    assert [row[3] for row in rows(blind)] == [22.7]
    assert len(failed(blind)) == 1


# TasmoAdmin issue 327, Tasmota issue 16409
@pytest.mark.parametrize(
    ("body", "measured", "failures"),
    [
        ({"MAX31855": {"ProbeTemperature": 84.0, "ReferenceTemperature": 38.4, "Error": 0}}, [84.0], 0),
        ({"MAX31855-1": {"ProbeTemperature": 0.0, "ReferenceTemperature": 38.4, "Error": 4}}, [], 1),
        ({"MAX6675": {"Temperature": 20.5, "ReferenceTemperature": None, "Error": 0}}, [20.5], 0),
        ({"MAX31865": {"Temperature": -242.0, "Resistance": 0.0, "Error": 1}}, [], 1),
    ],
)
def test_a_thermocouple_s_cold_junction_is_no_reading_and_its_error_no_value(
    body: object, measured: list[float], failures: int
) -> None:
    decoded = decode("tele/kiln/SENSOR", body)
    assert [row[3] for row in rows(decoded)] == measured
    assert len(failed(decoded)) == failures


def test_null_is_a_failed_read() -> None:
    decoded = decode("tele/x/SENSOR", {"AM2301": {"Temperature": None, "Humidity": None}})
    assert decoded.kind is Kind.ERROR
    assert failed(decoded) == [("x", "AM2301", "temperature"), ("x", "AM2301", "humidity")]


def test_values_missing_by_a_firmware_bug_are_failed_reads_and_nothing_is_half_read() -> None:
    payload = '{"BH1750":{"Illuminance":126},"AM2320":{"Temperature":,"Humidity":},"TempUnit":"C"}'
    decoded = decode("tele/x/SENSOR", payload)
    assert (decoded.kind, rows(decoded)) == (Kind.ERROR, [])
    assert failed(decoded) == [("x", "", "temperature"), ("x", "", "humidity")]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("tele/x/SENSOR", {"Time": "2021-01-01T00:00:00", "Switch1": "OFF"}),
        ("tele/x/SENSOR", {"ENERGY": {"Total": 44.6, "Voltage": 119, "Temperature": 40}}),
        ("tele/x/SENSOR", {"ESP32": {"Temperature": 41.7}}),
        ("tele/x/SENSOR", {"ESP32-C3": {"Temperature": 41.7}}),
        ("tele/x/SENSOR", {"DS3231": {"Temperature": 17.8}, "TempUnit": "C"}),  # PR 17778: a clock's own
        ("tele/x/SENSOR", {"BL0942": {"Temperature": 50.1}}),
        ("tele/x/SENSOR", {"BL0940-2": {"Temperature": 50.1}}),
        ("tele/x/SENSOR", {"PZEM": {"Temperature": 44}}),
        ("tele/x/SENSOR", {"PZEM004T": {"Temperature": 44}}),
        ("tele/x/SENSOR", {"PZEM-017_1": {"Temperature": 44}}),
        # the thermistor beside the relay of a Shelly that meters
        ("tele/x/SENSOR", {"ANALOG": {"Temperature": 52.6}, "ENERGY": {"Total": 44.6, "Power": 9}}),
        ("tele/x/STATE", {"Time": "2019-10-31T11:14:59", "Vcc": 3.423, "Wifi": {"RSSI": 100}}),
        ("stat/x/RESULT", {"POWER": "OFF"}),
        ("cmnd/x/SENSOR", {"AM2301": {"Temperature": 1}}),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())


@pytest.mark.parametrize(("word", "online"), [("Online", True), ("Offline", False)])
def test_last_will(word: str, online: bool) -> None:
    decoded = decode("tele/wemos2/LWT", word)
    assert (decoded.kind, decoded.availability) == (Kind.AVAILABILITY, Availability("wemos2", online))
