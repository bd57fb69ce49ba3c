"""The protocol, sans-IO: executes one request, asking its host for everything else."""
