"""On which devices, processes and disks the parts of a model are."""
