"""The parts of `make bench-store`: its list of queries, its two servers, MLflow's side."""
