"""Floor 4: is a run, and a submission, what the rules ask for?"""
