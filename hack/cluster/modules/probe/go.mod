module hubtraining.local/cluster/probe

go 1.24
