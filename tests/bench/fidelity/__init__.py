"""What `bench_fidelity` replays: the table of real runs. Knows no sampler."""
