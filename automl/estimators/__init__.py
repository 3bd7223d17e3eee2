"""Models that predict how a pipeline will do on a task: seconds, failures and scores, with their uncertainty.

`physics` joins seconds and failures, `scores` what a store says, `opinions` what own runs make of it; they know
no search. What they are worth is measured by tests/bench/bench_search.py.
"""
