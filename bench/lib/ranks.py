"""Rank tests: whether one set of samples is larger than another, whatever the distribution of the samples.

Mann, Whitney, "On a test of whether one of two random variables is stochastically larger than the other", Annals of
Mathematical Statistics 18, 1947; the estimate of the shift is Hodges's and Lehmann's, ibid. 34, 1963."""

import functools
import math
import statistics


def u_statistic(a, b):
    """How many pairs have their b above their a, ties counting one half."""
    return sum((y > x) + 0.5 * (y == x) for x in a for y in b)


@functools.cache
def _arrangements(m, n, u):
    """The number of orders of m a's and n b's in which exactly u pairs have their b above their a."""
    if u < 0 or u > m * n:
        return 0
    if m == 0 or n == 0:
        return 1
    # The largest of all is a b, above all m a's, or it is an a.
    return _arrangements(m, n - 1, u - m) + _arrangements(m - 1, n, u)


def _exact_tail(m, n, u):
    """The probability of at least u if both sets come from one distribution."""
    return sum(_arrangements(m, n, k) for k in range(math.ceil(u), m * n + 1)) / math.comb(m + n, m)


def _normal_tail(a, b, u):
    """The same by the normal distribution, with the variance corrected for ties and a continuity correction."""
    m, n = len(a), len(b)
    total = m + n
    values = sorted(a + b)
    tied = sum(k ** 3 - k for k in (values.count(v) for v in set(values)))
    variance = m * n / 12 * (total + 1 - tied / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = (u - m * n / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def larger(a, b):
    """p of the one-sided test that b's population is above a's: exact for small sets without ties."""
    u = u_statistic(a, b)
    if len(a) * len(b) <= 900 and len(set(a + b)) == len(a) + len(b):
        return _exact_tail(len(a), len(b), u)
    return _normal_tail(a, b, u)


def ratio(a, b):
    """The ratio of b to a: the median over all pairs."""
    return statistics.median(y / x for x in a for y in b)


def holm(p_values, level):
    """Holm's test of several hypotheses together: whether each is rejected, at a family-wise error rate of `level`."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for rank, i in enumerate(order):
        if p_values[i] * (len(p_values) - rank) > level:
            break
        rejected[i] = True
    return rejected
