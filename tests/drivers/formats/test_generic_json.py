"""Generic JSON: devices nobody has told us of are read by their names, and nothing else is taken for a reading."""

from datetime import UTC, datetime

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind
from drivers.formats.message import Hint
from drivers.formats.registry import decode_mqtt


def test_a_flat_object_belongs_to_its_topic() -> None:
    decoded = decode("/devices/home/livingroom", {"temperature": 23.2, "humidity": "51.6"})
    assert rows(decoded) == [
        ("devices/home/livingroom", "", "temperature", 23.2),
        ("devices/home/livingroom", "", "humidity", 51.6),
    ]


def test_the_kind_of_message_is_no_part_of_the_device() -> None:
    assert rows(decode("greenhouse/north/state", {"temperature": 3})) == [("greenhouse/north", "", "temperature", 3)]


def test_a_record_of_metric_value_and_unit() -> None:
    payload = '{"sensor":"s12","metric":"temperature","unit":"C","value":21.3,"id":7,"t":1700000000000000000}'
    (reading,) = decode("sensors/s12/reading", payload).readings
    assert (reading.device, reading.sequence) == ("s12", 7)
    assert reading.measured_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert [(one.quantity, one.value, one.unit, one.name) for one in reading.measurements] == [
        ("temperature", 21.3, "°C", None)
    ]


def test_an_integer_id_is_a_counter_only_where_the_device_has_another_name() -> None:
    (reading,) = decode("sensors/all", {"id": 3, "temperature": 21.5}).readings
    assert (reading.device, reading.sequence) == ("sensors/all", None)
    (reading,) = decode("sensors/all", {"id": "n3", "seq": 9, "temperature": 21.5}).readings
    assert (reading.device, reading.sequence) == ("n3", 9)


@pytest.mark.parametrize("counter", [True, -1, 2**63, 1.5, "7"])
def test_a_sequence_is_a_whole_number_that_a_column_holds(counter: object) -> None:
    (reading,) = decode("a/b", {"seq": counter, "temperature": 21.5}).readings
    assert reading.sequence is None


def test_probes_by_nesting_by_name_and_by_list() -> None:
    nested = decode("g/x", {"indoor": {"temperature": 21, "humidity": 44}, "outdoor": {"temperature": 5}})
    assert [row[1:] for row in rows(nested)] == [
        ("indoor", "temperature", 21),
        ("indoor", "humidity", 44),
        ("outdoor", "temperature", 5),
    ]
    named = decode("g/x", {"temperature": 21, "outdoor_temperature": 5, "outdoor_humidity": 80})
    assert [row[1:] for row in rows(named)] == [
        ("", "temperature", 21),
        ("outdoor", "temperature", 5),
        ("outdoor", "humidity", 80),
    ]
    listed = decode("g/x", {"sensors": [{"name": "Bed 1", "temp": 21}, {"name": "Bed 2", "temp": 22}]})
    assert [row[1:] for row in rows(listed)] == [("Bed 1", "temperature", 21), ("Bed 2", "temperature", 22)]


def test_wrappers_tell_no_probe() -> None:
    assert rows(decode("a/b", {"state": {"reported": {"temperature": 21}}})) == [("a/b", "", "temperature", 21)]


def test_parts_on_one_bus_go_by_their_address() -> None:
    decoded = decode("a/b", {"ds18b20": [{"id": "28ff", "temp": 3.2}, {"id": "28fe", "temp": 4.1}]})
    assert rows(decoded) == [("a/b", "28ff", "temperature", 3.2), ("a/b", "28fe", "temperature", 4.1)]
    assert {reading.model for reading in decoded.readings} == {"DS18B20"}


def test_a_part_names_the_model_and_not_the_device() -> None:
    (reading,) = decode("attic/dht", {"sensor": "DHT22", "temperature": 21.5}).readings
    assert (reading.device, reading.model) == ("attic/dht", "DHT22")


def test_samples_in_an_array_keep_their_times_apart() -> None:
    decoded = decode("a/b", [{"ts": 1700000000, "temperature": 1}, {"ts": 1700000060, "temperature": 2}])
    assert [(r.measured_at.timestamp(), r.measurements[0].value) for r in decoded.readings if r.measured_at] == [
        (1700000000, 1),
        (1700000060, 2),
    ]


