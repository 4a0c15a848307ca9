"""Doors in an emergency: from the order straight to the phones, by a way of its own (ADR 18).

No stream, no read model and no lane is on it; at an adapter's host not even PostgreSQL (D14).
"""
