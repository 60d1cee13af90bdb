"""The Spanish words of the wire and the English ones they stand for."""

from daemon.entities import AnomalyKind, AnomalyState, Quality, SensorState, Verdict

SENSOR_STATES = {
    SensorState.ACTIVE: "activo",
    SensorState.SILENT: "silencioso",
    SensorState.INACTIVE: "inactivo",
}
QUALITIES = {Quality.OK: "ok", Quality.SUSPECT: "dudosa", Quality.INVALID: "invalida"}
ANOMALY_KINDS = {
    AnomalyKind.TEMPERATURE_HIGH: "temperatura_alta",
    AnomalyKind.TEMPERATURE_LOW: "temperatura_baja",
    AnomalyKind.HUMIDITY_HIGH: "humedad_alta",
    AnomalyKind.HUMIDITY_LOW: "humedad_baja",
    AnomalyKind.DISCONNECTED: "sensor_desconectado",
    AnomalyKind.INVALID_READINGS: "lectura_invalida",
    AnomalyKind.UNUSUAL_PATTERN: "patron_inusual",
}
ANOMALY_STATES = {AnomalyState.OPEN: "abierta", AnomalyState.RESOLVED: "resuelta"}
VERDICTS = {Verdict.FALSE: "falsa", Verdict.TRUE: "cierta"}
MAGNITUDES = {"temperature": "temperatura", "humidity": "humedad"}

RISKS = {"frost": "helada", "condensation": "condensacion", "mould": "moho", "drought": "sequia"}
RISK_LEVELS = {"none": "ninguno", "low": "bajo", "medium": "medio", "high": "alto"}

QUANTITIES = {
    "dew_point": "punto_rocio",
    "heat_index": "indice_calor",
    "pressure": "presion",
    "pressure_sea_level": "presion_nivel_mar",
    "battery": "bateria",
    "battery_voltage": "voltaje_bateria",
    "co2": "co2",
    "illuminance": "iluminancia",
}
"""The further quantities that formats know; any other keeps the name it came with."""

QUANTITIES_IN = {spanish: english for english, spanish in QUANTITIES.items()}

COUNTS = {
    "readings": "lecturas",
    "locations": "ubicaciones",
    "anomalies": "anomalias",
    "predictions": "predicciones",
    "discarded": "descartadas",
    "merged_into": "fusionado_en",
}
"""What a deletion's metadata counts, and the sensor that one became part of."""
