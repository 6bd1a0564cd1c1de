"""From a photo's pixels to a stylized image: everything around the net that does not depend on the family."""
