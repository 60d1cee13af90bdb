"""What no format understood is kept to be looked at: bounded, and as a case that ``sereno decode`` takes."""

from base64 import b64decode

from daemon.samples import LONGEST_SAMPLE, MOST_SAMPLES, Samples
from drivers.base import Decoded, Delivery, Kind, Reading
from drivers.formats import decode_case, decode_mqtt

UNKNOWN = Decoded(Kind.UNKNOWN, reason="no format reads it")


def unknown(origin: str, payload: bytes = b"?", at: int = 1, decoded: Decoded = UNKNOWN) -> Delivery:
    return Delivery(decoded, at, origin, payload)


def test_the_newest_of_each_origin_is_kept_and_the_others_are_counted() -> None:
    samples = Samples()
    for at, payload in enumerate([b"one", b"two", b"three"]):
        samples.look(unknown("a/b", payload, at))
    (sample,) = samples.newest_first()
    assert (sample.payload, sample.count, sample.last_at) == (b"three", 3, 2)


def test_they_are_bounded_in_number_and_size() -> None:
    samples = Samples()
    for number in range(MOST_SAMPLES + 5):
        samples.look(unknown(f"a/{number}", b"x" * 9_999, number))
    kept = samples.newest_first()
    assert [sample.origin for sample in kept] == [f"a/{number}" for number in range(MOST_SAMPLES + 4, 4, -1)]
    assert {len(sample.payload) for sample in kept} == {LONGEST_SAMPLE}


def test_what_is_understood_is_no_sample_nor_is_a_sensor_s_failed_read() -> None:
    samples = Samples()
    for decoded in (
        decode_mqtt("attic/temperature", b"21.5", {}),
        decode_mqtt("attic/temperature/set", b"21.5", {}),
        Decoded(Kind.ERROR, readings=(Reading("attic", failed=("temperature",)),)),
    ):
        samples.look(unknown("attic", decoded=decoded))
    assert samples.newest_first() == []
    samples.look(unknown("attic", decoded=decode_mqtt("attic", b'{"temperature":', {})))
    assert "invalid JSON" in samples.newest_first()[0].reason


def test_a_sample_is_a_case_that_decode_judges_the_same() -> None:
    for topic, payload in (("garage/x1", b'{"foo":12}'), ("garage/x2", b"\xff\x00\x01")):
        samples = Samples()
        samples.look(unknown(topic, payload, decoded=decode_mqtt(topic, payload, {})))
        case = samples.newest_first()[0].case("mqtt")
        assert decode_case(case)["kind"] == "unknown"
        told = case.get("payload_text", "").encode() or b64decode(case["payload_b64"])
        assert (case["topic"], told) == (topic, payload)
    assert "topic" not in samples.newest_first()[0].case("serial")
