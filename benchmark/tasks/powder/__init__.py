"""What is asked: the extinction group of a crystal, from its powder pattern."""
