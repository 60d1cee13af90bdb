"""InfluxDB line protocol, by its reference's rules and samples, and by what Telegraf and Home Assistant write."""

from datetime import UTC, datetime

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind
from drivers.formats.message import Hint
from drivers.formats.registry import decode_mqtt


@pytest.mark.parametrize(
    ("tags", "device", "probe"),
    [
        (r"room=Living\ Room", "Living Room", ""),
        ("device=esp1,location=hall", "esp1", ""),
        ("location=hall,device=esp1,sensor=dht", "esp1", "dht"),
        ("device=esp1,channel=2", "esp1", "2"),
        ("sensor_id=TLM0201", "TLM0201", ""),
        (r"location=main\ building,source=device\ 1,type=Machine\ A", "device 1", ""),
        ("host=pi,topic=zigbee2mqtt/hall", "zigbee2mqtt/hall", ""),
        ("host=pi,sensor=attic", "attic", ""),
        ("host=esp-hall", "esp-hall", ""),
        ("region=eu", "a/b", ""),
        (r"device=a\,b\=c", "a,b=c", ""),
    ],
)
def test_which_tag_is_the_device(tags: str, device: str, probe: str) -> None:
    assert rows(decode("a/b", f"env,{tags} temp=21.1,hum=35.9,co=0i 1641024000")) == [
        (device, probe, "temperature", 21.1),
        (device, probe, "humidity", 35.9),
    ]


@pytest.mark.parametrize("time", ["1641024000", "1641024000000", "1641024000000000", "1641024000000000000"])
def test_the_precision_is_told_by_the_size(time: str) -> None:
    (reading,) = decode("a", f"home,room=x temp=21.1 {time}").readings
    assert reading.measured_at == datetime(2022, 1, 1, 8, tzinfo=UTC)


def test_types_of_fields() -> None:
    line = r'm,id=7 temperature=21i,serial\ number="t=3, h=4 \"x\"",humidity=4.5e1,ok=true,battery\ level=80u'
    assert rows(decode("a", line)) == [
        ("7", "", "temperature", 21),
        ("7", "", "humidity", 45),
        ("7", "", "battery", 80),
    ]


def test_several_lines_one_field_each() -> None:
    lines = "# two of attic\ntemperature,sensor=attic,host=pi value=21.3\r\nhumidity,sensor=attic,host=pi value=50\n\n"
    decoded = decode("a", lines + "temperature,sensor=cellar,host=pi value=9.5\nbroken line")
    assert rows(decoded) == [
        ("attic", "", "temperature", 21.3),
        ("attic", "", "humidity", 50),
        ("cellar", "", "temperature", 9.5),
    ]
    assert len(decoded.readings) == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("env,device=a,type=temperature value=21 1641024000", ("a", "", "temperature", 21)),
        (
            "°C,domain=sensor,entity_id=hall_temperature,friendly_name=Hall value=21.5",
            ("hall_temperature", "", "temperature", 21.5),
        ),
        ("%,domain=sensor,entity_id=hall_humidity value=45", ("hall_humidity", "", "humidity", 45)),
        ("env,device=a temp_f=68", ("a", "", "temperature", 20)),
        ("env,device=a,unit=F temperature=68", ("a", "", "temperature", 20)),
        ("mqtt_consumer,host=pi,topic=home/hall/temperature value=21.5", ("home/hall", "", "temperature", 21.5)),
        ("weather temperature=82 1465839830100400200", ("a/b", "", "temperature", 82)),
    ],
)
def test_who_names_the_quantity_and_the_unit(line: str, expected: tuple[str, str, str, float]) -> None:
    assert rows(decode("a/b", line)) == [expected]


def test_measurements_tell_series_apart_where_no_tag_does() -> None:
    decoded = decode("a/b", "attic temp=1.5,hum=40 1641024000\ncellar temp=9.5,hum=70 1641024000")
    assert [row[:2] for row in rows(decoded)] == [("a/b", "attic")] * 2 + [("a/b", "cellar")] * 2


def test_the_unit_that_the_configuration_tells() -> None:
    assert rows(decode_mqtt("a", b"airSensors,sensor_id=T1 temperature=68,humidity=35", {}, Hint("", "°F"))) == [
        ("T1", "", "temperature", 20),
        ("T1", "", "humidity", 35),
    ]


def test_a_failed_read() -> None:
    decoded = decode("a", "env,device=a temperature=nan,humidity=40")
    assert (rows(decoded), failed(decoded)) == ([("a", "", "humidity", 40)], [("a", "", "temperature")])


@pytest.mark.parametrize(
    "line",
    [
        "# DHT22 readings follow: temperature=99",
        r"modbus,source=device\ 2,status=offline supplied=false 1676522982000000000",
        "env,room=a temperature_setpoint=21",
        'env,room=a msg="temperature=3, hum=4"',
        "temp,host=pi,sensor=coretemp_core_0 temp=45 1676522982000000000",
        "sensors,chip=coretemp-isa-0000,feature=core_0,host=pi temp_input=42",
        "cpu,cpu=cpu0,host=pi temperature=42",
        "°C,domain=climate,entity_id=hall temperature=21",
        "average_temperature,location=coyote_creek value=82",
    ],
)
def test_what_is_no_reading(line: str) -> None:
    decoded = decode("a/b", line)
    assert (decoded.kind, decoded.format) == (Kind.NOISE, "influx")


@pytest.mark.parametrize("text", ["temperature=25.5", "Office temp=21.5", "T:24.5 H=50.1", "Office temp=21.5, hum=40"])
def test_a_labelled_text_is_none(text: str) -> None:
    assert decode("a/b", text).format == "text"
