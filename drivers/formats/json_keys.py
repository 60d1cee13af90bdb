"""What a JSON key is for: whose, when, which, how much. Generic JSON is read by these roles."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from drivers.formats.names import LONGEST_NAME, NO_NAME, Name, plain_letters, read_address, read_name, refusal_around
from drivers.formats.vocabulary import CONTAINERS_REFUSED, LETTERS, WRAPPERS
from drivers.formats.words import words


class Role(Enum):
    OTHER = auto()
    QUANTITY = auto()  # temperature, humidityOutdoor
    LETTER = auto()  # t, h
    REFUSED = auto()  # a quantity's name that is no reading: temperature_setpoint
    QUANTITY_UNIT = auto()  # TempUnit, temperature_unit
    DEVICE = auto()
    ID = auto()  # a text names the device; an integer may be a counter
    PROBE = auto()  # "sensor": the device's name if nothing else is, else the probe's
    PLACE = auto()  # the device's name only if nothing else is
    TIME = auto()
    SEQUENCE = auto()
    METRIC = auto()  # the quantity's name as a value
    VALUE = auto()
    UNIT = auto()
    MODEL = auto()
    CLIMATE = auto()  # marks a thermostat or air conditioner


_ROLES: dict[str, Role] = {
    **dict.fromkeys(
        words(
            """mac macaddress mac_address bdaddr addr address deveui dev_eui device_eui eui serialno serial
            serial_number serialnumber sn uid unique_id uniqueid device_id deviceid dev_id devid sensor_id
            sensorid sensor_uid node_id nodeid station_id stationid client_id clientid thing_id chip_id chipid
            esp8266id esp32id device dev node station hostname host thing board entity_id dispositivo nodo equipo gerat
            geraet imei seriennummer numero_serie numero_de_serie identificador identificatore identifiant kennung
            aparato aparelho appareil dispositif apparecchio apparaat urzadzenie zarizeni enhet enhed laite eszkoz cihaz
            knoten noeud knooppunt wezel uzel устройство прибор узел 设备 機器 장치"""
        ),
        Role.DEVICE,
    ),
    **dict.fromkeys(
        words(
            """sensor sensor_name sensorname probe probe_id child child_id childid sonde sonda sensore capteur fuhler
            messfuhler czujnik cidlo anturi givare датчик 传感器 センサー 센서 rom rom_code channel ch kanal canal
            canale"""
        ),
        Role.PROBE,
    ),
    **dict.fromkeys(
        words(
            """name friendly_name friendlyname device_name devicename location room place zone area site position
            label alias ubicacion lugar localizacion localizacao sala raum ort standort zimmer bereich stockwerk
            habitacion cuarto dormitorio recinto zona estacion planta piso nombre nome nom lieu emplacement piece
            zone_name room_name etage stanza luogo posizione posicion posicao quarto comodo naam kamer ruimte plaats
            nazwa pokoj pomieszczenie miejsce nazev mistnost misto namn navn rum rom_navn plats sted nimi huone
            paikka helyiseg hely oda isim konum имя название комната помещение место
            名称 名前 房间 位置 部屋 場所 방 위치 이름"""
        ),
        Role.PLACE,
    ),
    **dict.fromkeys(("id", "_id"), Role.ID),
    **dict.fromkeys(
        words(
            """time timestamp ts tst datetime date_time epoch unixtime unix_time utc last_seen lastseen measured_at
            measuredat recorded_at received_at created_at createdat date dateutc time_stamp timestamp_ms time_ms
            ts_ms epoch_ms fecha fecha_hora zeit datum zeitstempel at when sampled_at"""
        ),
        Role.TIME,
    ),
    **dict.fromkeys(
        words(
            """seq sequence seqno seq_no seqnum seq_num sequence_number sequencenumber msg_id msgid message_id
            messageid msg_no msgno msg_num packet packet_id packetid packet_number fcnt f_cnt fcntup
            frame_counter framecounter counter msg_count message_count reading_id
            readingid reading_no readingno secuencia"""
        ),
        Role.SEQUENCE,
    ),
    **dict.fromkeys(
        words(
            """metric quantity measurement measurand kind parameter param variable property observed_property
            magnitude magnitud type sensor_type sensortype value_type measurementtype reading_type field what key
            device_class"""
        ),
        Role.METRIC,
    ),
    **dict.fromkeys(
        words("""value val v measurementvalue reading_value wert valor valeur valore measured"""), Role.VALUE
    ),
    **dict.fromkeys(
        words(
            """unit units uom u usunits unit_of_measurement unidad unidades unidade unite unita einheit eenheid enhet
            jednostka unit_system scale"""
        ),
        Role.UNIT,
    ),
    **dict.fromkeys(words("model sensor_model part chip_model hardware"), Role.MODEL),
    **dict.fromkeys(
        words(
            """fan fan_mode fanmode fan_speed fanspeed vane swing swing_mode hvac_mode hvac_action hvac preset
            preset_mode mode action thermostat_mode system_mode running_state heating cooling"""
        ),
        Role.CLIMATE,
    ),
}


_PURPOSES = frozenset(
    words(
        """cmd command comando commande befehl kommando orden method action op operation type kind msg_type msgtype
        message_type messagetype event request purpose tipo typ"""
    )
)

_LETTER = re.compile(
    r"([th])(?:_?([0-9]{0,2})|_(in|out|int|ext|indoor|outdoor|inside|outside|innen|aussen|room|amb|interior|exterior))"
)
"""``t``, ``h``, ``t1``, ``t_out``: see ``vocabulary.LETTERS``."""


@dataclass(frozen=True, slots=True)
class Key:
    """``name`` is what a quantity's key says. Of an object of this name: ``refused``, nothing inside is a reading;
    ``around``, some quantity inside is none (:func:`refusal_around`); ``wrapper``, the name tells nothing.
    """

    role: Role
    name: Name = NO_NAME
    refused: bool = False
    wrapper: bool = False
    around: bool = False


_OTHER = Key(Role.OTHER)


def read_key(key: str) -> Key:
    """A key's role, remembered."""
    return _read(key) if len(key) <= LONGEST_NAME else _OTHER


