package commands

import (
	"strings"
	"time"

	"rekey/rotation"
)

// Request is one line somebody typed, or that a button they clicked stands
// for.
type Request struct {
	Command  string // "/rotate" or "/rotate-emergency"
	Text     string // what followed it; may hold a pasted secret: never log it
	Person   rotation.Person
	Standing rotation.Standing
	// Seen is when what somebody clicked on was true; zero for what was typed.
	// It is not acted on once a rotation has ended since.
	Seen time.Time
}

// Reply is an answer for the person who asked and nobody else. Texts are
// plain, with `backticks` around what can be typed; the channel escapes and
// lays them out.
type Reply struct {
	Title      string
	Text       string   // the whole gist in one line, for notifications and screen readers
	Paragraphs []string // above the rows
	Rows       []Row
	Notes      []string // below the rows, less important
	Form       *Form    // asks for what was not said; nil asks nothing
	Undone     bool     // what was asked was not done: refused, not understood, or failed
	Err        error    // the cause of a failure, for the log; never shown
}

// Form asks for one text, after which the line is complete: what was typed goes
// behind it.
type Form struct {
	Command string // "/rotate-emergency"
	Line    string // what was understood so far, in our own words
	First   bool   // --revoke-first was said
	Many    bool   // it is about several secrets, which never end first
	Secret  string
	What    string // what sending it off begins
	Since   string // since when others may have known it, where that was said
}

// With is the line that a filled form makes.
func (f Form) With(first bool, since, words string) string {
	if first {
		f.Line += " --revoke-first"
	}
	if since != "" {
		since = " --since " + strings.TrimSpace(since)
	}
	return f.Line + since + " " + words
}

// Row is one fact. What a channel shows better than words can (a person, a
// moment in the reader's own time zone) follows the text.
type Row struct {
	Label       string
	Text        string
	Who         rotation.Person // zero: nobody
	When        time.Time       // zero: no moment
	ApproversOf string          // a secret whose approvers are named here, or ""
}
