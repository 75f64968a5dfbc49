"""The command: composes the parts and does nothing else."""
