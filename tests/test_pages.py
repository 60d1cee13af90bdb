"""The pages in a real browser: the test client of the document, and the dashboard."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait
from support.brokers import until
from support.running import Running, ended, make_daemon

WEB = Path(__file__).parent.parent / "daemon" / "web"
HOSTILE = "<img src=x onerror=document.title='owned'>"


def one(browser: WebDriver, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def text(browser: WebDriver, selector: str) -> str:
    [found] = texts(browser, selector)[:1]
    return found


def texts(browser: WebDriver, selector: str) -> list[str]:
    """What is read there, looked at once: between two questions the page may have put another element in its place."""
    read = "(element) => (element.innerText ?? element.textContent).trim()"
    found: list[str] = browser.execute_script(
        f"return [...document.querySelectorAll(arguments[0])].map({read})", selector
    )
    return found


def wait(browser: WebDriver, script: str, seconds: float = 15) -> None:
    """Until a JavaScript expression is true."""
    WebDriverWait(browser, seconds).until(
        lambda b: b.execute_script(f"return Boolean({script})"), f"{script}; console: {browser.get_log('browser')}"
    )


def connected(browser: WebDriver) -> None:
    wait(browser, "document.querySelector('#dot').classList.contains('up')")


def new_sensor(daemon: Running, **fields: object) -> int:
    status, body = daemon.request("POST", "sensors", {"tipo": "temperatura", "modelo": "DHT22", **fields})
    assert status == 201, body
    return int(body["id"])


def foretell(daemon: Running, sensor: int, minutes: float, **fields: object) -> None:
    """A warning that this sensor's limit of 30 °C will be passed so many minutes from now."""
    likely = datetime.now(UTC) + timedelta(minutes=minutes)
    body = {
        "sensor_id": sensor,
        "magnitud": "temperatura",
        "horizonte_s": 2700,
        "valor": 30.1,
        "inferior": 29.5,
        "superior": 30.8,
        "fecha_prediccion": likely.isoformat(),
        "modelo": "mix",
        "probabilidad": 0.9,
        "comentario": "La temperatura probablemente superará 30 °C en aproximadamente 45 min (90 % en 1 h).",
        "comentario_en": "The temperature will probably rise above 30 °C in about 45 min (90 % within 1 h).",
    }
    status, answer = daemon.request("POST", "predictions", body | fields)
    assert status == 201, answer


