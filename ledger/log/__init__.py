"""The transparency log: a Merkle tree over positions, published so that strangers can check it."""
