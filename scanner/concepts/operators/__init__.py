"""What operators make of their objects: ``shapes`` knows the pods that each kind comes to."""
