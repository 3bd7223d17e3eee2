"""Models that predict how a pipeline will do on a task: seconds, memory, failures and scores, with uncertainty.

`pool` has estimators under one protocol (`base`), `snapshots` keeps them, `feasibility` counts what a run needs;
`python -m automl.estimators` measures what they are worth. Of the sampler "process": `physics` joins seconds and
failures, `scores` what a store says, `opinions` what own runs make of it. They know no search.
"""
