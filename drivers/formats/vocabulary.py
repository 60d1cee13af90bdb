"""The words: what devices all over the world call their quantities, and what makes a name no reading. Tables only.

Words are lower case, without accents, as :mod:`drivers.formats.names` makes them. A phrase is several words that
follow one another in a name, whatever stands between them (``dew_point``, ``dewPoint``, ``Dew Point``).
"""

from collections.abc import Mapping

from drivers.formats.words import words

_PHRASES: Mapping[str, str] = {
    "temperature": """
        temperature, temperatur, temperatura, temperatuur, temperaturas, temperatures, temp, temps, tmp, temper,
        temperat, temprature, tempreture, temperture, tempature, tempc, tempf, tempk, celsius, centigrade,
        fahrenheit, lampotila, teplota, homerseklet, sicaklik, temperatra, toc, t c, t f, degrees celsius, thermometer,
        температура, темп, 温度, 溫度, 气温, 氣溫, 気温, 온도, θερμοκρασια,
        temperatura ambiente, temp ambiente, temperatura del aire, lufttemperatur, температура воздуха,
        temperatuuri, temperatuura, thermo,
        nhiet do, suhu
        """,
    "humidity": """
        humidity, humid, humi, hum, hmd, humdity, humedad, humudity, humidite, humidade, umidade, umidita, rh, relhum,
        relhumidity, rel hum, relative humidity, humidity relative, rel humidity, humedad relativa, humidite relative,
        umidita relativa, umidade relativa, feuchte, feuchtigkeit, luftfeuchte, luftfeuchtigkeit, rel feuchte,
        relative feuchte, relative luftfeuchtigkeit, hygro, hygrometry, hygrometrie, vochtigheid, luchtvochtigheid,
        vocht, relatieve vochtigheid, fugtighed, luftfuktighet, fuktighet, fukt, kosteus, vlhkost, wilgotnosc, nem,
        paratartalom, влажность, влажность воздуха, umiditate,
        umiditatea, mitrums, 湿度, 濕度, 습도, υγρασια, kelembaban, do am, niiskus
        """,
    "dew_point": """
        dew point, dewpoint, dew pt, dewpt, dew, dewpointc, dew point temperature, dewpoint temperature, taupunkt,
        taupunkttemperatur, rocio, punto de rocio, punto rocio, temperatura de rocio, temperatura rocio, point de
        rosee, point rosee, rosee, punto di rugiada, rugiada, ponto de orvalho, orvalho, dauwpunt, dugpunkt,
        daggpunkt, duggpunkt, kastepiste, rosny bod, punkt rosy, точка росы, 露点, 露點, dp
        """,
    "heat_index": """
        heat index, heatindex, heat idx, hi, hic, hif, feels like, feelslike, feels like temperature, feels like
        temp, apparent temperature, apparent temp, real feel, realfeel, indice de calor, indice calor, sensacion
        termica, sensacion, indice de chaleur, hitzeindex, gefuhlte temperatur, ressenti, indice di calore, 体感温度,
        humidex
        """,
    "pressure": """
        pressure, press, pres, baro, barometer, barometric pressure, barometric, air pressure, atmospheric pressure,
        atm pressure, pressure abs, absolute pressure, station pressure, presion, presion atmosferica, presion
        barometrica, pression, pression atmospherique, pressione, pressione atmosferica, pressao, pressao
        atmosferica, druck, luftdruck, luchtdruk, druk, lufttryk, lufttryck, ilmanpaine, tlak, cisnienie, basinc,
        legnyomas, давление, 气压, 氣壓, 気圧, 기압
        """,
    "pressure_sea_level": """
        sea pressure, seapressure, sea level pressure, pressure sea level, sealevel pressure, pressure sealevel,
        pressure sea, slp, qnh, mslp, msl pressure, relative pressure, pressure relative, pressure at sea level,
        luftdruck meereshohe
        """,
    "battery": """
        battery, batt, bat, battery level, batterylevel, battery percent, battery percentage, battery pct, batt
        level, bat level, batlevel, battlevel, batt percent, batt pct, bat percent, bat pct, soc, state of charge,
        bateria, nivel bateria, nivel de bateria, batterie, batteriestand, batterij, batteria, batteri, akku, accu,
        akkustand, battery remaining, battery capacity, 电池, 電池, 배터리, батарея
        """,
    "battery_voltage": """
        battery voltage, batteryvoltage, battery volt, battery volts, battery v, batt voltage, batt volt, batt
        volts, batt v, bat voltage, bat volt, bat volts, bat v, battv, batv, batvolt, battvolt, vbat, vbatt,
        vbattery, v bat, v batt, voltage battery, voltage bat, battery mv, batt mv, bat mv, batterie spannung,
        batteriespannung, akkuspannung, tension batterie, voltaje bateria, voltaje de bateria, tension bateria,
        tensione batteria, volt, volts, voltage
        """,
    "co2": """
        co2, carbon dioxide, carbondioxide, carbondioxid, kohlendioxid, dioxido de carbono, dioxyde de carbone,
        anidride carbonica, co2 concentration, co2 level, co2 ppm, 二氧化碳
        """,
    "illuminance": "illuminance, illumination, lux, illuminance lux, light lux, lux level, iluminancia, helligkeit",
}
PHRASES: Mapping[tuple[str, ...], str] = {
    tuple(phrase.split()): quantity for quantity, phrases in _PHRASES.items() for phrase in phrases.split(",")
}
LONGEST_PHRASE = max(map(len, PHRASES))

