"""Parts of bench_client: the programs that are measured, the hubs they talk to, and what is counted afterwards."""
