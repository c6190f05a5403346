// Package config reads the one file that says what an installation of Rekey
// looks like.
//
// # The model
//
// The structs of this package are the schema: a field's key, default and
// form stand in its tag, its meaning and unit in its comment, and one small
// decoder serves them all. A key the structs do not have is an error. Nothing
// is guessed and nothing is skipped: [Load] returns either a whole, checked
// [Config] or [Faults], which lists every fault of the file at once, each with
// its line and with what to write instead.
//
// # Secrets
//
// The file holds none. A field of type [Source] named "bot_token" is written
// as bot_token_file or bot_token_env, and its value is read when it is used.
// A secret found in the file itself is an error that does not repeat it.
//
// # What may run twice
//
// Everything: Load and [Source.Read] only read.
//
// # Tags
//
//	key      the key in the file
//	default  the value when the key is absent, as it would be written
//	need     the key must be there; the text says what to write
//	form     one of the forms of text in forms.go
//	min      smallest duration or number
//	short    the field that a lone text stands for, where keys are expected
//	inherit  a top-level key of which this one overrides single fields
package config
