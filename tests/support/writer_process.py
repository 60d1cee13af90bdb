"""A process that records numbered messages, to be killed: ``python writer_process.py FOLDER URL FIRST RESENT``.

Messages from FIRST on, one reading each, whose temperature is the message's number; those below RESENT are flagged as
sent again. No message has a time of its own, so only tokens tell that it was stored before a crash. At most 300 are
unreleased at once. Writes ``C <row id>`` for each committed row and ``R <number>`` for each released receipt.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from daemon import database, folding
from daemon.batches import Batch, Commit
from daemon.entities import Sensor, StoredReading
from daemon.recorder import Recorder
from daemon.schema import open_database

WINDOW = 300


def tell(lines: list[str]) -> None:
    os.write(1, "".join(f"{line}\n" for line in lines).encode())


def announce(commit: Commit) -> None:
    tell([f"C {outcome.reading.id}" for outcome in commit.outcomes if outcome.result == "stored"])


async def record(folder: Path, url: str, first: int, resent: int) -> None:
    opened, _ = open_database(url, folder)
    room = asyncio.Semaphore(WINDOW)

    def release(receipts: Sequence[object]) -> None:
        tell([f"R {number}" for number in receipts])
        for _ in receipts:
            room.release()

    recorder = Recorder(opened, sync_interval=0.05)
    recorder.on_commit = announce
    async with recorder:
        now = time.time_ns() // 1000
        sensor = Sensor(recorder.ids.take("sensor"), "s/probe", "temperature", "x", now, now)
        await recorder.store([sensor], [], "s")
        number = first
        while True:
            await room.acquire()
            await recorder.ids.ready("reading")
            row_id, at = recorder.ids.take("reading"), time.time_ns() // 1000
            reading = StoredReading(row_id, sensor.id, at, at, "s", temperature=float(number), token=f"token {number}")
            again = {row_id} if number < resent else ()
            await recorder.put(Batch("s", (), [reading], [number], release, redelivered=again))
            number += 1
            if number % 7 == 0:
                await asyncio.sleep(0.001)  # so that some commits are small


if __name__ == "__main__":
    database.WAL_CHECKPOINT = 150_000  # several checkpoints and new beginnings of the log in a short run
    folding.MOST_UNFOLDED = 150
    asyncio.run(record(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