@pytest.mark.parametrize(
    "payload",
    [
        {"temperature": 68, "unit": "F"},
        {"temperature": 68, "temperature_unit": "°F"},
        {"temperature_F": "68"},
        {"temperature": "68 °F"},
        {"temperature": {"value": 68, "unit": "F"}},
        {"temp_c": 20, "temp_f": 68.1},
        {"temp_f": 68.1, "temp_c": 20},
    ],
)
def test_fahrenheit_wherever_it_is_told(payload: object) -> None:
    assert rows(decode("a/b", payload)) == [("a/b", "", "temperature", 20)]


@pytest.mark.parametrize(
    "payload",
    [
        {"target_temperature": 21},
        {"cpu_temp": 55},
        {"temperature": {"min": 1, "max": 30}},
        {"temperature": 22, "mode": "cool", "fan": "auto"},
        {"config": {"temperature": 21}},
        {"thresholds": {"humidity": 80}},
        {"forecast": [{"temperature": 9}]},
        {"temperatures": {"cpu": 50}},
        {"temperature": [20.1, 20.2, 20.3]},
        [{"temperature": 20.1}] * 100,
    ],
)
def test_what_is_no_reading_is_noise_with_a_reason(payload: object) -> None:
    decoded = decode("a/b", payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())
    assert decoded.reason


def test_a_setpoint_beside_the_room_s_temperature() -> None:
    decoded = decode("topic/HVAC/state", {"roomTemperature": 26.5, "temperature": 26, "fan": "AUTO", "mode": "cool"})
    assert rows(decoded) == [("topic/HVAC", "room", "temperature", 26.5)]


@pytest.mark.parametrize(
    "value", ["null", "NaN", "Infinity", "1e999", '"unavailable"', "-127", "2146959360", "1" * 400, '"nan"']
)
def test_a_value_that_is_none_is_a_failed_read_and_the_rest_is_read(value: str) -> None:
    decoded = decode("a/b", f'{{"temperature": {value}, "humidity": 45}}')
    assert rows(decoded) == [("a/b", "", "humidity", 45)]
    assert failed(decoded) == [("a/b", "", "temperature")]


@pytest.mark.parametrize("value", ["true", '"1_000"', '"٤٥"', "[21]", '"\\u0000"'])
def test_what_is_no_number_is_never_one(value: str) -> None:
    assert rows(decode("a/b", f'{{"temperature": {value}}}')) == []


def test_failed_alone_is_an_error() -> None:
    assert decode("a/b", {"temperature": None, "humidity": None}).kind is Kind.ERROR


def test_all_zero_is_a_variable_that_was_never_filled() -> None:
    decoded = decode("a/b", {"temperature": 0, "humidity": 0})
    assert (decoded.kind, rows(decoded)) == (Kind.ERROR, [])
    assert rows(decode("a/b", {"temperature": 0, "humidity": 81})) != []


@pytest.mark.parametrize(
    "payload", [b'{"a":"\\ud800"}', b"[" * 100_000, b'{"temperature":21.5,"humi', b'{"a":' * 5_000]
)
def test_broken_json_is_refused_and_not_half_read(payload: bytes) -> None:
    decoded = decode("a/b", payload)
    assert (decoded.kind, decoded.readings) == (Kind.ERROR, ())
    assert decoded.reason.startswith("invalid JSON")


def test_time_under_t_is_no_temperature_and_letters_come_in_pairs() -> None:
    assert rows(decode("a/b", {"t": 21.5, "h": 44})) == [("a/b", "", "temperature", 21.5), ("a/b", "", "humidity", 44)]
    assert rows(decode("a/b", {"t": 1700000000, "h": 44})) == []


def test_mains_and_water_are_neither_battery_nor_barometer() -> None:
    assert rows(decode("a/b", {"voltage": 230, "pressure": 2.1, "temperature": 20})) == [("a/b", "", "temperature", 20)]


def test_what_nobody_understands_is_unknown() -> None:
    assert decode("a/b", {"value": 1315156, "protocol": 1}).kind is Kind.UNKNOWN


def test_names_hold_no_control_characters_and_have_an_end() -> None:
    (reading,) = decode("a/b", '{"sensor":"s\\u0000\\n1","temperature":21}').readings
    assert reading.device == "s  1"
    (reading,) = decode("x" * 60_000, {"temperature": 21}).readings
    assert len(reading.device or "") == 200


