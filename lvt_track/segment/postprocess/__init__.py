"""From what a network says to sound masks: a chain of rules, each with its reason."""
