"""What estimators are worth: predictions of runs they have not seen, measured and compared with baselines.

`folds` leaves out, `measures` judges, `comparing` says what is more than luck, `importance` which columns carry
it. Start at `report.evaluate`.
"""
