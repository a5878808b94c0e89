"""What runs by itself beside the poll: completing the ledgers, exceptions, calls of the cloud."""
