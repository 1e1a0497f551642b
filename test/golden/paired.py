"""Golden answers for lib/runs/student-t, bootstrap and holm: SciPy's t, all resamples of the seeds, Holm's step-down.

Run as `python test/golden/paired.py` with the versions of test/golden/requirements.txt (numpy, scipy).
"""
import itertools
import json
from pathlib import Path

import numpy as np
from scipy import stats

DIFFERENCES = {
    "five": [1.4, 0.3, 2.1, -0.2, 0.9],
    "three": [1.47, 0.95, -0.06],
    "alike": [-0.31, -0.33, -0.32, -0.30],
    "two": [0.5, 4.0],
    "ten": [0.1, -0.7, 1.2, 0.4, 0.0, 2.2, -1.1, 0.6, 0.3, 0.2],
}


def answers(values):
    t = stats.ttest_1samp(values, 0)
    low, high = t.confidence_interval(0.95)
    out = {"p": float(t.pvalue), "student": [float(low), float(high)]}
    if len(values) <= 6:
        means = [np.mean(r) for r in itertools.product(values, repeat=len(values))]
        out["bootstrap"] = np.percentile(means, [2.5, 97.5]).tolist()
    else:
        found = stats.bootstrap((values,), np.mean, n_resamples=200_000, method="percentile", rng=np.random.default_rng(0))
        out["bootstrap"] = [float(found.confidence_interval.low), float(found.confidence_interval.high)]
    return out


def holm(p):
    """Adjusted p values: the least level at which the step-down procedure still rejects each."""
    order = np.argsort(p)
    adjusted, largest = np.empty(len(p)), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return adjusted.tolist()


FAMILIES = [[0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.5, 0.001], [0.9, 0.02, 0.02, 0.6, 0.0004, 0.013]]
golden = {
    "quantiles": {str(df): [float(stats.t.ppf(q, df)) for q in (0.9, 0.975, 0.9995)] for df in (*range(1, 21), 30, 99)},
    "tails": {str(df): [float(2 * stats.t.sf(t, df)) for t in (0.0, 0.7, 2.5, 11.0)] for df in (1, 2, 3, 4, 9, 10, 25)},
    "differences": {name: {"values": v, **answers(v)} for name, v in DIFFERENCES.items()},
    "holm": [{"p": p, "adjusted": holm(p)} for p in FAMILIES],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
