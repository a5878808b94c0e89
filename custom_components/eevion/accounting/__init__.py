"""What a station delivered and earned: ledgers, amounts, and what the statistics hold of them."""
