"""Tables that people bring, as text with line numbers, and tables that we write as CSV."""
