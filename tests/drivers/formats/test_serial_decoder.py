"""The serial decoder: whole records out of a stream, whichever of its formats the device speaks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decoding import failed, rows

from drivers.base import Decoded, Kind
from drivers.formats import SerialDecoder, decode_capture

TESTER = "Humidity: 45.20%  Temperature: 23.10°C 73.58°F  Heat index: 22.65°C 72.76°F\r\n"
TESTER_VALUES = [("humidity", 45.2), ("temperature", 23.1), ("heat_index", 22.65)]


def values(capture: str | bytes) -> list[tuple[str, float]]:
    return [row[2:] for row in rows(*decode_capture(capture.encode() if isinstance(capture, str) else capture))]


def test_a_whole_line_is_given_out_at_once() -> None:
    (decoded,) = SerialDecoder().feed(TESTER.encode())
    assert [row[2:] for row in rows(decoded)] == TESTER_VALUES


@pytest.mark.parametrize(
    "line",
    [
        TESTER,
        TESTER.replace("\r\n", "\n"),
        TESTER.encode("latin-1"),
        "\x1b[32m" + TESTER,
        "12:30:45.123 -> " + TESTER,
        "Humidity: 45.20 %\tTemperature: 23.10 *C 73.58 *F\tHeat index: 22.65 *C 72.76 *F\r\n",
    ],
)
def test_adafruit_s_tester_in_all_its_dresses(line: str | bytes) -> None:
    assert values(line) == TESTER_VALUES


def test_one_quantity_a_line_is_one_record() -> None:
    decoder = SerialDecoder()
    assert decoder.feed(b"Temperature: 23.10\xc2\xb0C\r\nHumidity: 45.20%\r\n") == []
    (record,) = decoder.idle()
    assert [row[2:] for row in rows(record)] == [("temperature", 23.1), ("humidity", 45.2)]
    assert len(record.readings) == 1


def test_chatter_between_its_lines_does_not_end_a_record() -> None:
    lines = b"Temperature: 23.1 *C\nPressure: 1013.25 hPa\nApprox. Altitude = 12.3 m\nHumidity = 45.2 %\n"
    decoded = [one for one in decode_capture(lines) if one.kind is Kind.READING]
    assert [row[2] for row in rows(*decoded)] == ["temperature", "pressure", "humidity"]
    assert len(decoded) == 1


def test_the_next_record_ends_the_last() -> None:
    decoder = SerialDecoder()
    record = b"Temperature: 23.10 C\nHumidity: 45.20%\n"
    assert [rows(one) for one in decoder.feed(record + record + b"Temperature: 9.00 C\n")] == [
        [(None, "", "temperature", 23.1), (None, "", "humidity", 45.2)]
    ] * 2
    assert rows(*decoder.idle()) == [(None, "", "temperature", 9.0)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Humedad: 54.30%\tTemperatura: 26.20°C\t79.16°F", [("humidity", 54.3), ("temperature", 26.2)]),
        ("Luftfeuchtigkeit: 54,3 %  Temperatur: 26,2 °C", [("humidity", 54.3), ("temperature", 26.2)]),
        ("Sample OK: 19 *C, 31 H", [("temperature", 19), ("humidity", 31)]),
        ("343. OK,\tTemperature: 23.50 C ~ Humidity: 48.20 %", [("temperature", 23.5), ("humidity", 48.2)]),
        ("(dht22: 01 b9 ff fa b3 temp=-0.6, humi=44.1)", [("temperature", -0.6), ("humidity", 44.1)]),
        ("Temperature=23.10:Humidity=45.20:snowfall=12", [("temperature", 23.1), ("humidity", 45.2)]),
        ("T:24.50 H:50.10 Comfort_OK", [("temperature", 24.5), ("humidity", 50.1)]),
        ("23.5 C temperature, 45.2 % humidity", []),  # the first line's beginning may be missing
        ("The temperature is 70.0 F", [("temperature", 21.11)]),
        ("Temp: -0.30C", [("temperature", -0.3)]),
        ("T 21.5 H 40", [("temperature", 21.5), ("humidity", 40)]),
        ("Temperature in C: 23.5", [("temperature", 23.5)]),
        ("DHT22: 23.5C 45.2%", [("temperature", 23.5), ("humidity", 45.2)]),
        ("Temp 21.5 RSSI: -60", [("temperature", 21.5)]),
        ("RSSI: -60 dBm Temp: 21.5", [("temperature", 21.5)]),
        ("I (1234) dht: Temperature: 21.5 C Humidity: 40 %", [("temperature", 21.5), ("humidity", 40)]),
        ("12:05:33 Temp: 21.5", [("temperature", 21.5)]),
        ("Temp: 21.5 C Humidity: 9.1 g/m3", [("temperature", 21.5)]),
        ("Sample OK: 19.50 *C, 36.10 RH%", [("temperature", 19.5), ("humidity", 36.1)]),  # SimpleDHT22Default
        ("Umidade: 60.00 %t Temperatura: 25.00 *C", [("humidity", 60), ("temperature", 25)]),  # "%\\t" less its \\
        ("Umidade: 60.00 %tTemperatura: 25.00 *C", [("humidity", 60), ("temperature", 25)]),
        ("La temperatura es de 23.5 grados y la humedad 44%", [("temperature", 23.5), ("humidity", 44)]),
        ("Temperatura: 23,5 grados centígrados", [("temperature", 23.5)]),
        ("A temperatura é de 23 graus e a umidade 44%", [("temperature", 23), ("humidity", 44)]),
    ],
)
def test_labelled_text(line: str, expected: list[tuple[str, float]]) -> None:
    assert values(line + "\r\n") == expected


def test_labels_after_the_figures() -> None:
    assert values("ready\n23.5 temperature 45.2 humidity\n") == [("temperature", 23.5), ("humidity", 45.2)]
    assert values("ready\n23.5 C temperature, 45.2 % humidity\n") == [("temperature", 23.5), ("humidity", 45.2)]


def test_several_sensors_named_on_lines_of_their_own_or_before_their_values() -> None:
    block = "Sensor 1 data:\nTemp: 23.50'C Humidity: 45.2%\nSensor 2 data:\nTemp: 19.10'C Humidity: 61.0%\n"
    decoded = decode_capture(block.encode())
    assert [row[1:] for row in rows(*decoded)] == [
        ("Sensor 1", "temperature", 23.5),
        ("Sensor 1", "humidity", 45.2),
        ("Sensor 2", "temperature", 19.1),
        ("Sensor 2", "humidity", 61.0),
    ]
    prefixed = decode_capture(b"DHT22 #1: T=21.5 H=45\nDHT22 #2: T=20 H=44\n")
    assert [row[1] for row in rows(*prefixed)] == ["DHT22 #1", "DHT22 #1", "DHT22 #2", "DHT22 #2"]
    dallas = decode_capture(b"Temperature for the device 1 (index 0) is: 21.5\n")
    assert [row[1:] for row in rows(*dallas)] == [("1", "temperature", 21.5)]
    placed = decode_capture(b"Inside: 21.5C 45%\tOutside: 5.2C 80%\n")
    assert [row[1] for row in rows(*placed)] == ["Inside", "Inside", "Outside", "Outside"]
    carried = decode_capture(b"BME280 Temperature: 23.1 *C Pressure: 1013.2 hPa Altitude: 120 m Humidity: 45.2 %\n")
    assert {row[1] for row in rows(*carried)} == {"bme280"}
    named = decode_capture(b"Sensor 1 temp: 23.4 Sensor 2 temp: 25.1\n")
    assert [row[1:] for row in rows(*named)] == [("1", "temperature", 23.4), ("2", "temperature", 25.1)]


@pytest.mark.parametrize(
    ("line", "probes"),
    [
        ("DHT1: T=21.5C H=44% DHT2: T=22.5C H=45%", ("DHT1", "DHT2")),
        ("DHT1 T=21.5C H=44% DHT2 T=22.5C H=45%", ("DHT1", "DHT2")),
        ("inside: temp=21.5 hum=44; outside: temp=22.5 hum=45", ("inside", "outside")),
        ("Sensor1 Temp: 21.5 Hum: 44 Sensor2 Temp: 22.5 Hum: 45", ("1", "2")),
        ("[1] T=21.5 H=44 [2] T=22.5 H=45", ("1", "2")),
        ("kitchen T:21.5 H:44, bedroom T:22.5 H:45", ("kitchen", "bedroom")),
        ("T1: 21.5 H1: 44 T2: 22.5 H2: 45", ("1", "2")),
        ("Temperature 1: 21.5 Humidity 1: 44 Temperature 2: 22.5 Humidity 2: 45", ("1", "2")),
    ],
)
def test_two_sensors_on_one_line_keep_their_own_values(line: str, probes: tuple[str, str]) -> None:
    decoded = decode_capture(line.encode() + b"\r\n")
    assert [row[1:] for row in rows(*decoded)] == [
        (probes[0], "temperature", 21.5),
        (probes[0], "humidity", 44.0),
        (probes[1], "temperature", 22.5),
        (probes[1], "humidity", 45.0),
    ]


def test_a_word_before_the_values_of_one_sensor_is_no_sensor() -> None:
    (reading,) = rows(*decode_capture(b"Reading: Temp=21 \r\n"))
    assert reading[1] == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("T: 21.5 RH: 40", [("temperature", 21.5), ("humidity", 40)]),
        ("T=21.5 RH=40", [("temperature", 21.5), ("humidity", 40)]),
        ("t 21.5, rh 40", [("temperature", 21.5), ("humidity", 40)]),
        ("T: 21 DP: 10", [("temperature", 21), ("dew_point", 10)]),
        ("T: 21 RH: 40 DP: 10.1", [("temperature", 21), ("humidity", 40), ("dew_point", 10.1)]),
        ("Temp: 21 H: 40", [("temperature", 21), ("humidity", 40)]),
    ],
)
def test_a_letter_is_believed_beside_another_word_of_the_air(line: str, expected: list[tuple[str, float]]) -> None:
    assert values(line + "\r\n") == expected


def test_a_clock_s_letters_are_no_humidity() -> None:
    assert values("H: 12 M: 30 Temp: 21.5\r\n") == [("temperature", 21.5)]


def test_each_dallas_address_is_one_probe_and_fahrenheit_repeats_its_celsius() -> None:
    lines = b"".join(
        b"Device Address: 28AA112233445%bC6 Temp C: 2%b.00 Temp F: 77.00\r\n" % (digit, digit) for digit in (b"5", b"4")
    )
    assert [row[1:] for row in rows(*decode_capture(lines))] == [
        ("28aa1122334455c6", "temperature", 25.0),
        ("28aa1122334454c6", "temperature", 24.0),
    ]


def test_onewire_s_example_names_each_probe_by_its_address_on_a_line_before() -> None:
    block = (
        "ROM = 28 84 37 94 97 FF 3 {end}\r\n  Chip = DS18B20\r\n  Data = 1 50 5 4B 46 7F FF C 10 1C  CRC=1C\r\n"
        "  Temperature = {value} Celsius, 69.80 Fahrenheit\r\n"
    )
    capture = block.format(end="23", value="21.00") + block.format(end="24", value="19.50") + "No more addresses.\r\n"
    assert [row[1:] for row in rows(*decode_capture(capture.encode()))] == [
        ("2884379497FF0323", "temperature", 21.0),
        ("2884379497FF0324", "temperature", 19.5),
    ]


@pytest.mark.parametrize("line", ["T1: 21.5", "H2: 44", "t3 12"])
def test_one_letter_alone_is_not_believed(line: str) -> None:
    assert rows(*decode_capture(line.encode() + b"\r\n")) == []


@pytest.mark.parametrize(
    ("line", "quantities"),
    [
        ("Failed to read from DHT sensor!", ["temperature", "humidity"]),
        ("Error reading humidity!", ["humidity"]),
        ("Read DHT11 failed, err=101", ["temperature", "humidity"]),
        ("DHT22 checksum error", ["temperature", "humidity"]),
        ("Temperature: nan C  Humidity: nan %", ["temperature", "humidity"]),
        ("temp=-127.00", ["temperature"]),
        ('{"error":"DHT read failed"}', ["temperature", "humidity"]),
        ('{"sensor":"dht22","status":"humidity read error"}', ["humidity"]),
        ("Temp C: -127.00 Temp F: -196.60", ["temperature"]),  # DEVICE_DISCONNECTED_C and _F
        ("Temperature: -127.00 C  -196.60 F", ["temperature"]),
        ("Device Address: 28AA1122334455C6 Temp C: -127.00 Temp F: -196.60", ["temperature"]),
        ("Humidity (%): 0.00\nTemperature (oC): 0.00", ["humidity", "temperature"]),
    ],
)
def test_failed_reads(line: str, quantities: list[str]) -> None:
    decoded = decode_capture(line.encode() + b"\r\n")
    assert rows(*decoded) == []
    assert sorted(one[2] for one in failed(*decoded)) == sorted(quantities)


@pytest.mark.parametrize(
    "text",
    [
        " ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\nload 0x4010f000, len 1384, room 16 \r\ntail 8\r\n",
        "epc1=0x40202c31 epc2=0x00000000\r\n3fffff70:  3fffdad0 00001388 3ffee93c 40203d93\r\n",
        '{"status":"WiFi connection failed"}\r\n{"status":"ok"}\r\n',
        "Max Value:   125.00°C\r\nMin Value:   -40.00°C\r\nResolution:  0.10°C\r\n",
        "  Data = 1 50 5 4B 46 7F FF C 10 1C  CRC=1C\r\nID: 12F\r\n",
        "DHTxx test!\r\n------------------\r\n",
        "Setpoint: 22.0 C\r\nCPU: 45 C\r\n",
        "# DHT22 readings follow: temperature=99\r\n",
        "WiFi connection failed\r\n",
        'e":21.5,"humidity":60}\r\n',
        ".20%  is left of a line\r\n",
        "20,21,17,21,45.5,24\r\n",
    ],
)
def test_what_is_no_reading(text: str) -> None:
    assert all(one.kind in (Kind.NOISE, Kind.UNKNOWN) for one in decode_capture(text.encode()))


def test_a_truncated_line_is_not_believed_where_it_was_cut() -> None:
    assert values(".20%  Temperature: 23.10°C 73.58°F\r\n") == [("temperature", 23.1)]
    assert values("3.10°C 73.58°F  Heat index: 22.65°C 72.76°F\r\n") == [("heat_index", 22.65)]
    assert values("Humidity: 45.20%  Temperature: 23.1") == [("humidity", 45.2)]
    assert values('{"temperature":21.5,"humi') == []


def test_csv_by_its_header() -> None:
    decoded = decode_capture(b"DHT11#1 H,DHT11#1 T,DHT22#3 H,DHT22#3 T\r\nERROR,ERROR,45.7,24.1\r\n")
    assert [(row[1].upper(), *row[2:]) for row in rows(*decoded)] == [
        ("DHT22#3", "humidity", 45.7),
        ("DHT22#3", "temperature", 24.1),
    ]
    assert {one[2] for one in failed(*decoded)} == {"humidity", "temperature"}
    assert values("Temperature (F);Humidity (%)\n68,0;45,2\n") == [("temperature", 20.0), ("humidity", 45.2)]
    assert values("Type,\tstatus,\tHumidity (%),\tTemperature (C)\tTime (us)\nDHT22, \tOK,\t45.2,\t23.1,\t40\n") == [
        ("humidity", 45.2),
        ("temperature", 23.1),
    ]


def test_a_german_and_a_croatian_name_the_humidity() -> None:
    assert values("Feucht;Temp\n44;21\n") == [("humidity", 44), ("temperature", 21)]
    assert values("Vlaga: 48 %  Temperatura: 21.5 C\r\n") == [("humidity", 48), ("temperature", 21.5)]


@pytest.mark.parametrize("row", ["DHT22,OK,44.5,21.5,5", "DHT22,OK,44.5,21.5,5,"])
def test_a_row_with_a_column_more_than_its_header_stores_nothing_false(row: str) -> None:
    last = decode_capture(f"STAT,HUMI,TEMP,TIME,TYPE\n{row}\n".encode())[-1]
    assert (last.kind, last.readings) == (Kind.UNKNOWN, ())
    assert last.reason == "'OK' stands in the column 'HUMI': the row does not fit its header"


def test_a_csv_without_a_header_is_told_the_cure() -> None:
    (decoded, *_) = decode_capture(b"45.2,23.1\n45.2,23.1\n")
    assert "columns: [humidity, temperature]" in decoded.reason


def test_a_header_outlives_the_connection_but_a_first_row_may_be_cut() -> None:
    memory: dict[str, Any] = {}
    SerialDecoder("auto", memory).feed(b"Humidity,Temperature\n45.2,23.1\n")
    decoder = SerialDecoder("auto", memory)
    assert rows(*decoder.feed(b"5.2,23.1\n")) == []
    assert rows(*decoder.feed(b"45.2,23.1\n")) == [(None, "", "humidity", 45.2), (None, "", "temperature", 23.1)]


def test_json_lines() -> None:
    assert values('e":21.5,"humidity":60}\r\n{"temperature":21.6,"humidity":59}\r\n') == [
        ("temperature", 21.6),
        ("humidity", 59),
    ]


FRAME = bytes.fromhex("028c015fee")


def test_frames_are_recognised_by_a_burst_of_them() -> None:
    decoder = SerialDecoder()
    assert decoder.feed(FRAME) == []
    (decoded,) = decoder.idle()
    assert rows(decoded) == [(None, "", "humidity", 65.2), (None, "", "temperature", 35.1)]
    assert decoder.recognised == "dht22-frame"
    assert len(decoder.feed(FRAME[1:] + FRAME + FRAME)) == 2  # a byte was lost, and only its frame with it


def test_one_frame_among_other_bytes_is_not_believed() -> None:
    tail = bytes.fromhex("0243 0154 9a 31")  # the end of a bus's answer: 57.9 % and 34.0 °C with the right sum
    assert rows(*decode_capture(tail)) == []
    assert len(rows(*decode_capture(tail[:5]))) == 2


def test_text_and_frames_are_not_mixed_up() -> None:
    decoder = SerialDecoder()
    decoder.feed(TESTER.encode())
    assert decoder.feed(FRAME) + decoder.idle() == []
    assert decoder.recognised == "adafruit-dht"


def test_a_wrong_baud_rate_is_said_and_counted() -> None:
    decoder = SerialDecoder()
    garbage = bytes.fromhex("a26a81a21a295e5962a5a29559616079603862e6") + b"\n" + b"\xfe\x81\x02\n"
    decoded = decoder.feed(garbage) + decoder.idle()
    assert [one.kind for one in decoded] == [Kind.NOISE]
    assert "baud rate" in decoded[0].reason
    assert decoder.counters["garbled"] >= 1


def test_a_line_too_long_is_counted_and_the_next_is_read() -> None:
    decoder = SerialDecoder()
    assert rows(*decoder.feed(b"x" * 5000 + b"\n" + TESTER.encode())) != []
    assert decoder.counters == {"too_long": 1}


def test_one_garbled_line_does_not_change_what_was_recognised() -> None:
    decoder = SerialDecoder()
    decoder.feed(TESTER.encode() * 3 + b"temp=21 hum=40\n")
    assert decoder.recognised == "adafruit-dht"
    decoder.feed(b"temp=21 hum=40\n" * 3)
    assert decoder.recognised == "text"


def test_a_format_that_is_set_reads_nothing_else() -> None:
    decoder = SerialDecoder("csv")
    assert rows(*decoder.feed(b"Humidity: 45.2 % Temperature: 21 C\n")) == []
    with pytest.raises(ValueError, match="'morse' is no serial format; known are adafruit-dht"):
        SerialDecoder("morse")


def _all(decoder: SerialDecoder, pieces: list[bytes]) -> list[Decoded]:
    return [one for piece in pieces for one in decoder.feed(piece)] + decoder.end()


@given(st.integers(1, 40))
def test_where_the_stream_is_cut_makes_no_difference(size: int) -> None:
    stream = (TESTER + "DHTxx test!\r\nTemperature: 23.10 C\r\nHumidity: nan %\r\n" + '{"temperature":3}\r\n').encode()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert _all(SerialDecoder(), pieces) == _all(SerialDecoder(), [stream])


@pytest.mark.parametrize(
    ("line", "probe"),
    [
        ("node=garage temp=11.3 hum=65.2", "garage"),
        ("device: bath temp: 22.1 hum: 70", "bath"),
        ("id=7, temp=11.3, hum=65.2", "7"),
        ("name=attic;temp=11.3;hum=65.2", "attic"),
    ],
)
def test_whoever_a_line_names_first_is_whose_both_values_are(line: str, probe: str) -> None:
    told = rows(*decode_capture((line + "\n").encode()))
    assert [row[1:3] for row in told] == [(probe, "temperature"), (probe, "humidity")]


@pytest.mark.parametrize(
    "line",
    [
        "Sıcaklık: 24.0 C  Nem: 60%",
        "Температура: 24.0 C Влажность воздуха: 60 %",
        "Temperatura ambiente: 24.0 C Humedad relativa: 60 %",
        "Lufttemperatur: 24.0 C relative Luftfeuchtigkeit: 60 %",
        "Temperatura: 24.0 C Umiditate: 60 %",
        "Θερμοκρασία: 24.0 C Υγρασία: 60 %",
    ],
)
def test_both_quantities_are_one_sensor_s_in_any_of_these_languages(line: str) -> None:
    assert rows(*decode_capture((line + "\n").encode())) == [
        (None, "", "temperature", 24.0),
        (None, "", "humidity", 60.0),
    ]


@pytest.mark.parametrize("line", ["Temp: 21.5 C Hum: 4Temp: 21.5 C Hum: 48 %", "Temp: 21.5.3 C Hum: 48 %"])
def test_a_garbled_line_makes_no_sensor(line: str) -> None:
    (decoded,) = decode_capture((line + "\n").encode())
    assert (decoded.kind, decoded.readings) == (Kind.ERROR, ())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_decimal_comma_is_no_separator(separator: str) -> None:
    lines = [separator.join(row) for row in (("Zeit", "Temperatur", "Feuchte"), *[("12:00:00", "21,5", "48,2")] * 2)]
    told = rows(*decode_capture("\r\n".join(["", *lines, ""]).encode()))
    assert {row[1:] for row in told} == {("", "temperature", 21.5), ("", "humidity", 48.2)}


@pytest.mark.parametrize("failure", ['"nan"', "null"])
def test_a_letter_s_failed_read_does_not_cost_the_other_letter_s_value(failure: str) -> None:
    decoded = decode_capture(f'{{"id":"a","t":21.4,"h":{failure}}}\n'.encode())
    assert rows(*decoded) == [("a", "", "temperature", 21.4)]
    assert failed(*decoded) == [("a", "", "humidity")]
