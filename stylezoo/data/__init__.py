"""Training pictures: folders of photos as random crops, and where style pictures are looked for."""
