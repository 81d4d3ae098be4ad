"""Files that open Power BI, Excel and others with the data in them; value in, value out."""
