"""What the controller's parts hand each other: frozen values, reasons, and sentences for people."""
