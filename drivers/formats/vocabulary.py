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
        temperatuuri, temperatuura, thermo, tenperatura, hitastig, hitastigs, درجة الحرارة, حرارة, دما, טמפרטורה,
        nhiet do, suhu
        """,
    "humidity": """
        humidity, humid, humi, hum, hmd, humdity, humedad, humudity, humidite, humidade, umidade, umidita, rh, relhum,
        relhumidity, rel hum, relative humidity, humidity relative, rel humidity, humedad relativa, humidite relative,
        umidita relativa, umidade relativa, feuchte, feuchtigkeit, luftfeuchte, luftfeuchtigkeit, rel feuchte,
        relative feuchte, relative luftfeuchtigkeit, hygro, hygrometry, hygrometrie, vochtigheid, luchtvochtigheid,
        vocht, relatieve vochtigheid, fugtighed, luftfuktighet, fuktighet, fukt, kosteus, vlhkost, wilgotnosc, nem,
        paratartalom, влажность, влажность воздуха, umiditate, feucht, vlaga, vlaznost, влага, влажност, вологість,
        umiditatea, mitrums, fugt, luftfugtighed, humitat, hezetasun, dregme, kelembapan, ohuniiskus, rakastig, رطوبة,
        رطوبت, לחות, 湿度, 濕度, 습도, υγρασια, kelembaban, do am, niiskus
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
    ("temperatuur", "temperature"),
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
        outside probe kitchen bed bath garage attic cellar freezer fridge tank supply return flow cabin sensor avg raum
        aussen innen c f sht dht bme cur curr act current actual"""
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
        readings data measurement measurements measure measured current currently cur curr act actual now live last
        latest state computed calculated de del la el le the of air in° deg degree degrees o r readout relative rel wert
        messwert aktuell valor lectura actuel attuale"""
    )
)
"""Words that tell no probe from another: they fall out of the probe, though they stay in the measurement's name."""

_WISHES = words(
    """set setpoint setpoints setpunto setpt settpunkt target targets goal nominal demand setada desired wanted
    requested required demanded selected sel setting settings preferred programmed scheduled consigna consignas objetivo
    objetivos deseada deseado ajustada ajustado programada programado fijada fijado sollwert sollwerte soll wunsch
    gewunscht gewunschte ziel vorgabe eingestellt eingestellte cible consigne voulue souhaitee reglee objectif desejada
    desejado alvo definida definido impostata impostato desiderata desiderato obiettivo richiesta zadana zadane docelowa
    nastavena nastaveno pozadovana cilova zeljena ciljna zadata gewenst gewenste ingesteld ingestelde doel streef onskad
    onsket onske borvarde tavoite asetettu asetus beallitott kivant hedef ayarlanan setata dorita целевая заданная
    уставка желаемая цільова задана зададена 設定 设定 目标 目標 설정"""
)
_MODES = words(
    """thermostat preset heatto coolto comfort komfort eco economy away absence holiday vacation boost frost antifrost
    frostschutz absenk absenkung nachtabsenkung day night nacht ideal prog referencia sp"""
)
_LIMITS = words(
    """threshold thresholds limit limits alarm alarms alert alerts warning warn hysteresis hysterese histeresis deadband
    umbral umbrales limite limites alarma alarme allarme seuil soglia limiar grenzwert schwelle schwellwert drempel min
    max minimum maximum mins maxs minimo maximo minima maxima minimal maximal minimale maximale massima massimo maks
    maksimum hochst hochste tiefst tiefste mindest макс мин максимум минимум"""
)
_STATISTICS = words(
    """mean average averages avg median std stddev promedio moyenne moy mittel mittelwert durchschnitt durchschnitts
    durchschnittliche gemiddelde gemiddeld keskiarvo genomsnitt medel gjennomsnitt gennemsnit atlag ortalama prosecna
    среднее weekly monthly yearly"""
)
_MIDDLES = words("media medie moyen mittlere mittlerer srednia srednja средняя keski prumer prumerna")
"""Averages, that may also be what lies in the middle: no level or object of such a name is refused."""
_PAST = words("previous prev yesterday ayer precedente precedent vorherige vorheriger gestern vorige")
_CORRECTIONS = words(
    """offset offsets calibration correction corrections calib cal corr adj adjust adjustment compensation ajuste
    trend trends tendencia tendance gradient"""
)
_PARTS_OF_MACHINES = words(
    """chip cpu mcu soc gpu tpu processor ssd nvme hdd disk disks psu mainboard motherboard vrm dimm nozzle extruder
    hotend heatbed modem coretemp acpitz drivetemp"""
)
_FORETOLD = words(
    """forecast forecasts forecasted predicted prediction predictions predict expected tomorrow pronostico prevision
    previsiones previsions prevista previsto previsao previsione previsioni vorhersage prognose prognoza predpoved
    verwachting verwachte ennuste elorejelzes tahmin demain domani amanha прогноз завтра 预报 予報 예보"""
)
_RAW = words("raw adc analog millivolt millivolts mv ohm ohms kohm resistance roh rohwert crudo brut")
_SOIL = words(
    """soil moisture suelo suolo maceta macetas terre gleby pudy erd blumenerde
    tierra boden erde erdreich substrate sustrato substrat sol terreno bodem grond jord gleba
    puda talaj toprak почва почвы 土壤 土壌"""
)