STEMS: tuple[tuple[str, str], ...] = (
    ("luftfeuchtigkeit", "humidity"),
    ("luftfeuchte", "humidity"),
    ("temperature", "temperature"),
    ("temperatura", "temperature"),
    ("temperatur", "temperature"),
    ("feuchtigkeit", "humidity"),
    ("humidity", "humidity"),
    ("feuchte", "humidity"),
    ("humedad", "humidity"),
    ("taupunkt", "dew_point"),
    ("dewpoint", "dew_point"),
    ("luftdruck", "pressure"),
    ("lampotila", "temperature"),
    ("pressure", "pressure"),
    ("tempc", "temperature"),
    ("tempf", "temperature"),
    ("temp", "temperature"),
    ("hum", "humidity"),
)
"""Parts that carry their quantity into a longer word: ``raumtemperatur``, ``tempinf``, ``intemp``. Longest first.

The last four only begin or end a word, and then only beside one of ``STEM_COMPANIONS``: ``template`` is no temperature.
"""
SHORT_STEMS = frozenset({"tempc", "tempf", "temp", "hum"})
STEM_COMPANIONS = frozenset(
    words(
        """in out inf outf inc outc room air water pool soil ground floor ext int amb ambient outdoor indoor inside
        outside probe kitchen bed bath garage attic cellar freezer fridge tank supply return flow cabin sensor
        avg raum aussen innen c f sht dht bme"""
    )
)

UNIT_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("c", "oc", "degc", "celsius", "celcius", "centigrade", "tempc", "toc", "hic", "dewpointc"), "°C"),
    **dict.fromkeys(("f", "of", "degf", "fahrenheit", "tempf", "hif"), "°F"),
    **dict.fromkeys(("k", "kelvin", "tempk"), "K"),
    **dict.fromkeys(("pct", "percent", "percentage", "prozent"), "%"),
    **dict.fromkeys(("hpa", "mbar", "mb"), "hPa"),
    **dict.fromkeys(("mmhg",), "mmHg"),
    **dict.fromkeys(("inhg",), "inHg"),
    **dict.fromkeys(("kpa",), "kPa"),
    **dict.fromkeys(("pa",), "Pa"),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), "mV"),
    **dict.fromkeys(("v", "volt", "volts", "voltage"), "V"),
    **dict.fromkeys(("ppm",), "ppm"),
    **dict.fromkeys(("lx", "lux"), "lx"),
}
"""Words of a name that tell the unit, when they fit the name's quantity. "volt" says nothing of mV or V by itself."""

LETTERS: Mapping[str, str] = {"t": "temperature", "h": "humidity"}
"""One-letter names, believed only where the context bears them out."""

