"""What a daemon says of itself, made by hand: for whatever shows it."""

from daemon.status_report import SensorReport, SkillReport, StatusReport, WarningReport


def skill_report(
    quantity: str, horizon_s: int, judged: int, coverage: float, error: float, naive: float
) -> SkillReport:
    return SkillReport(
        quantity=quantity,
        horizon_s=horizon_s,
        judged=judged,
        coverage=coverage,
        error=error,
        naive=naive,
        skill=1 - error / naive if naive else None,
    )


def sensor_report(number: int, forecasts: list[SkillReport]) -> SensorReport:
    """A sensor that is well, and how good its forecasts are."""
    return SensorReport(
        id=number,
        key=f"house/room{number}",
        name=f"room {number}",
        type="temperature",
        model="DHT22",
        state="activo",
        ignored=False,
        temperature=21.5,
        humidity=48.0,
        others={},
        quality="ok",
        last_reading_at="2025-07-20T10:30:00Z",
        age_s=3.0,
        usual_interval_s=30.0,
        silent_after_s=180.0,
        readings=99,
        failed_reads=0,
        invalid=0,
        anomaly_model="ready",
        warm_up_h=24.0,
        warm_up_of_h=24.0,
        forecast_model="ready",
        forecasts=forecasts,
        open_anomalies=0,
    )


def status_report(sensors: list[SensorReport], warnings: list[WarningReport] | None = None) -> StatusReport:
    """Of a daemon without drivers or a broker of its own."""
    return StatusReport(
        version="1.0",
        started_at="2025-07-20T10:00:00Z",
        uptime_s=1800.0,
        now="2025-07-20T10:30:03Z",
        demo=False,
        mode="open",
        clock_set=True,
        health="ok",
        reasons=[],
        drivers=[],
        sensors=sensors,
        warnings=warnings or [],
        sensors_total=len(sensors),
        sensors_max=1000,
        sensors_refused=0,
        kept_out=[],
        database={
            "kind": "sqlite",
            "url": "sqlite:///sereno.db",
            "state": "up",
            "since": "2025-07-20T10:00:00Z",
            "reason": None,
            "queued": 0,
            "unsynced": 0,
            "stored": 99,
            "duplicates": 0,
            "completed": 0,
            "conflicts": 0,
            "refused": 0,
            "commits": 99,
            "syncs": 99,
            "folded": 0,
            "checkpoints": 0,
            "size_bytes": None,
            "free_bytes": None,
        },
        broker=None,
        models={
            "anomaly_enabled": True,
            "forecast_enabled": True,
            "ready": len(sensors),
            "learning": 0,
            "scored": 198,
            "skipped": 0,
            "lag_s": 0.0,
            "waits": {"+Inf": 99},
            "waits_s": 9.9,
            "longest_wait_s": 0.4,
            "fits": 1,
            "failed_fits": 0,
            "fitting": None,
            "last_fit_at": None,
            "predictions": 8,
            "anomalies_open": 0,
        },
        clients={
            "connected": 0,
            "limit": 100,
            "channels": {},
            "sent": 0,
            "dropped": 0,
            "closed_slow": 0,
            "refused": 0,
        },
        refused={},
        lost={"events": 0, "writes": 0},
        memory_bytes=None,
    )
