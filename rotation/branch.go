package rotation

import (
	"fmt"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/state"
)

// Rekey never cuts its own branch: what it stands on itself, such as the database
// in which it keeps its own records, is rotated by nobody who stands on it. In an
// emergency there is a second path, which people walk when everything else is
// done: the engine with its records in a file.

// standsOn is what of Rekey's own stands on a secret, "" where nothing does.
// That it cannot be told is for the survey to say.
func (s Subject) standsOn() string {
	if s.Sustains == nil {
		return ""
	}
	what, err := s.Sustains()
	if err != nil {
		return ""
	}
	return what
}

// ownBranch refuses what Rekey stands on, before anything is looked at.
func ownBranch(s Subject, why wish) error {
	what := s.standsOn()
	switch {
	case what == "":
		return nil
	case why.mode == Emergency:
		return &PlanError{Sentence: fmt.Sprintf("Rekey stands on %s itself: %s. It would cut itself off in the middle, so nothing was started. The second path is by hand: %s", s.Name, what, secondPath(s.Name))}
	default:
		return &PlanError{Sentence: fmt.Sprintf("Rekey stands on %s itself: %s, and would cut itself off in the middle of a rotation. Move them to another server first; nothing was changed. Where the key has leaked, `/rotate-emergency %s` tells a second path.", s.Name, what, s.Name)}
	}
}

// ownBranch stops a rotation whose old credential still lives and that has come to
// where Rekey stands on it, such as one that was begun with its records in a file
// and was imported before it was over.
func (w *run) ownBranch() error {
	what := w.subject.standsOn()
	if what == "" || w.r.OldDead() {
		return nil
	}
	return fault.New("looking at "+w.subject.Title+" again", fault.Managed, "Rekey stands on it itself: "+what+
		", and would cut itself off in the middle. Have Rekey keep its records on another server, or go on where it was begun, with its journal and every bot stopped")
}

// secondPath is what people type for a secret that Rekey stands on.
func secondPath(name string) string {
	return "stop every bot, then type on the bot's host `rekey emergency " + name + " what happened --local-journal FILE --config rekey.yaml --key YOUR_SSH_KEY`. It keeps its records in that file, asks for the same approvals by signature, and says in the end what to change before a bot is started."
}

// bySecondPath puts what Rekey stands on last, for people to do: every other
// rotation needs Rekey.
func bySecondPath(all []Subject) (first, last []Subject) {
	for _, s := range all {
		if s.standsOn() == "" {
			first = append(first, s)
		} else {
			last = append(last, s)
		}
	}
	return first, last
}

// second is the row of a secret that goes by its second path.
func second(s Subject) Member {
	return Member{Secret: s.Name, Title: s.Title, Second: true,
		Why: "Rekey stands on it itself (" + s.standsOn() + "), so it goes last and by hand. When no other row moves or asks: " + secondPath(s.Name)}
}

// byHand reports a part that waits for people to walk its second path.
func (p Part) byHand() bool { return p.Second && !p.Begun && !p.Refused }

// Last are the parts that go last, by hand, and are not begun.
func (p *Progress) Last() []Part {
	return slices.DeleteFunc(slices.Clone(p.Parts), func(part Part) bool { return !part.byHand() })
}

// goesLast says what is left to do by hand when nothing else moves, or "".
func (p *Progress) goesLast() string {
	text := ""
	for _, part := range p.Last() {
		text += " The last one is " + part.Secret + ": " + secondPath(part.Secret)
	}
	return text
}

// adoptable reports a row that takes up an emergency which people begin by
// themselves.
func (m Member) adoptable() bool { return m.Refused || m.Second && !m.Begun }

func waits(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}

// Among are the rotations among records of a store. What is none, or cannot be
// read, is left out.
func Among(records []state.Record) []*Rotation {
	var all []*Rotation
	for _, record := range records {
		if record.Bad != nil || !strings.HasPrefix(record.Key, recordPrefix) {
			continue
		}
		if r, err := decodeRecord(record.Key, record.Body); err == nil {
			all = append(all, r)
		}
	}
	return all
}