REFUSED: Mapping[str, str] = {
    **dict.fromkeys((*_WISHES, *_MODES), "a setpoint is no measurement"),
    **dict.fromkeys(
        (
            *_LIMITS,
            *_STATISTICS,
            *_MIDDLES,
            *_PAST,
            *words(
                """hi lo high low anterior hourly daily range peak record trip cutoff hyst sum var variance
                sd"""
            ),
        ),
        "a limit or a statistic is no measurement of this moment",
    ),
    **dict.fromkeys(
        (
            *_CORRECTIONS,
            *words("delta diff difference change lastchange mutation rate slope step precision resolution accuracy"),
        ),
        "a setting or a difference is no measurement",
    ),
    **dict.fromkeys(
        words(
            """unit units unidad scale format enabled enable valid status error errors err fault count counter age time
            timestamp name type id interval period duration version cmd command request config"""
        ),
        "it speaks about a value and is none",
    ),
    **dict.fromkeys(
        (
            *_PARTS_OF_MACHINES,
            *words(
                """core die board pcb internal module esp esp32 esp8266 esp32s2 esp32c3 esp32s3 device system coil relay
                heatsink radio modem wifi overtemperature overtemp vcc chassis mosfet charger inverter junction"""
            ),
        ),
        "the electronics' own heat is not the room's",
    ),
    **dict.fromkeys(
        words("""color colour farb farbtemperatur colortemp light kelvins bulb led"""),
        "a colour temperature is no temperature",
    ),
    **dict.fromkeys((*_FORETOLD, "next"), "what is foretold is no measurement"),
    **dict.fromkeys(_RAW, "a raw or electrical value is not in the quantity's unit"),
    **dict.fromkeys((*_SOIL, "leaf", "solo"), "it is another quantity"),
    **dict.fromkeys(
        words(
            """windchill chill wetbulb globe deficit enthalpy absolute abs absolut absoluta absoluto absolue absolu
            assoluta bezwzgledna absolutni absoluutti absoluuttinen abszolut mutlak абсолютная specific spezifische
            especifica gm gkg"""
        ),
        "it is another quantity",
    ),
    **dict.fromkeys(("eco2", "tvoc", "voc", "co2eq", "equivalent", "estimated"), "an estimate is no measurement"),
}
"""Words beside a quantity's that make the name no reading of ours, with the reason."""

OF_A_PLANT: frozenset[str] = frozenset(
    words(
        """plant plants planta plante pianta pflanze pflanzen blatt blumen blumentopf topf pot wood holz
        madera bois legno hout timber roslina rostlina"""
    )
)
"""What has a moisture of its own where nothing else is named: ``plant_humidity``; a ``plant_room`` is a room, and
``planta_1`` a floor."""

REFUSED_BEHIND: frozenset[str] = frozenset(
    words(
        """mode modus modo pin gpio quality qualitat calidad qualita health rssi lqi snr signal available availability
        disponible failed failure failures fehler idx index updated update lastupdate refresh lastseen seen sent online
        date resp retry retries crc checksum addr address topic"""
    )
)
"""The same behind a quantity, as the last word: ``temp_pin`` is the pin's number, a ``pin_temp`` some pin's heat."""

ONLY_A_SECOND_NAME: frozenset[str] = frozenset(
    words("state ok got info debug sample data sensor sensors value values val reading readings measurement readout")
)
"""Of ``NEUTRAL``, those that beside the bare name tell the same again, or a state: ``temp_ok`` beside ``temp``."""

REFUSED_PAIRS: Mapping[tuple[str, str], str] = {
    ("g", "m"): "it is another quantity",  # humidity_g_m3
    ("g", "kg"): "it is another quantity",
    ("mixing", "ratio"): "it is another quantity",
    ("heat", "sink"): "the electronics' own heat is not the room's",
}
"""The same of two words that follow one another."""

