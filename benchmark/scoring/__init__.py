"""Floor 4: submissions and runs in, scores out: time to train, reference convergence points, weak scaling, energy."""
