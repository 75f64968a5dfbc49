"""The demonstration: a market's day from printed labels to the kiosk, checked against the truth."""