def test_numbered_letters_are_probes() -> None:
    for payload in ({"t1": 21, "h1": 40, "t2": 22, "h2": 41}, {"temp1": 21, "hum1": 40, "temp2": 22, "hum2": 41}):
        assert sorted(row[1:] for row in rows(decode("a/b", payload))) == [
            ("1", "humidity", 40),
            ("1", "temperature", 21),
            ("2", "humidity", 41),
            ("2", "temperature", 22),
        ]


def test_sensor_community_s_records() -> None:
    values = [{"value_type": "BME280_temperature", "value": "21.5"}, {"value_type": "BME280_humidity", "value": "40.1"}]
    decoded = decode(
        "airrohr", {"esp8266id": "12345", "sensordatavalues": [*values, {"value_type": "SDS_P1", "value": "4"}]}
    )
    assert [(row[0], *row[2:]) for row in rows(decoded)] == [
        ("12345", "temperature", 21.5),
        ("12345", "humidity", 40.1),
    ]
    assert len(decoded.readings) == 1


@pytest.mark.parametrize(
    ("hint", "payload", "expected"),
    [
        (Hint("", "°F"), b'{"temperature":68,"humidity":40}', [("temperature", 20), ("humidity", 40)]),
        (Hint("", "°F"), b'{"temperature":20,"unit":"C"}', [("temperature", 20)]),
        (Hint("", "°F"), b'{"temp_c":20}', [("temperature", 20)]),
        (Hint("", "%"), b'{"humidity":40,"battery":3.01}', [("humidity", 40), ("battery_voltage", 3.01)]),
        (Hint("humidity", "%"), b'{"temperature":20}', [("temperature", 20)]),
    ],
)
def test_a_unit_that_the_configuration_tells_wins_over_the_default_and_not_over_the_payload(
    hint: Hint, payload: bytes, expected: list[tuple[str, float]]
) -> None:
    assert [row[2:] for row in rows(decode_mqtt("a/b", payload, {}, hint))] == expected


@pytest.mark.parametrize(
    "payload",
    [
        {"sensors": [{"id": 1, "temperature": 21.5}, {"id": 2, "temperature": 22.5}]},
        [{"id": 1, "temperature": 21.5}, {"id": 2, "temperature": 22.5}],
        [{"id": n, "ts": 1700000000, "metric": "temperature", "value": 20.5 + n} for n in (1, 2)],
        {"sensors": [{"id": "1", "temperature": 21.5}, {"id": "2", "temperature": 22.5}]},
        {"temperature": [{"sensor": 1, "value": 21.5}, {"sensor": 2, "value": 22.5}]},
    ],
)
def test_small_numbers_are_the_probes_of_their_topic(payload: object) -> None:
    assert rows(decode("cellar1/n", payload)) == [
        ("cellar1/n", "1", "temperature", 21.5),
        ("cellar1/n", "2", "temperature", 22.5),
    ]


def test_numbered_probes_of_a_device_that_the_payload_names() -> None:
    payload = {"device": "x9", "sensors": [{"id": 1, "temperature": 21.5}, {"id": 2, "temperature": 22.5}]}
    assert [row[:2] for row in rows(decode("cellar1/n", payload))] == [("x9", "1"), ("x9", "2")]


def test_numbered_probes_that_tell_different_quantities() -> None:
    payload = {"sensors": [{"id": 1, "temperature": 21, "humidity": 40}, {"id": 2, "temperature": 22}]}
    assert [row[1:] for row in rows(decode("a/n", payload))] == [
        ("1", "temperature", 21),
        ("1", "humidity", 40),
        ("2", "temperature", 22),
    ]
    children = [decode("a/n", {"node": "n3", "child_id": n, "temperature": 20 + n}) for n in (1, 2)]
    assert [row[:2] for row in rows(*children)] == [("n3", "1"), ("n3", "2")]


def test_ids_of_moments_and_of_quantities_make_no_probes() -> None:
    moments = [{"id": n, "ts": 1700000000 + 60 * n, "temperature": 20 + n} for n in (1, 2)]
    assert {row[:2] for row in rows(decode("a/n", moments))} == {("a/n", "")}
    quantities = [{"id": 1, "type": "temperature", "value": 21}, {"id": 2, "type": "humidity", "value": 50}]
    assert {row[:2] for row in rows(decode("a/n", quantities))} == {("a/n", "")}
    named = [{"id": n, "sensor": f"s{n}", "temperature": 20 + n} for n in (1, 2)]
    assert {row[:2] for row in rows(decode("a/n", named))} == {("s1", ""), ("s2", "")}


