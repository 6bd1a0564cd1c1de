"""Building blocks that the families share: freezable instance norms, the trunk and feature statistics."""
