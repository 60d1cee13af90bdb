"""``sereno anomalies``: list what was odd, and say what there was to it."""

from typing import Any

from rich.text import Text

from daemon.client import Client
from daemon.commands.console import local, out, plain, print_json, rows_table, say, tell
from daemon.commands.english import ANOMALIES, VERDICTS
from daemon.commands.listing import PAGE, find_sensor, names_of


def show(client: Client, sensor: str | None, limit: int, *, only_open: bool, as_json: bool) -> None:
    """The newest ``limit``, newest first."""
    query = {"sensor_id": find_sensor(client, sensor)["id"] if sensor else None, "limit": min(limit, PAGE)}
    rows: list[dict[str, Any]] = []
    for page in client.pages("/api/v1/anomalies", estado="abierta" if only_open else None, **query):
        rows += page[: limit - len(rows)]
        if len(rows) == limit:
            break
    if as_json:
        print_json(rows)
        return
    if not rows:
        say("none is open" if only_open else "there has been none")
        return
    names = names_of(client)
    out.print(rows_table([_row(row, names) for row in rows]))


def _row(row: dict[str, Any], names: dict[int, str]) -> dict[str, str | Text]:
    return {
        ">id": str(row["id"]),
        "!since": local(row["created_at"]),
        "sensor": plain(names.get(row["sensor_id"], row["sensor_id"])),
        "what": ANOMALIES[row["tipo"]],
        "!state": plain(ANOMALIES[row["estado"]], "red" if row["estado"] == "abierta" else "dim"),
        "verdict": "" if row["veredicto"] is None else VERDICTS[row["veredicto"]],
        "explanation": plain(row["explicacion_en"]),
    }


def resolve(client: Client, anomaly_id: int, verdict: str | None) -> None:
    """Close one, with a verdict (``falsa``, ``cierta``) or without; one that is closed takes a verdict, too."""
    body = None if verdict is None else {"veredicto": verdict}
    row = client.post(f"/api/v1/anomalies/{anomaly_id}/resolve", body)
    said = "" if row["veredicto"] is None else f", {VERDICTS[row['veredicto']]}"
    tell(f"anomaly {row['id']} is {ANOMALIES[row['estado']]}{said}: {row['explicacion_en']}")
