"""Models that predict how a pipeline will do on a task, one per file.

Empty on purpose: no estimator has yet beaten the samplers without one; see tests/bench/bench_warm_start.py.
"""
