"""The role that owns and drains lanes. On one machine ``mpps up`` runs the core's forwarder inside its own process."""
