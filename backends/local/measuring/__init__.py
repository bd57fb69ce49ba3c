"""What an application costs and can do on this machine, and profiles for the simulator."""
