"""Toy environments: small enough to enumerate."""
