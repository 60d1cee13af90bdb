"""One WebSocket client that notes when each sequence number arrives, until ``--count`` of them did.

Prints ``ready`` when connected, then one line ``seen duplicates`` ; writes float64 seconds of the monotonic clock, by
number from ``--first``, NaN where none came, to ``--log``.
"""

import argparse
import math
import re
import time
from array import array
from pathlib import Path

from websockets.sync.client import connect

_SEQUENCE = re.compile(r'"secuencia":(\d+)')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--patience", type=float, default=20.0, help="seconds without an event that end it")
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    moments = array("d", [math.nan]) * options.count
    seen = duplicates = 0
    with connect(options.url, max_size=None, compression=None, max_queue=None) as socket:
        print("ready", flush=True)
        while seen < options.count:
            try:
                message = socket.recv(options.patience, decode=True)
            except TimeoutError:
                break
            found = _SEQUENCE.search(message)
            if found is None:
                continue
            number = int(found[1]) - options.first
            if not 0 <= number < options.count:
                continue
            if math.isnan(moments[number]):
                moments[number] = time.monotonic()
                seen += 1
            else:
                duplicates += 1
    options.log.write_bytes(moments.tobytes())
    print(seen, duplicates)


if __name__ == "__main__":
    main()
