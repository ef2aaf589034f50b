module hubtraining.local/cluster/pause

go 1.24