@lru_cache(maxsize=8192)
def _read(key: str) -> Key:
    lowered = plain_letters(key.lower()).replace("-", "_").replace(" ", "_")
    refused = lowered in CONTAINERS_REFUSED
    role = _ROLES.get(lowered)
    if role is not None:
        return Key(role, NO_NAME, refused, lowered in WRAPPERS)
    letter = _LETTER.fullmatch(lowered)
    if letter is not None:
        index = letter[3] or (letter[2] or "").lstrip("0")
        return Key(Role.LETTER, Name(LETTERS[letter[1]], remainder=index, bare=not (letter[2] or letter[3])))
    name = read_address(key) or read_name(key)
    if name.quantity is None:
        around = bool(refusal_around(key, "temperature") or refusal_around(key, "humidity"))
        return Key(Role.OTHER, NO_NAME, refused, lowered in WRAPPERS, around)
    if lowered.endswith(("unit", "units", "scale")):
        return Key(Role.QUANTITY_UNIT, name, True)
    return Key(Role.REFUSED, name, True) if name.refusal else Key(Role.QUANTITY, name, refused)


class Layout(NamedTuple):
    """An object's keys by what they are for, in their order: devices repeat their layout with every message."""

    quantities: tuple[tuple[str, Name], ...]
    letters: tuple[tuple[str, Name], ...]
    refused: tuple[tuple[str, Name], ...]
    quantity_units: tuple[tuple[str, str], ...]
    devices: tuple[str, ...]
    identifiers: tuple[str, ...]
    probes: tuple[str, ...]
    places: tuple[str, ...]
    times: tuple[str, ...]
    sequences: tuple[str, ...]
    metrics: tuple[str, ...]
    values: tuple[str, ...]
    units: tuple[str, ...]
    models: tuple[str, ...]
    outdone: frozenset[str]
    """Of the quantities, those that what stands beside them makes a thermostat's wishes or earlier values."""
    beside: dict[str, str]
    """Keys that add to a bare one's name no probe: by them, the bare key, which goes before them."""
    validities: tuple[tuple[str, str], ...]
    """Keys that say whether a read was right, and of which quantity; "" is all that the object tells."""
    purposes: tuple[str, ...]
    """Keys of what the message is for: ``cmd``, ``type``."""


