"""The reference answer to: which extinction group does a crystal belong to, from its powder pattern?"""
