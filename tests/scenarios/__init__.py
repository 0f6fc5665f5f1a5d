"""What happens in hospitals: the cases of IHE Scheduled Workflow and the habits of real devices, end to end."""
