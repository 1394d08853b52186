"""Who this process is (rank), how ranks are started (launchers), on what (system), and whether it can work (doctor)."""
