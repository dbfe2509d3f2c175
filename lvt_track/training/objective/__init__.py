"""What is learned: targets that may be unknown, and losses that are blind there."""
