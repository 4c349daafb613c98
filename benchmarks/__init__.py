"""Speed and memory of this ConvBERT beside what else could be used."""
