"""What images have to be like that are made from a teacher alone, without a crop of the data that it learned from."""
