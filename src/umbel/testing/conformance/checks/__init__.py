"""The checks of the contracts, one file a theme. Each method shows one guarantee and is named after it."""
