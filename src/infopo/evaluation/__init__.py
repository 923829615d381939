"""Evaluation: how often a policy succeeds, with an interval, and how it behaves while it tries.

Where the numbers live: `summarise` puts every number of one evaluation into `Evaluation.summary()`, which is
`summary.json` of its run folder, so that whoever shows a run (`report` imports `core` alone) reads numbers and computes
none. A comparison needs two runs: `compare` takes two such summaries, and the command line hands what it found to the
report. Formulas and the choice of intervals: `docs/evaluation.md`.
"""

from infopo.evaluation.behaviour import Behaviour, behaviour
from infopo.evaluation.comparison import Comparison, compare, planned_difference
from infopo.evaluation.evaluate import evaluate, evaluate_sampler, record_evaluation
from infopo.evaluation.intervals import Interval, cluster_bootstrap, mean_interval, wilson
from infopo.evaluation.metrics import Estimate, TaskResult, pass_at_k, pass_hat_k
from infopo.evaluation.summarise import Evaluation, Numbers, summarise
from infopo.evaluation.turn_gains import turn_gains

__all__ = [
    "Behaviour",
    "Comparison",
    "Estimate",
    "Evaluation",
    "Interval",
    "Numbers",
    "TaskResult",
    "behaviour",
    "cluster_bootstrap",
    "compare",
    "evaluate",
    "evaluate_sampler",
    "mean_interval",
    "pass_at_k",
    "pass_hat_k",
    "planned_difference",
    "record_evaluation",
    "summarise",
    "turn_gains",
    "wilson",
]
