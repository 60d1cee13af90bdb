"""The backtest: what it reads, and that it writes what the scorers read."""

import csv
import gzip
from pathlib import Path

import pytest

from ml.evaluate import DataError, backtest_anomaly, backtest_forecast, read_series

DATA = Path(__file__).parent.parent / "data" / "dht22_apartment.csv.gz"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_row_gets_a_score_and_an_alarm_in_order(tmp_path: Path) -> None:
    written = list(backtest_anomaly([DATA], tmp_path))
    assert written == [tmp_path / "dht22_apartment.csv"]
    rows = table(written[0])
    assert list(rows[0]) == [
        *("timestamp", "sensor", "quantity", "value"),
        *("anomaly_score", "puntuacion", "alarm", "feature", "cause"),
    ]
    with gzip.open(DATA, "rt", newline="") as file:
        given = list(csv.DictReader(file))
    assert [{k: row[k] for k in given[0]} for row in rows] == given
    assert all(0 <= float(row["anomaly_score"]) < 1 and row["alarm"] in "01" for row in rows)
    assert all(0 <= float(row["puntuacion"]) <= 1 for row in rows)


def test_nab_files_keep_their_folder_below_the_root(tmp_path: Path) -> None:
    source = tmp_path / "nab" / "realTweets" / "one.csv"
    source.parent.mkdir(parents=True)
    lines = [f"2014-04-{d:02} {h:02}:00:00,{(h * 7 + d) % 12}" for d in range(1, 8) for h in range(24)]
    source.write_text("\n".join(["timestamp,value", *lines]) + "\n")
    written = list(backtest_anomaly([source], tmp_path / "out", root=tmp_path / "nab"))
    assert written == [tmp_path / "out" / "realTweets" / "one.csv"]
    rows = table(written[0])
    assert len(rows) == len(lines)
    assert rows[0]["sensor"] == rows[0]["quantity"] == ""


def test_failed_reads_and_late_rows_keep_their_row(tmp_path: Path) -> None:
    source = tmp_path / "s.csv"
    source.write_text(
        "timestamp,sensor,quantity,value\n"
        "2024-01-01 00:00:00,a,temperature,20.0\n"
        "2024-01-01 00:05:00,a,temperature,\n"
        "2024-01-01 00:01:00,a,temperature,20.1\n"
        "2024-01-01 00:05:00,b,humidity,50\n"
    )
    rows = table(next(backtest_anomaly([source], tmp_path / "out")))
    assert [row["value"] for row in rows] == ["20.0", "", "20.1", "50"]
    assert float(rows[2]["anomaly_score"]) == 0


def test_forecasts_are_made_at_every_origin_from_the_past_alone(tmp_path: Path) -> None:
    origins = tmp_path / "origins.csv"
    wanted = [("apartment", q, f"2014-07-18 {h:02}:15:00") for q in ("temperature", "humidity") for h in (1, 9, 20)]
    origins.write_text("sensor,quantity,origin\n" + "".join(",".join(w) + "\n" for w in wanted))
    out = tmp_path / "f.csv"
    assert backtest_forecast([DATA], origins, out) == 4 * len(wanted)
    rows = table(out)
    assert {(r["sensor"], r["quantity"], r["origin"]) for r in rows} == set(wanted)
    assert {r["horizon_min"] for r in rows} == {"15", "60", "360", "1440"}
    assert all(float(r["lower"]) <= float(r["mean"]) <= float(r["upper"]) for r in rows)

    cut = tmp_path / "cut.csv"
    with gzip.open(DATA, "rt", newline="") as file:
        cut.write_text("".join(line for line in file if line < "2014-07-18 20:30" or line.startswith("timestamp")))
    again = tmp_path / "again.csv"
    backtest_forecast([cut], origins, again)
    assert sorted(again.read_text().splitlines()) == sorted(out.read_text().splitlines())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,x\n", r"bad.csv:1: the header is 'time,x'"),
        ("timestamp,value\nyesterday,1\n", r"bad.csv:2: "),
        ("timestamp,value\n2024-01-01,warm\n", r"bad.csv:2: "),
        ("timestamp,value\n2024-01-01\n", r"bad.csv:2: "),
        ("", r"bad.csv:1: "),
    ],
)
def test_a_file_that_is_no_series_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        list(read_series(tmp_path / "bad.csv"))


def test_no_input_is_written_over_and_no_output_is_left_half_written(tmp_path: Path) -> None:
    source = tmp_path / "s.csv"
    text = "timestamp,value\n2024-01-01 00:00:00,20.0\n2024-01-01 00:05:00,many\n"
    source.write_text(text)
    with pytest.raises(ValueError, match="would be written over"):
        list(backtest_anomaly([source], tmp_path))
    assert source.read_text() == text
    with pytest.raises(DataError, match=r"s\.csv:3"):
        list(backtest_anomaly([source], tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latin.csv", b"timestamp,value\n2024-01-01 00:00:00,20\xb0\n"),
        ("cut.csv.gz", gzip.compress(b"timestamp", mtime=0)[:-9]),
    ],
)
def test_what_is_no_text_is_said_with_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        list(read_series(tmp_path / name))


def test_a_byte_order_mark_blank_lines_and_infinities_do_no_harm(tmp_path: Path) -> None:
    source = tmp_path / "s.csv"
    source.write_text(
        "timestamp,value\n2024-01-01 00:00:00,20.0\n\n2024-01-01 00:05:00,inf\n2024-01-01 00:10:00, \n", "utf-8-sig"
    )
    assert [row.value == row.value for row in read_series(source)] == [True, False, False]
