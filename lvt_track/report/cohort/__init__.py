"""What many patients say together, drawn."""
