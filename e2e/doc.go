// Package e2e proves the promises on the real program: built as it is
// shipped, against real servers, with the clients that people have. The rules
// of the house, which no compiler checks, are here too.
//
// Its folders: hydrant runs the program, load makes producers, testbed puts
// both before a real object store, oracle judges what arrived, servers starts
// other people's programs, crash kills ours.
package e2e
