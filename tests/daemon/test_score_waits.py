"""The histogram of waits: counts that grow with the bound, none lost."""

from daemon.score_waits import Waits


def test_rows_are_counted_in_every_bucket_that_holds_them() -> None:
    waits = Waits()
    waits.add(0.3, 10)
    waits.add(1.0, 5)
    waits.add(90.0, 1)
    within = waits.within()
    assert (within["0.25"], within["0.5"], within["1.0"], within["60.0"], within["+Inf"]) == (0, 10, 15, 15, 16)
    assert waits.longest == 90.0
    assert waits.seconds == 0.3 * 10 + 5 + 90
