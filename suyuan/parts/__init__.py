"""The parts a machine needs, found or started: database cluster, broker, services."""
