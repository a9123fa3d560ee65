"""bench/lib/ranks.py against counting all orders: LIBRARY."""

import itertools
import random
import sys

import tap

sys.path.insert(0, sys.argv[1])
import ranks


def by_counting(a, b):
    """The probability of at least this U, over every way to deal the values."""
    values, u = a + b, ranks.u_statistic(a, b)
    deals = [set(chosen) for chosen in itertools.combinations(range(len(values)), len(a))]
    at_least = sum(ranks.u_statistic([values[i] for i in deal], [values[i] for i in range(len(values)) if i not in deal])
                   >= u for deal in deals)
    return at_least / len(deals)


tap.equal(ranks.larger([1, 2, 3], [4, 5, 6]), 1 / 20, "three below three: one order of twenty")
tap.equal(ranks.larger([4, 5, 6], [1, 2, 3]), 1.0, "three above three: every order is at least that")
draw = random.Random(7)
for m, n in (1, 1), (2, 5), (5, 2), (5, 5), (6, 4):
    a, b = ([draw.random() for _ in range(k)] for k in (m, n))
    tap.result(abs(ranks.larger(a, b) - by_counting(a, b)) < 1e-12, f"{m} and {n} values: as by counting all orders")
a, b = [1, 2, 2, 3, 5, 5], [2, 3, 5, 5, 6, 7]
tap.result(abs(ranks.larger(a, b) - by_counting(a, b)) < 0.02, "with ties: near what counting gives",
           f"{ranks.larger(a, b)} {by_counting(a, b)}")
tap.equal(ranks.larger([3, 3, 3], [3, 3, 3]), 1.0, "all equal: nothing is larger")
a, b = list(range(40)), [x + 0.5 for x in range(40)]
tap.result(0.4 < ranks.larger(a, b) < 0.5, "many values, a small shift: no news", ranks.larger(a, b))
tap.result(ranks.larger(a, [x + 30.5 for x in a]) < 1e-9, "many values, a large shift: certain")
tap.equal(ranks.ratio([1, 2, 4], [2, 4, 8]), 2.0, "the ratio is the median over pairs")
tap.equal(ranks.holm([0.01, 0.04, 0.03, 0.005], 0.05), [True, False, False, True], "Holm: two of four fall")
tap.equal(ranks.holm([], 0.05), [], "Holm: of none, none")

# Where there is no difference, one test in twenty may say so at that level, and no more.
false = sum(ranks.larger([draw.gauss(0, 1) for _ in range(8)], [draw.gauss(0, 1) for _ in range(8)]) < 0.05
            for _ in range(2000))
tap.result(60 < false < 140, "2000 tests of equals at 5 %: about one in twenty", false)
tap.finish()
