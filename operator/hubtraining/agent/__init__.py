"""The program beside the training: brings the inputs, reports what training writes."""