def complaints(browser: WebDriver) -> list[str]:
    """What the console holds of errors: content that the policy blocks, exceptions, files that are missing."""
    return [str(entry["message"]) for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


class TestClient:
    def opens(self, browser: WebDriver, address: str, channel: str = "general") -> None:
        browser.get(address)
        Select(one(browser, "#channel")).select_by_visible_text(channel)
        one(browser, "#connect").click()
        connected(browser)

    def test_events_appear_newest_first_coloured_and_counted(self, browser: WebDriver, daemon: Running) -> None:
        self.opens(browser, f"{daemon.address}/websocket_client.html", "sensors")
        first, second = new_sensor(daemon), new_sensor(daemon)
        wait(browser, "document.querySelector('#count-entity').textContent === '2'")
        titles = texts(browser, ".event b")
        assert titles[0].endswith(f"#{second}")
        assert titles[1].endswith(f"#{first}")
        assert len(browser.find_elements(By.CSS_SELECTOR, ".event.sensor")) == 2
        one(browser, "#clear").click()
        assert texts(browser, ".event") == []
        assert text(browser, "#count-total") == "0"
        one(browser, "#disconnect").click()
        wait(browser, "!document.querySelector('#connect').disabled")
        assert complaints(browser) == []

    def test_a_device_with_markup_for_a_name_is_shown_not_run(self, browser: WebDriver, daemon: Running) -> None:
        self.opens(browser, f"{daemon.address}/websocket_client.html")
        new_sensor(daemon, nombre=HOSTILE, modelo=HOSTILE)
        wait(browser, "document.querySelector('#count-entity').textContent === '1'")
        assert HOSTILE in text(browser, ".event.sensor pre")
        assert browser.find_elements(By.CSS_SELECTOR, ".event img") == []
        assert browser.title != "owned"

    def test_it_works_from_a_file(self, browser: WebDriver, daemon: Running) -> None:
        browser.get((WEB / "websocket_client.html").as_uri())
        url = one(browser, "#url")
        assert url.get_attribute("value") == "ws://localhost:8000/api/v1/ws"
        url.clear()
        url.send_keys(daemon.live)
        one(browser, "#connect").click()
        connected(browser)
        new_sensor(daemon)
        wait(browser, "document.querySelector('#count-entity').textContent === '1'")

    def test_it_comes_back_by_itself_after_a_restart(self, browser: WebDriver, daemon: Running) -> None:
        self.opens(browser, f"{daemon.address}/websocket_client.html")
        daemon.kill()
        wait(browser, "document.querySelector('#count-lost').textContent !== '0'")
        daemon.start()
        connected(browser)
        new_sensor(daemon)
        wait(browser, "document.querySelector('.event.sensor')")

    def test_a_refusal_is_shown_with_its_reason(self, browser: WebDriver, daemon: Running) -> None:
        browser.get(f"{daemon.address}/websocket_client.html")
        one(browser, "#token").send_keys("not-a-token")
        one(browser, "#connect").click()
        wait(browser, "document.querySelector('#dot').classList.contains('down')")
        assert len(text(browser, "#state")) > len("rechazado: ")


class TestDashboard:
    @pytest.fixture
    def house(self, daemon: Running) -> Running:
        sensor = new_sensor(daemon, nombre="cocina", temperatura_max=30)
        moment = datetime.now(UTC).timestamp()
        rows = [
            {
                "sensor_id": sensor,
                "temperatura": 20 + hour / 10,
                "humedad": 50,
                "timestamp": datetime.fromtimestamp(moment - hour * 600, UTC).isoformat(),
            }
            for hour in range(1, 60)
        ]
        assert daemon.request("POST", "readings", rows)[0] in (200, 201)
        return daemon

    def opens(self, browser: WebDriver, house: Running) -> None:
        browser.get(f"{house.address}/")
        connected(browser)
        wait(browser, "document.querySelectorAll('.card .line').length === 2")

    def test_values_and_charts_are_there_and_move(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        assert texts(browser, ".card h3") == ["cocina"]
        assert texts(browser, ".card .value") == ["20,1 °C", "50,0 %"]
        house.request("POST", "readings", {"sensor_id": 1, "temperatura": 21.5, "humedad": 51})
        wait(browser, "document.querySelector('.value.temperature').textContent.startsWith('21,5')")
        assert complaints(browser) == []

    def test_a_card_says_how_far_its_model_has_come(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        wait(browser, "document.querySelector('.card').textContent.includes('el modelo aprende: ')")
        one(browser, "#language").click()
        assert " of 24 h" in text(browser, ".card")

    def test_a_card_tells_the_air_s_dew_point_and_deficit(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        wait(browser, "document.querySelector('.card .air').textContent")
        told = text(browser, ".card .air")
        assert told == "punto de rocío 9,3 °C · humedad absoluta 8,7 g/m³ · déficit de vapor 1,17 kPa"
        one(browser, "#language").click()
        assert text(browser, ".card .air").startswith("dew point 9.3 °C")
        assert browser.find_elements(By.CSS_SELECTOR, ".card .risks li") == [], "nothing is assessed yet"
        assert complaints(browser) == []

    def test_a_limit_that_will_be_passed_is_told_until_it_is(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        foretell(house, 1, 45, modelo="helada")
        foretell(house, 1, 45)
        wait(browser, "document.querySelectorAll('.card .risks li').length === 1")
        told = text(browser, ".card .risks li")
        begins = (
            "aviso La temperatura probablemente superará 30 °C en aproximadamente 45 min (90 % en 1 h). hora probable "
        )
        assert re.fullmatch(re.escape(begins) + r"(\w+, )?\d?\d:\d\d · avisado \d?\d:\d\d", told), told
        one(browser, "#language").click()
        browser.refresh()
        wait(browser, "document.querySelectorAll('.card .risks li').length === 1")
        assert text(browser, ".card .risks li").startswith("warning The temperature will probably rise above 30 °C")
        house.request("POST", "readings", {"sensor_id": 1, "temperatura": 31.5})
        wait(browser, "document.querySelector('#anomalies button') && !document.querySelector('.card .risks li')")
        assert complaints(browser) == []

    def test_all_cards_warnings_are_one_question(self, browser: WebDriver, daemon: Running) -> None:
        for number in range(5):
            foretell(daemon, new_sensor(daemon, nombre=f"sala {number}"), 10.0 * number - 50)
        foretell(daemon, 1, -61)
        browser.get(f"{daemon.address}/")
        wait(browser, "document.querySelectorAll('.card .risks li').length === 5")
        asked = "performance.getEntries().filter((each) => each.name.includes('predictions/warnings')).length"
        assert browser.execute_script(f"return {asked}") == 1

    def test_a_card_tells_how_good_the_forecasts_of_an_hour_have_been(
        self, browser: WebDriver, daemon: Running
    ) -> None:
        sensor, now = new_sensor(daemon, nombre="cocina"), datetime.now(UTC).timestamp()
        rows = [
            {
                "sensor_id": sensor,
                "temperatura": 20 + number % 5,
                "humedad": 50,
                "timestamp": datetime.fromtimestamp(now - (80 - number) * 900, UTC).isoformat(),
            }
            for number in range(80)
        ]
        assert daemon.request("POST", "readings", rows)[0] in (200, 201)
        skill = f"predictions/skill?sensor_id={sensor}"
        until(lambda: any(row["juzgadas"] > 70 for row in daemon.get(skill)), "forecasts are judged")
        self.opens(browser, daemon)
        wait(browser, "document.querySelector('.card .skill').textContent")
        told = text(browser, ".card .skill")
        begins = r"Pronósticos a 1 h: temperatura \d+ % en la banda, (no|\d+ %) (mejor|peor) que sin cambios · "
        assert re.match(begins, told), told
        assert told.endswith("humedad 100 % en la banda"), "it never changed: there is nothing to be better than"
        one(browser, "#language").click()
        assert text(browser, ".card .skill").startswith("Forecasts of 1 h: temperature ")
        assert browser.execute_script("return document.querySelectorAll('.card .band').length") == 2
        assert complaints(browser) == []

    def test_nothing_is_said_of_forecasts_before_they_could_be_judged(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        assert not one(browser, ".card .skill").is_displayed()

    def test_fahrenheit_and_english_are_a_click_away(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        foretell(house, 1, 45)
        wait(browser, "document.querySelectorAll('.card .risks li').length === 1")
        one(browser, "#unit").click()
        assert texts(browser, ".value.temperature") == ["68,2 °F"]
        assert text(browser, ".card .risks li").startswith("aviso La temperatura probablemente superará 86 °F en aprox")
        one(browser, "#language").click()
        assert texts(browser, ".value.temperature") == ["68.2 °F"]
        assert texts(browser, "h2")[0] == "Sensors"

    def test_an_anomaly_is_shown_and_resolved(self, browser: WebDriver, house: Running) -> None:
        self.opens(browser, house)
        house.request("POST", "readings", {"sensor_id": 1, "temperatura": 31.5})
        wait(browser, "document.querySelector('#anomalies button')")
        assert "temperatura alta" in text(browser, "#anomalies li")
        one(browser, "#anomalies button").click()
        wait(browser, "!document.querySelector('#anomalies button')")
        assert house.get("anomalies?estado=resuelta")[0]["tipo"] == "temperatura_alta"

    def test_a_models_anomaly_takes_a_verdict_even_when_it_is_over(self, browser: WebDriver, house: Running) -> None:
        odd = {"sensor_id": 1, "tipo": "patron_inusual", "explicacion": "Raro.", "explicacion_en": "It is odd."}
        for over in ({}, {"estado": "resuelta"}):
            house.request("POST", "anomalies", odd | over)
        self.opens(browser, house)
        wait(browser, "document.querySelectorAll('#anomalies button').length === 5")
        assert texts(browser, "#anomalies button") == ["Resolver", *["Falsa alarma", "Alarma cierta"] * 2]
        browser.find_elements(By.CSS_SELECTOR, "#anomalies button")[1].click()
        wait(browser, "document.querySelectorAll('#anomalies button').length === 2")
        one(browser, "#language").click()
        browser.find_elements(By.CSS_SELECTOR, "#anomalies button")[1].click()
        wait(browser, "!document.querySelector('#anomalies button')")
        assert sorted(row["veredicto"] for row in house.get("anomalies?estado=resuelta")) == ["cierta", "falsa"]
        assert {"False alarm", "Real alarm"} <= set(texts(browser, "#anomalies .badge"))
        assert complaints(browser) == []

    def test_a_phone_shows_it_without_scrolling_sideways(self, browser: WebDriver, house: Running) -> None:
        browser.set_window_size(390, 844)
        self.opens(browser, house)
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        middles = "[...document.querySelectorAll('header > :not([hidden]):not(.spring)')].map((each) => "
        middles += "each.getBoundingClientRect()).map((box) => Math.round((box.top + box.bottom) / 2))"
        rows = browser.execute_script(f"return {middles}")
        assert max(rows) - min(rows) < 5, "one row of the header"

    def test_zero_has_no_sign_on_the_axis(self, browser: WebDriver, daemon: Running) -> None:
        freezer, now = new_sensor(daemon, nombre="congelador"), datetime.now(UTC)
        rows = [
            {
                "sensor_id": freezer,
                "temperatura": value,
                "timestamp": (now - timedelta(minutes=10 * (9 - number))).isoformat(),
            }
            for number, value in enumerate([-6, -4, -2, -0.04, 0.7, 1.5, 0.3, -0.04])
        ]
        assert daemon.request("POST", "readings", rows)[0] in (200, 201)
        browser.get(f"{daemon.address}/")
        wait(browser, "document.querySelector('.card .line')")
        labels = texts(browser, ".card .chart .temperature text")
        assert any(re.fullmatch("0(,0)?", label) for label in labels), labels
        assert not any(re.match("[-−]0(,0)?$", label) for label in labels), labels
        assert text(browser, ".value.temperature") == "0,0 °C"

    def test_a_hostile_name_is_text(self, browser: WebDriver, house: Running) -> None:
        new_sensor(house, nombre=HOSTILE)
        browser.get(f"{house.address}/")
        wait(browser, "document.querySelectorAll('.card').length === 2")
        assert HOSTILE in texts(browser, ".card h3")
        assert browser.title != "owned"

    def test_a_page_opened_before_the_daemon_answers_waits_for_it(self, browser: WebDriver, house: Running) -> None:
        late = "const ask = fetch, from = Date.now() + 1500;"
        late += "window.fetch = (...how) => Date.now() < from ? Promise.reject(new TypeError('late')) : ask(...how);"
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": late})  # type: ignore[attr-defined]
        self.opens(browser, house)
        assert texts(browser, ".card h3") == ["cocina"]
        wait(browser, "document.querySelector('#trouble').hidden")

    def test_a_card_says_nothing_of_a_part_nobody_told_and_draws_no_empty_chart(
        self, browser: WebDriver, house: Running
    ) -> None:
        new_sensor(house, nombre="bodega", modelo="desconocido")
        self.opens(browser, house)
        wait(browser, "document.querySelectorAll('.card').length === 2")
        assert "desconocido" not in text(browser, "#cards")
        assert len(browser.find_elements(By.CSS_SELECTOR, ".card svg:not([hidden])")) == 1
        assert one(browser, ".card svg").get_attribute("aria-label") == "Gráfico de cocina, 24 h"

    def test_a_quantity_that_a_sensor_has_not_is_not_drawn(self, browser: WebDriver, house: Running) -> None:
        cellar = new_sensor(house, nombre="bodega")
        now = datetime.now(UTC).timestamp()
        times = [datetime.fromtimestamp(now - minutes * 60, UTC).isoformat() for minutes in (20, 10)]
        house.request("POST", "readings", [{"sensor_id": cellar, "temperatura": 12, "timestamp": at} for at in times])
        browser.get(f"{house.address}/")
        wait(browser, "document.querySelectorAll('.card .line').length >= 3")
        assert len(browser.find_elements(By.CSS_SELECTOR, ".card:nth-child(2) .line")) == 1

    def test_a_secured_daemon_asks_who_is_there(self, browser: WebDriver, tmp_path: Path) -> None:
        daemon = make_daemon(
            tmp_path / "secured", config="broker: {embedded: false}\ndrivers: []\nauth: {mode: secured}\n"
        )
        add = daemon.command("user", "add", "ada", "--role", "operator", "--password-stdin")
        subprocess.run(add, input=b"correct horse battery\n", check=True, capture_output=True)
        daemon.start()
        try:
            browser.get(f"{daemon.address}/")
            wait(browser, "document.querySelector('#sign-in').open")
            one(browser, "[name=username]").send_keys("ada")
            one(browser, "[name=password]").send_keys("wrong")
            one(browser, "#sign-in button").click()
            wait(browser, "!document.querySelector('#sign-in-error').hidden")
            assert text(browser, "#sign-in-error") == "Usuario o contraseña incorrectos."
            one(browser, "[name=password]").send_keys(Keys.ESCAPE)
            assert text(browser, "#state") == "sin sesión"
            one(browser, "#sign-in-again").click()
            one(browser, "[name=password]").clear()
            one(browser, "[name=password]").send_keys("correct horse battery")
            one(browser, "#sign-in button").click()
            connected(browser)
        finally:
            ended(daemon)
