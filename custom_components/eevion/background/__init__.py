"""Background tasks beside the poll: reconciled ledgers, station exceptions, webhook calls."""
