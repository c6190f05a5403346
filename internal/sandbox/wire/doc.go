// Package wire holds what every HTTP server of the sandbox needs and none of
// them is about: a record of what was received, faults that can be injected,
// and JSON answers.
//
// A [Tap] sits in front of a server's handler. For each request it reads the
// body (bounded), writes the request down in the [Recorder], asks [Faults]
// whether a fault is due, and only then lets the handler see it:
//
//	client -> Tap -> Recorder -> Faults -> handler
//
// The record is made before anything can go wrong, so that a search for leaked
// values also sees requests that were dropped, delayed or answered by a fault.
//
// Everything here may be called from several goroutines. A fault fires at most
// as often as its limit says, also when requests race for the last turn.
package wire
