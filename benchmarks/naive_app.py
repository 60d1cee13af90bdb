"""The straightforward version, the yardstick of the ratios: what one writes in an afternoon.

paho in a thread -> ORM add and commit per reading -> scikit-learn's score per reading -> ``for each client: await
send_json``. Environment: DB (SQLAlchemy URL), PORT, MQTT_PORT, WAL=FULL (else SQLite's own defaults), NOML=1.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from sklearn.ensemble import IsolationForest
from sqlalchemy import DateTime, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine(os.environ["DB"])
clients: set[WebSocket] = set()
loops: list[asyncio.AbstractEventLoop] = []

if os.environ.get("WAL"):

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={os.environ['WAL']}")


class Base(DeclarativeBase):
    pass


class Reading(Base):
    __tablename__ = "readings"
    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(String(64), index=True)
    metric: Mapped[str] = mapped_column(String(32))
    unit: Mapped[str] = mapped_column(String(16))
    value: Mapped[float]
    score: Mapped[float]
    time: Mapped[datetime] = mapped_column(DateTime, index=True)


Base.metadata.create_all(engine)
model = IsolationForest(n_estimators=100, random_state=0)
model.fit(np.random.default_rng(0).normal(20, 4, size=(500, 1)))


async def broadcast(message: dict[str, Any]) -> None:
    for client in list(clients):
        try:
            await client.send_json(message)
        except (WebSocketDisconnect, RuntimeError):
            clients.discard(client)


def on_connect(client: mqtt.Client, *_: object) -> None:
    client.subscribe("sensors/+/reading", qos=1)


def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
    data = json.loads(message.payload)
    value = float(data["value"])
    score = 0.0 if os.environ.get("NOML") else float(model.score_samples([[value]])[0])
    with Session(engine) as session:
        row = Reading(
            sensor=data["sensor"],
            metric=data["metric"],
            unit=data["unit"],
            value=value,
            score=score,
            time=datetime.now(UTC),
        )
        session.add(row)
        session.commit()
        sent = {"type": "reading", "id": row.id, "sensor": row.sensor, "value": value, "score": score}
        sent |= {"anomaly": score < -0.6, "secuencia": data["seq"], "time": row.time.isoformat()}
    asyncio.run_coroutine_threadsafe(broadcast(sent), loops[0])


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    loops.append(asyncio.get_running_loop())
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="naive")
    client.on_connect, client.on_message = on_connect, on_message
    client.connect("127.0.0.1", int(os.environ["MQTT_PORT"]))
    client.loop_start()
    yield
    client.loop_stop()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def socket(client: WebSocket) -> None:
    await client.accept()
    clients.add(client)
    try:
        while True:
            await client.receive_text()
    except WebSocketDisconnect:
        clients.discard(client)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