NEUTRAL: frozenset[str] = frozenset(
    words(
        """is are es ist est esta at was and y und et sample ok got info debug sensor sensors value values val reading
        readings data measurement measurements measure measured current currently actual now live state computed
        calculated de del la el le the of air in° deg degree degrees o r readout relative rel wert messwert aktuell
        valor lectura actuel attuale"""
    )
)
"""Words that tell no probe from another: they fall out of the probe, though they stay in the measurement's name."""

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        words(
            """set setpoint setpunto consigna sollwert soll target desired setting settings setpt sp thermostat
            preset heatto coolto"""
        ),
        "a setpoint is no measurement",
    ),
    **dict.fromkeys(
        words(
            """threshold limit limits alarm alert warning warn hysteresis deadband max min maximum minimum maximo
            minimo maxima minima hi lo high low mean average avg median std stddev"""
        ),
        "a limit or a statistic is no measurement of this moment",
    ),
    **dict.fromkeys(
        words(
            """offset calibration correction calib adjust adjustment compensation ajuste trend delta diff
            difference change lastchange mutation rate gradient slope step precision resolution accuracy"""
        ),
        "a setting or a difference is no measurement",
    ),
    **dict.fromkeys(
        words(
            """unit units unidad scale format enabled enable valid status error errors err fault count counter age
            time timestamp name type id interval period duration version comfort cmd command request config"""
        ),
        "it speaks about a value and is none",
    ),
    **dict.fromkeys(
        words(
            """chip cpu mcu soc gpu processor core die board pcb internal module esp esp32 esp8266 esp32s2 esp32c3
            esp32s3 device system coil relay heatsink radio modem wifi overtemperature overtemp vcc"""
        ),
        "the electronics' own heat is not the room's",
    ),
    **dict.fromkeys(
        words("""color colour farbtemperatur colortemp light kelvins bulb led"""),
        "a colour temperature is no temperature",
    ),
    **dict.fromkeys(
        words(
            """absolute soil moisture suelo boden erde substrate leaf specific forecast pronostico prevision
            vorhersage"""
        ),
        "it is another quantity",
    ),
    **dict.fromkeys(("eco2", "tvoc", "voc", "co2eq", "equivalent", "estimated"), "an estimate is no measurement"),
}
"""Words beside a quantity's that make the name no reading of ours, with the reason."""

ALLOWED_WITH: Mapping[str, frozenset[str]] = {
    "soil": frozenset({"temperature"}),
    "suelo": frozenset({"temperature"}),
    "boden": frozenset({"temperature"}),
    "erde": frozenset({"temperature"}),
    "substrate": frozenset({"temperature"}),
    "leaf": frozenset({"temperature"}),
    "light": frozenset({"illuminance"}),
    "led": frozenset(),
    "absolute": frozenset({"pressure"}),
    "hi": frozenset({"heat_index"}),
    "low": frozenset(),
    "soc": frozenset({"battery"}),
}
"""A refused word's exceptions: soil has a temperature, its moisture is no humidity of the air."""

VENDOR_NAMES: Mapping[str, str] = {
    "atmp": "temperature",  # AirGradient
    "rhum": "humidity",
    "rco2": "co2",
}
"""Names that no word rule finds, from a vendor's documentation."""

CONTAINERS_REFUSED: frozenset[str] = frozenset(
    words(
        """config configuration settings setting setpoint setpoints target targets threshold thresholds limit
        limits alarm alarms alert alerts forecast forecasts wifi network cpu chip soc esp esp32 esp8266 system
        sys min max minimum maximum calibration calib offset offsets command commands request cloud mqtt ota
        firmware detectors gps rx_metadata rxinfo txinfo schedule program history statistics stats"""
    )
)
"""Objects whose numbers are no readings, whatever they are called inside."""

OTHER_QUANTITIES: frozenset[str] = frozenset(
    words(
        """rssi signal wifi uptime power energy current voltage watt watts kwh heap memory loop speed wind rain gas tvoc
        voc pm pm1 pm10 pm25 dust particulate noise sound distance level weight moisture count counter ip ssid mac
        version frequency pulse flow motion presence occupancy door window uv solar aqi iaq eco2 nox"""
    )
)
"""Words of quantities that devices report beside ours: nothing to puzzle over."""

WRAPPERS: frozenset[str] = frozenset(
    words(
        """d sensordatavalues payload data state reported report object decoded decoded_payload fields params result
        body message msg properties attributes values readings measurements sensors sensor telemetry status value
        devices items list messages"""
    )
)
"""Objects that only wrap what a device says: their names tell nothing of it."""

MODELS: tuple[str, ...] = words(
    """dht am23 am21 am10 aht bme bmp sht htu hdc ds18 ds1820 si70 sts tmp1 lm35 lm75 mcp9808 ms86 hts221 hyt
        scd sen5 th0 ntc max31 lywsd"""
)
"""How the names of sensor parts begin (DHT22, AM2301, BME280, SHT3X); a digit follows."""
