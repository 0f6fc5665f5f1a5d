"""What every sender promises, whatever protocol it speaks."""
