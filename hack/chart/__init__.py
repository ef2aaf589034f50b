"""What in the chart and around it is made from something else: the CRD's copy, the dashboard, tables, manifests."""