_CHANNELS = frozenset(words("channel ch kanal canal canale"))
_OF_WIFI = frozenset(words("ssid bssid wifi ap wifi_rssi wifirssi ip ipaddr ip_address localip"))

_MOST_REMEMBERED = 32
"""Keys of an object whose layout is remembered; a larger one is a dump, and costs memory for each of its variants."""


def read_layout(keys: tuple[str, ...]) -> Layout:
    """The layout of an object with these keys, remembered unless they are many."""
    return _remembered_layout(keys) if len(keys) <= _MOST_REMEMBERED else _layout(keys)


def _layout(keys: tuple[str, ...]) -> Layout:
    known = [(key, read_key(key)) for key in keys]
    if not _OF_WIFI.isdisjoint(map(str.lower, keys)):  # the channel is the air's, and changes
        known = [(key, what) for key, what in known if key.lower() not in _CHANNELS]

    def of(role: Role) -> tuple[str, ...]:
        return tuple(key for key, what in known if what.role is role)

    def named(role: Role) -> tuple[tuple[str, Name], ...]:
        return tuple((key, what.name) for key, what in known if what.role is role)

    return Layout(
        named(Role.QUANTITY),
        named(Role.LETTER),
        named(Role.REFUSED),
        tuple((key, name.quantity or "") for key, name in named(Role.QUANTITY_UNIT)),
        of(Role.DEVICE),
        of(Role.ID),
        of(Role.PROBE),
        of(Role.PLACE),
        of(Role.TIME),
        of(Role.SEQUENCE),
        of(Role.METRIC),
        of(Role.VALUE),
        of(Role.UNIT),
        of(Role.MODEL),
        _outdone(named(Role.QUANTITY), len(of(Role.CLIMATE))),
        _beside_bare(named(Role.QUANTITY)),
        tuple((key, what.name.quantity or "") for key, what in known if _is_validity(key, what)),
        tuple(key for key in keys if key.lower() in _PURPOSES),
    )


_CURRENT = re.compile(r"curr|actual|measured|aktuell|actuel|attual|cur_|_now|ist_", re.IGNORECASE)


_LATEST = re.compile(r"last|latest", re.IGNORECASE)


def _outdone(quantities: tuple[tuple[str, Name], ...], climate: int) -> frozenset[str]:
    """A bare "temperature" is a wish where the current one stands beside it, and, among a thermostat's keys
    (``climate`` of them), where the room's does or where those keys are several. The last one gives way to any.
    """
    whole = [(key, name) for key, name in quantities if not name.remainder]
    current = {name.quantity for key, name in whole if _CURRENT.search(key)}
    if climate > 1 or (climate and any(name.quantity == "temperature" and not name.bare for _, name in quantities)):
        current.add("temperature")
    now = {name.quantity for key, name in whole if not _LATEST.search(key)}
    return frozenset(
        key
        for key, name in whole
        if (name.bare and name.quantity in current and not _CURRENT.search(key))
        or (name.quantity in now and _LATEST.search(key))
    )


_VALIDITY = re.compile(r"(?:(?:is|data|reading|value|measurement|sensor)[_ ]?)?valid", re.IGNORECASE)


def _is_validity(key: str, what: Key) -> bool:
    """``valid``, ``temperature_valid``; a ``time_valid`` says nothing of what is measured."""
    if not key.lower().endswith("valid"):
        return False
    return what.name.quantity is not None or _VALIDITY.fullmatch(key) is not None


def _beside_bare(quantities: tuple[tuple[str, Name], ...]) -> dict[str, str]:
    bare = {name.quantity: key for key, name in reversed(quantities) if name.bare}
    return {
        key: bare[name.quantity]
        for key, name in quantities
        if name.aside and name.quantity in bare and not _CURRENT.search(key)
    }


_remembered_layout = lru_cache(maxsize=1024)(_layout)
