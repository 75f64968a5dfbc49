"""Devices as the broker and the network know them: certificates, and who may do what there."""
