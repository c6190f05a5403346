// Package commands is what people can ask of Rekey: it understands a typed
// line, checks that the person may ask it, calls the engine and answers.
//
// It knows no chat. A [Request] carries the words and who said them, with that
// person's standing as fresh facts; a [Reply] is a neutral document that a
// channel renders in its own way. The package does no I/O of its own and keeps
// nothing between two requests.
//
// # What may run twice
//
// Reading requests (list, status, plan, help) any number of times. A repeated
// start is refused by the engine, which knows of one rotation per secret; a
// repeated cancel or retry finds nothing to do and says so.
//
// # Words are not trusted
//
// People paste secrets into command lines. What looks like one is refused
// before anything else is looked at, and no answer, error or log line of this
// package repeats a word of the request: names in answers are those of the
// catalogue.
package commands
