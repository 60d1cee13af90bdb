"""The system's own news, as people read them."""

from datetime import UTC
from typing import Any

import pytest

from daemon import news
from daemon.clock import MachineClock
from daemon.intake import Source
from daemon.supervisor import DriverState, Supervisor


def test_a_sensor_that_was_fitted_twice_is_told_once() -> None:
    event = news.trained(["cocina", "bodega", "cocina"], 2.04, 1)
    assert event.message == "Modelos entrenados para 2 sensores en 2,0 s: cocina, bodega"
    assert event.message_en == "Models trained for 2 sensors in 2.0 s: cocina, bodega"
    assert event.data == {"sensores": 2, "segundos": 2.0}


def test_one_sensor_is_no_sensors() -> None:
    assert news.trained(["cocina"], 0.5, 1).message_en == "Models trained for 1 sensor in 0.5 s: cocina"


@pytest.mark.parametrize(("details", "kind"), [({}, "driver_up"), ({"session_lost": True}, "session_lost")])
def test_a_broker_that_forgot_what_it_kept_for_us_is_told_to_people(details: dict[str, bool], kind: str) -> None:
    nothing: Any = None
    source = Source("mqtt", "mqtt", UTC)
    supervisor = Supervisor(source, "mqtt", nothing, nothing, nothing, MachineClock(), changed=nothing)
    supervisor.connection.state, supervisor.connection.details = DriverState.UP, details
    assert news.driver(supervisor, 1).kind == kind
