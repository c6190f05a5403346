// Package scan finds secret values where they must not be.
//
// # Model
//
// A value rarely leaks as it is: it sits in a JSON document inside another one,
// in a basic-auth header, in a URL, in a hex dump, or a log line cuts it in two.
// So each value is turned into its [Forms]: the value, and of its secret part
// (what follows the first colon, or all of it) the whole and each half; each of
// these as it is, in base64 at any alignment and in both alphabets, in hex,
// and escaped for URLs, JSON (once and twice) and HTML.
//
// A [Scanner] looks for all forms of all values in one pass over a stream. It
// takes its bearings from the first eight bytes of each form; nothing shorter
// is looked for, so that short values cannot raise false alarms. What that
// leaves out is told by [Scanner.Ignored].
//
// A [Hit] names the secret, the form and the place, never the value.
//
// # What may run twice
//
// Everything: scanning only reads. A Scanner may be used by several goroutines.
package scan
