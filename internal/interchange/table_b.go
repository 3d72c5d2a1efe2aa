package interchange

// containerFormats are told by their magic, and asked first.
var containerFormats []format
