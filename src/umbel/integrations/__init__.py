"""Users of the public API: each makes umbel at home in something that others have made."""
