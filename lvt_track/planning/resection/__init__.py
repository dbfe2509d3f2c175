"""What a resection takes, and what it leaves."""
