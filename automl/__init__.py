"""Search for language-model fine-tuning pipelines that starts from what earlier runs taught.

Knows neither the hub nor the logging client: tasks, evidence and outcomes come from the caller as plain
values. Start at `automl.engine.Engine` (ask and tell), `automl.spaces.tunelore` and
`automl.priors.build_prior`. Importing the library needs numpy only; everything heavier is looked up when it
is used.
"""
