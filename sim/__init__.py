"""The simulator: the compiled application in virtual time, with injected failures, checked."""
