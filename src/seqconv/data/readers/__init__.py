"""Read files, check them, and say what is odd about them: path -> TextData | Texts | Series | Table."""
