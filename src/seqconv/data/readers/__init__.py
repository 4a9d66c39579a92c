"""Read and check files, and note anything unusual: path -> TextData | Texts | Series | Sequences | Table."""
