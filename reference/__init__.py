"""The reference training: PyTorch over Horovod, torch.distributed or alone. Imports benchmark floors 0 to 2 only."""
