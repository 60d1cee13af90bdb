"""The system's own news, as people read them."""

from daemon import news


def test_a_sensor_that_was_fitted_twice_is_told_once() -> None:
    event = news.trained(["cocina", "bodega", "cocina"], 2.04, 1)
    assert event.message == "Modelos entrenados para 2 sensores en 2,0 s: cocina, bodega"
    assert event.message_en == "Models trained for 2 sensors in 2.0 s: cocina, bodega"
    assert event.data == {"sensores": 2, "segundos": 2.0}


def test_one_sensor_is_no_sensors() -> None:
    assert news.trained(["cocina"], 0.5, 1).message_en == "Models trained for 1 sensor in 0.5 s: cocina"