@pytest.mark.parametrize("told", [{"sensor_id": 1}, {"node": 1}, {"sensor": "1"}, {"zone": 1}, {"id": "1"}])
def test_a_small_number_is_no_device_s_name(told: dict[str, object]) -> None:
    told_twice = [decode(topic, {**told, "temperature": 21}) for topic in ("cellar1/n", "cellar2/n")]
    assert [row[:2] for row in rows(*told_twice)] == [("cellar1/n", "1"), ("cellar2/n", "1")]
    assert [row[:2] for row in rows(decode("", {**told, "temperature": 21}))] == [("1", "")]


def test_a_part_under_name_is_no_device_s_name() -> None:
    for key in ("name", "device_name", "location"):
        (reading,) = decode("w1/n", {key: "DHT22", "temperature": 21, "humidity": 40}).readings
        assert (reading.device, reading.probe, reading.model) == ("w1/n", "", "DHT22")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("a/n", {"x": "21.5"}),
        ("a/n", {"x": "21,5 °C"}),
        ("a/temperature", [21.5]),
        ("a/temperature", ["21.5"]),
        ("a/n", {"columns": ["temperature", "humidity"], "values": [21.5, 50]}),
        ("a/n", {"model": "sensor_ht", "data": '{"temperature":"2150"}'}),
        ("a/n", {"payload": '{"temperature":21.5}'}),
        ("a/n", {"temperature": "21.5 parsec", "target_temperature": 21}),
    ],
)
def test_figures_that_nobody_understands_are_unknown_so_that_a_sample_is_kept(topic: str, payload: object) -> None:
    assert decode(topic, payload).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "payload", [{"state": "ON"}, {"ip": "10.0.0.7", "fw": "1.2.3"}, {"mac": "001122"}, {"at": "10:30"}, {}, []]
)
def test_without_a_figure_there_is_nothing_to_puzzle_over(payload: object) -> None:
    assert decode("a/n", payload).kind is Kind.NOISE


def test_a_degree_sign_alone_tells_a_temperature_and_no_scale() -> None:
    assert rows(decode("a/n", {"Temperatur": "21,5°", "Feuchte": "50%"})) == [
        ("a/n", "", "temperature", 21.5),
        ("a/n", "", "humidity", 50),
    ]
    assert rows(decode("a/n", {"temperature": "68°", "unit": "F"})) == [("a/n", "", "temperature", 20)]
    assert rows(decode("a/humidity", "21.5°")) == []


@pytest.mark.parametrize(
    ("payload", "row"),
    [
        ({"temperature": 68, "scale": "Fahrenheit"}, ("a/n", "", "temperature", 20)),
        ({"temperature": 20, "scale": "linear"}, ("a/n", "", "temperature", 20)),
        ({"temperature": 68, "temp_scale": "F"}, ("a/n", "", "temperature", 20)),
        ({"state": 21.5, "unit_of_measurement": "°C"}, ("a/n", "", "temperature", 21.5)),
        ({"28-0316a2b3c4ff": 21.5}, ("a/n", "28-0316a2b3c4ff", "temperature", 21.5)),
        ({"10e2073a01080063": 21.5}, ("a/n", "10e2073a01080063", "temperature", 21.5)),  # RFC 8428's, with its CRC
        (
            {
                "entity_id": "sensor.k",
                "state": "68",
                "attributes": {"unit_of_measurement": "°F", "device_class": "temperature", "friendly_name": "Hall"},
            },
            ("sensor.k", "", "temperature", 20),
        ),
        ({"hc1": {"seltemp": 21, "currtemp": 20.5, "mode": "auto"}}, ("a/n", "hc1", "temperature", 20.5)),  # EMS-ESP
        ({"current_temperature": 20, "temperature": 22}, ("a/n", "", "temperature", 20)),
        ({"current_humidity": 40, "humidity": 55, "mode": "auto"}, ("a/n", "", "humidity", 40)),
        ({"last_temperature": 19, "temperature": 20}, ("a/n", "", "temperature", 20)),
        ({"last_temperature": 19}, ("a/n", "", "temperature", 19)),
        ({"temperature": {"humidity": 50}}, ("a/n", "", "humidity", 50)),
    ],
)
def test_what_stands_beside_a_value_tells_its_unit_its_quantity_or_that_it_is_a_wish(
    payload: object, row: tuple[str, str, str, float]
) -> None:
    assert rows(decode("a/n", payload)) == [row]


