"""What a user calls: a Stylizer, its options and styles, and whole folders."""
