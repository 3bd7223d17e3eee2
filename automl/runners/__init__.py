"""Run one pipeline for real: in a child process, under limits, every way to die told apart.

Start from `base.TrialSpec` and `process.run`. Nothing here knows a hub or a search.
"""
