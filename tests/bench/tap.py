"""Python tests that speak TAP (testanything.org): `result` for each point, `finish` at the end."""

import sys

points = bad = 0


def result(good, description, detail=""):
    """One test point; `detail` is shown where it failed."""
    global points, bad
    points += 1
    print(f"{'ok' if good else 'not ok'} {points} - {description}", flush=True)
    if not good:
        bad += 1
        for line in str(detail).splitlines()[:40]:
            print(f"#   {line}")


def equal(got, expected, description):
    result(got == expected, description, f"got      {got!r}\nexpected {expected!r}")


def skip(description, why):
    global points
    points += 1
    print(f"ok {points} - {description} # SKIP {why}", flush=True)


def finish():
    print(f"1..{points}")
    sys.exit(bad > 0)
