//go:build !faults

// Package fault names the places where a test may kill the process or plant a
// known bug. In an ordinary build every call compiles to nothing; the build
// tag "faults" arms them through the environment (see on.go).
package fault

// Point is a named place to die at. The names are the kill points K1 to K18
// of docs/guarantees.md, optionally with a suffix ("K8-part").
func Point(name string) {}

// Bug reports whether a known mistake is planted, to prove that the tests
// would notice it. Always false in an ordinary build.
func Bug(name string) bool { return false }