REFUSED_PIECES: tuple[str, ...] = ("soll", "wunsch", "ziel", "absenk")
"""The same where they begin or end what a compound is made of beside its quantity: ``Raumsolltemperatur``."""

NAMES_OF_ROOMS: frozenset[tuple[str, str]] = frozenset(
    {
        *((word, room) for word in words("alarm media system eco server day night") for room in words("room house")),
        ("sous", "sol"),
        *((thing, word) for thing in words("shelf tank rack tray level bed") for word in words("high low")),
        ("planta", "media"),
        ("board", "room"),
        ("raw", "milk"),
        ("raw", "water"),
        ("media", "sala"),
    }
)
"""Pairs of which one word alone would refuse: ``media_room_temp``, ``humidité sous-sol`` (a basement's)."""

REFUSED_AROUND: frozenset[str] = frozenset(
    (
        *_WISHES,
        *_LIMITS,
        *_STATISTICS,
        *_PAST,
        *_CORRECTIONS,
        *_PARTS_OF_MACHINES,
        *_FORETOLD,
        *_RAW,
        *_SOIL,
        *words("system sys"),
    )
)
"""Words of which the whole name of an object, a node or a topic's level has to consist to refuse what lies below."""

BESIDE_REFUSED: frozenset[str] = frozenset(
    words("weather thermostat high low hi lo point points range info core cores isa pci adapter hour hours")
)
"""Words that may stand among them there: ``weather_forecast``, ``set point``, ``high_limit``, ``cpu_core_0``."""

REFUSED_ANYWHERE: frozenset[str] = frozenset((*_WISHES, *_PARTS_OF_MACHINES, *_FORETOLD))
"""Of these, those that do so however far above: ``setpoints/kitchen/temperature``. ``alarm/kitchen`` is a system's."""

ALLOWED_WITH: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((*_SOIL, "leaf", "solo"), frozenset({"temperature"})),
    "moisture": frozenset(),
    "light": frozenset({"illuminance"}),
    **dict.fromkeys(words("absolute abs absolut absoluta absolue assoluta"), frozenset({"pressure"})),
    **dict.fromkeys(words("mv millivolt millivolts"), frozenset({"battery", "battery_voltage"})),
    "hi": frozenset({"heat_index"}),
    "soc": frozenset({"battery"}),
}
"""A refused word's exceptions: soil has a temperature, its moisture is no humidity of the air."""

VENDOR_NAMES: Mapping[str, str] = {
    "atmp": "temperature",  # AirGradient
    "rhum": "humidity",
    "rco2": "co2",
}
"""Names that no word rule finds, from a vendor's documentation."""

VENDOR_REFUSED: Mapping[str, str] = {
    "aHumidity": "an absolute humidity is another quantity",  # Tasmota's SGP30 and SGP40
}
"""Names that the word rules would take for a reading, as a vendor writes them."""

CONTAINERS_REFUSED: frozenset[str] = frozenset(
    words(
        """config configuration settings setting setpoint setpoints target targets threshold thresholds limit limits
        alarm alarms alert alerts forecast forecasts wifi network cpu chip soc esp esp32 esp8266 system sys min max
        minimum maximum calibration calib offset offsets cmd command commands request comando comandos befehl orden
        cloud mqtt ota firmware detectors gps rx_metadata rxinfo txinfo schedule program history statistics stats
        service hourly daily"""
    )
)
"""Objects whose numbers are no readings, whatever they are called inside."""

COMMANDS: frozenset[str] = frozenset(
    words(
        """set write put configure config configuration settings setting command cmd request reset calibrate adjust
        fijar ajustar establecer poner configurar setzen setze einstellen stelle regler definir fixer imposta impostare
        ustaw instellen zet"""
    )
)
"""What a message's ``cmd``, ``method`` or ``type`` begins with where it tells a device what to do."""

SAID_OF_READINGS: frozenset[str] = frozenset(words("alarm alarms alert alerts warning alarma alarme allarme"))
"""Of ``REFUSED_AROUND``, what a message's ``type`` may say though the device measured: it tells why it speaks."""

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
        devices items list messages last latest"""
    )
)
"""Objects that only wrap what a device says: their names tell nothing of it."""

LATEST: frozenset[str] = frozenset(words("last Last latest Latest"))
"""Of these, what a device said last: it stands back where the device says the same beside it."""

MODELS: tuple[str, ...] = words(
    """dht am23 am21 am10 aht bme bmp sht htu hdc ds18 ds1820 si70 sts tmp1 lm35 lm75 mcp9808 ms86 hts221 hyt
        scd sen5 th0 ntc max31 lywsd"""
)
"""How the names of sensor parts begin (DHT22, AM2301, BME280, SHT3X); a digit follows."""
