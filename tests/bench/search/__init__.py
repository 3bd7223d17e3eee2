"""The search benchmark's parts: an invented family of tasks, stores, samplers, runs and a report.

Knows the library's public doors; ships nowhere.
"""
