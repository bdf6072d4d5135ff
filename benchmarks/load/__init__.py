"""The load of the fan-out benchmarks: one process that publishes, others that view. They import nothing of the hub."""
