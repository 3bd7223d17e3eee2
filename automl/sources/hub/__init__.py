"""Language models and datasets of the HF Hub: names pinned to commits, files fetched whole, checked and kept.

Start from `language_models.pin`, `language_models.fetch` and `datasets.fetch`. Nothing here loads or trains.
"""
