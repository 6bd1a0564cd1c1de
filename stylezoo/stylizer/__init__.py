"""The public API for stylizing: `Stylizer`, its options and styles, and batches of files."""
