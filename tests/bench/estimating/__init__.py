"""Real records that estimators are judged on: readers of the folder of shared data, which ships nowhere.

They know no estimator.
"""
