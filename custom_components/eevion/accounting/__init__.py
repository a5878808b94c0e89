"""What a station delivered and earned: ledgers, their sums, and what the statistics hold of them."""
