"""The log service: publishes the transparency log and serves it to whoever asks."""
