"""How services hear of new operations: in this process, or through Kafka."""
