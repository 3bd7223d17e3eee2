"""What a Trainer tells about a run without being asked: language model, pipeline, dataset, cost, limits.

Reads attributes only, imports neither transformers nor torch, keeps neither paths nor text.
"""
