// Package crashtest takes the power from the local log, and gives it bad
// disks. It holds tests only; the file system that does it is in crashfs.
//
// A test drives a log and keeps a history of what the outside world knows:
// which records were handed in, which were acknowledged and where, which
// plans were made and done. At any operation on the file system it takes
// images of what a crash would leave. Each image is opened, read to its end
// and compared with the history: every acknowledged record is there, in its
// place, byte-equal; nothing was invented; plans and checkpoints are what they
// were; the account adds up; no identity is given out twice. Then the image
// takes new records, and may crash again.
package crashtest
