package vfs

// Volatile reports whether a file system of this kind (see [Kind]) forgets
// everything when the machine stops, so that no record on it is durable.
func Volatile(kind string) bool { return kind == "tmpfs" || kind == "ramfs" }

// Warning says what is wrong with keeping a buffer on a file system of this
// kind and what to do, or returns "" if nothing is.
func Warning(kind string) string {
	switch kind {
	case "tmpfs", "ramfs":
		return "the data directory is in memory (" + kind + "): accepted records are lost when the machine stops; use a disk"
	case "nfs", "cifs", "9p":
		return "the data directory is on a network file system (" + kind + "): locks and syncs depend on its server; use a local disk"
	case "overlay":
		return "the data directory is inside the container's own layer (overlay): accepted records are lost with the container; mount a volume there"
	case "fuse":
		return "the data directory is on a FUSE file system: whether a sync reaches the disk depends on its program; use a local disk"
	}
	return ""
}
