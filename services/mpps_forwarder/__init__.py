"""The forwarder service: what keeps the lanes and the store in order beside the core's forwarder.

On one machine ``mpps up`` runs all of it inside its own process.
"""