@pytest.mark.parametrize(
    "payload",
    [
        {"10e2073a01080064": 21.5},  # no 1-Wire address: its CRC is another
        {"state": "55", "attributes": {"unit_of_measurement": "%", "friendly_name": "Brightness"}},
        {"state": "4.1", "attributes": {"unit_of_measurement": "kWh", "device_class": "energy"}},
    ],
)
def test_nothing_is_guessed_of_a_name_or_state_that_tells_no_quantity(payload: object) -> None:
    assert rows(decode("a/n", payload)) == []


def test_records_of_the_same_quantity_are_probes_by_their_place() -> None:
    payload = [{"slot": n, "type": "temp", "unit": "c", "value": 20 + n} for n in (1, 2)]
    assert [row[1:] for row in rows(decode("a/n", payload))] == [("", "temperature", 21), ("1", "temperature", 22)]


@pytest.mark.parametrize(
    "key",
    [
        *("habitacion", "zona", "cuarto", "Estación", "nombre", "identificador", "aparato", "planta", "zimmer"),
        *("standort", "gerät", "lieu", "pièce", "nom", "appareil", "stanza", "luogo", "quarto", "cômodo", "kamer"),
        *("pokój", "комната", "датчик", "房间", "capteur", "imei", "rom", "alias", "label", "channel", "ch"),
    ],
)
def test_devices_that_share_a_topic_are_told_apart_in_any_language(key: str) -> None:
    told = [rows(decode("home/all", {key: one, "temperature": 21.5})) for one in ("norte", "sur")]
    assert [row[0][:2] for row in told] == [("norte", ""), ("sur", "")]


def test_a_radio_s_channel_tells_devices_apart_and_the_wifi_s_does_not() -> None:
    told = [rows(decode("home/all", {"channel": one, "temperature": 21.5}))[0][:2] for one in (1, 2)]
    assert told == [("home/all", "1"), ("home/all", "2")]
    wifi = [rows(decode("home/x", {"channel": one, "ssid": "a", "temperature": 21.5}))[0][:2] for one in (1, 11)]
    assert set(wifi) == {("home/x", "")}


@pytest.mark.parametrize("word", ["state", "ok", "info", "debug", "sample", "data", "sensor", "value"])
def test_a_bare_name_is_the_value_and_not_what_says_something_beside_it(word: str) -> None:
    for key in (f"temp_{word}", f"{word}_temp"):
        assert rows(decode("h/k", {key: 1, "temp": 20})) == [("h/k", "", "temperature", 20)]
        assert rows(decode("h/k", {key: 20.5})) == [("h/k", "", "temperature", 20.5)]
        assert rows(decode("h/k", {key: 20.5, "temp": None})) == [("h/k", "", "temperature", 20.5)]


@pytest.mark.parametrize("word", ["air", "est"])
def test_two_values_stay_two(word: str) -> None:
    told = rows(decode("h/k", {f"temp_{word}": 18, "temp": 19}))
    assert sorted(told) == [("h/k", "", "temperature", 19), ("h/k", word, "temperature", 18)]


@pytest.mark.parametrize(
    "word",
    [
        *("cal", "corr", "adj", "mode", "pin", "quality", "rssi", "available"),
        *("failed", "idx", "updated", "gpio", "status", "offset", "calidad", "disponible"),
    ],
)
def test_what_speaks_about_a_value_is_no_probe(word: str) -> None:
    assert rows(decode("h/k", {f"temp_{word}": 1, "temp": 20})) == [("h/k", "", "temperature", 20)]
    assert decode("h/k", {f"humidity_{word}": 1}).kind is Kind.NOISE


@pytest.mark.parametrize(
    "payload",
    [
        {"temperature": {"value": 0, "valid": False}},
        {"temperature": {"value": 0, "is_valid": False}},
        {"temperature": 21.5, "isValid": False},
        {"temperature": {"temperature": 21.5, "temperature_valid": False}},  # Hue's clip v2
        {"temperature": 21.5, "temperatureValid": False},
    ],
)
def test_what_the_device_calls_invalid_is_a_failed_read(payload: dict[str, object]) -> None:
    decoded = decode("h/k", payload)
    assert (decoded.kind, failed(decoded)) == (Kind.ERROR, [("h/k", "", "temperature")])


