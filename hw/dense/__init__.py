"""Integer layers: real embeddings, the classifier, and channel pooling of any ratio (DENSE)."""
