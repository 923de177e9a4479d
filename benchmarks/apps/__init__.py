"""The worker's side of each contestant: the functions of `benchmarks.work` on a store that BENCH_FOLDER names."""