def test_of_two_quantities_only_the_invalid_one_failed() -> None:
    decoded = decode("h/k", {"temperature": 21.5, "temperature_valid": False, "humidity": 40, "humidity_valid": True})
    assert rows(decoded) == [("h/k", "", "humidity", 40)]
    assert failed(decoded) == [("h/k", "", "temperature")]


@pytest.mark.parametrize(
    "payload",
    [
        {"values": {"temperature": 70.7}, "units": {"temperature": "°F"}},
        {"units": {"temperature": "F", "humidity": "%"}, "temperature": 70.7},
        {"temperature": {"v": 70.7, "u": "F"}},
        {"outTemp": 70.7, "outHumidity": 40, "usUnits": 1},  # weewx
        {"outTemp": "70.7", "usUnits": "1.0"},
        {"outTemp": 21.5, "usUnits": 17},
        {"main": {"temp": 294.65, "humidity": 60, "pressure": 1013}, "name": "Madrid"},  # OpenWeatherMap's standard
    ],
)
def test_a_unit_that_is_told_beside_the_value_holds(payload: dict[str, object]) -> None:
    assert [row[3] for row in rows(decode("h/k", payload)) if row[2] == "temperature"] == [21.5]


def test_hot_places_and_tenths_are_no_kelvin() -> None:
    assert rows(decode("h/oven", {"temperature": 250.5}))[0][3] == 250.5
    assert rows(decode("h/oven", {"temperature": 235, "humidity": 45}))[0][3] == 235


@pytest.mark.parametrize(
    "state",
    [{"state": "ON", "temp": 22, "hvac_mode": "cool"}, {"temp": 22, "mode": "cool"}, {"temp": 22, "mode": "dry"}],
)
def test_an_air_conditioner_s_state_holds_what_it_is_set_to(state: dict[str, object]) -> None:
    assert decode("h/ac", state).kind is Kind.NOISE


def test_what_an_air_conditioner_measures_is_read() -> None:
    for state in ({"humidity": 40}, {"target_temp": 20}, {"setpoint": 20}):
        told = rows(decode("h/ac", {"temp": 22, "mode": "cool", **state}))
        assert ("h/ac", "", "temperature", 22) in told
    assert rows(decode("h/ac", {"temp": 21.3, "mode": "cool"})) == [("h/ac", "", "temperature", 21.3)]
    assert rows(decode("h/ac", {"temp": 22, "mode": "station"})) == [("h/ac", "", "temperature", 22)]


@pytest.mark.parametrize("topic", ["kids/max", "home/Max", "home/system"])
def test_a_whole_report_under_such_a_name_is_a_device_s(topic: str) -> None:
    told = {"temperature": 21.5, "humidity": 40, "battery": 90, "rssi": -60}
    assert rows(decode(topic, told))[0] == (topic, "", "temperature", 21.5)
    assert decode(topic, {"temperature": 61.5, "cpu": 12}).kind is Kind.NOISE


def test_percent_is_written_in_many_ways() -> None:
    for text in ("40％", "40 por ciento", "40 %", "40 pour cent", "40 Prozent"):
        assert rows(decode("h/k", {"humidity": text})) == [("h/k", "", "humidity", 40)]


def test_one_letter_and_a_place_is_a_probe_where_two_bear_each_other_out() -> None:
    assert rows(decode("h/k", {"t_in": 21.5, "t_out": 3, "h_in": 40})) == [
        ("h/k", "in", "temperature", 21.5),
        ("h/k", "in", "humidity", 40),
        ("h/k", "out", "temperature", 3),
    ]
    assert decode("h/k", {"t_out": 30}).kind is not Kind.READING
    assert decode("h/k", {"t_in": 30, "t_out": 86400}).kind is not Kind.READING


def test_a_list_of_one_figure_is_sampled() -> None:
    assert decode("h/k", {"temperature": [21.5]}).kind is Kind.UNKNOWN
    assert decode("h/k", {"temperature": [21.5, 22]}).kind is Kind.NOISE


@pytest.mark.parametrize("key", ["time_valid", "gps_valid", "timeValid", "humidity_valid"])
def test_that_something_else_is_invalid_says_nothing_of_the_temperature(key: str) -> None:
    assert rows(decode("h/k", {key: False, "temperature": 21.5})) == [("h/k", "", "temperature", 21.5)]
