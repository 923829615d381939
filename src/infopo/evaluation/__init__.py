"""Evaluation: how often a policy succeeds, with an interval, and how it behaves while it tries."""

from infopo.evaluation.evaluate import Evaluation, evaluate, evaluate_sampler, record_evaluation
from infopo.evaluation.intervals import cluster_bootstrap, wilson

__all__ = ["Evaluation", "cluster_bootstrap", "evaluate", "evaluate_sampler", "record_evaluation", "wilson"]
