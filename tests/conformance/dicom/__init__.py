"""What the Standard says of performed procedure steps, statement by statement."""
