"""From a CT volume to masks of liver, vessels and tumours."""
