"""Right calls of the functions of the native module, of sizes drawn by chance."""
